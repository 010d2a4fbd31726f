#!/bin/sh
# Brings an npm package into .tools, without its install scripts: `bring.sh PACKAGE WHAT`, where WHAT names it to people.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
package=$1
what=$2
command -v npm >/dev/null || { echo "Cannot find npm to bring $what: install npm (Debian: apt-get install npm), or $what itself" >&2; exit 1; }
echo "bringing $what from npm (once, about 15 s) ..." >&2
mkdir -p "$root/.tools" || { echo "Cannot bring $what: $root must be yours to write" >&2; exit 1; }
log="$root/.tools/bring.log"
npm install --prefix "$root/.tools" --no-save --ignore-scripts --no-audit --no-fund "$package" >"$log" 2>&1 \
  || { tail -n 20 "$log" >&2; echo "Cannot bring $what: npm says why above" >&2; exit 1; }
rm -f "$log"
