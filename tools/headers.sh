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
"$root/tools/bring.sh" "$package" "the headers of Node.js"
echo "$found"
