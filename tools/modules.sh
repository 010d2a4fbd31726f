#!/bin/sh
# Brings the npm packages that a folder's lock file names: `modules.sh FOLDER [options of npm ci]`.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$1
shift
bin=$("$root/tools/node.sh")
PATH="$bin:$PATH"
command -v npm >/dev/null || { echo "Cannot find npm to bring the npm packages: install npm (Debian: apt-get install npm)" >&2; exit 1; }
echo "bringing the npm packages (once) ..." >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
(cd "$folder" && npm ci --no-audit --no-fund "$@") >"$log" 2>&1 \
  || { tail -n 20 "$log" >&2; echo "Cannot bring the npm packages into $folder: npm says why above" >&2; exit 1; }
