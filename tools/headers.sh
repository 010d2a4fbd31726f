#!/bin/sh
# Prints the folder of node_api.h for the Node.js in use: beside it, or brought by the npm package node-linux-<arch>
# (a distribution's Node.js often comes without headers; Node-API is stable, so those of another build do).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
bin=$("$root/tools/node.sh")
for found in "$bin/../include/node" "$root/.tools/node_modules/node-linux-$("$bin/node" -p process.arch)/include/node"; do
  if [ -f "$found/node_api.h" ]; then (cd "$found" && pwd); exit 0; fi
done
package="node-linux-$("$bin/node" -p 'process.arch')@$("$bin/node" -p 'process.versions.node.split(".")[0]')"
command -v npm >/dev/null || { echo "Cannot find npm to bring the headers of Node.js: install npm" >&2; exit 1; }
echo "bringing the headers of Node.js from npm (once, about 15 s) ..." >&2
npm install --prefix "$root/.tools" --no-save --ignore-scripts --no-audit --no-fund "$package" >/dev/null 2>"$root/.tools.log" \
  || { cat "$root/.tools.log" >&2; exit 1; }
rm -f "$root/.tools.log"
echo "$found"
