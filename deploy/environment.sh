#!/bin/sh
# Writes portal.env, owner.env and database.env from their examples, with new secrets:
#   sh environment.sh portal.example.org
# It leaves a file that exists as it is, and then makes none of the others.
set -eu
cd "$(dirname "$0")"
host="${1:?name the host, as in: sh environment.sh portal.example.org}"
files="portal owner database"
for file in $files; do
    if [ -e "$file.env" ]; then
        echo "$file.env is there already. Move it away first, or keep using it." >&2
        exit 1
    fi
done
script="s/portal\\.example\\.org/$host/"
for name in KEY METRICS PORTAL OWNER SERVER; do
    secret=$(LC_ALL=C tr -dc 'A-Za-z0-9' < /dev/urandom | head -c 64)
    script="$script;s/CHANGE-ME-$name/$secret/"
done
umask 077
for file in $files; do
    sed "$script" "$file.env.example" > "$file.env"
done
echo "Wrote portal.env, owner.env and database.env. Next: docker compose up --detach --build"
