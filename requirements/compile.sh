#!/bin/sh
# Compiles the pins from the .in files, all to one resolution, with the hashes of every file of
# each release, so that one list serves all platforms. Needs pip-compile of pip-tools, outside
# of .venv. Settings of this machine are ignored: its own copies of packages and their hashes
# would not be those that others download.
set -eu
cd "$(dirname "$0")"
export PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS=
compile="pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate $*"
$compile test.in --output-file ../requirements.txt
$compile dev.in --constraint ../requirements.txt --output-file dev.txt
$compile runtime.in --constraint ../requirements.txt --output-file runtime.txt
$compile release.in --allow-unsafe --constraint ../requirements.txt --output-file release.txt
# pytest-cov asks for this extra, which is empty in Python 3.11; pip wants it with a hash. Last,
# because a constraint may have no extra.
sed -i 's/^coverage==/coverage[toml]==/' ../requirements.txt dev.txt
