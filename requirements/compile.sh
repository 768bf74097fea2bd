#!/bin/sh
# Compiles the pins from the .in files, all to one resolution.
set -eu
cd "$(dirname "$0")"
compile="pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate $*"
$compile test.in --output-file ../requirements.txt
$compile dev.in --constraint ../requirements.txt --output-file dev.txt
$compile runtime.in --constraint ../requirements.txt --generate-hashes --output-file runtime.txt
