#!/bin/sh
# Prints the folder of a Node.js 24 or newer: the machine's own, or one brought by the npm package
# node-linux-<arch> (no install script, no other download). Everything here is started through it.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
new_enough() { [ -x "$1" ] && "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' 2>/dev/null; }

own=$(command -v node || true)
if [ -n "$own" ] && new_enough "$own"; then dirname "$(readlink -f "$own")"; exit 0; fi

case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "Cannot bring Node.js 24 to this processor: $(uname -m); install it and put it on the PATH" >&2; exit 1 ;;
esac
bin="$root/.tools/node_modules/node-linux-$arch/bin"
new_enough "$bin/node" || "$root/tools/bring.sh" "node-linux-$arch@24" "Node.js 24"
echo "$bin"
