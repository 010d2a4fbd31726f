#!/bin/sh
# Builds sensor/native/flowreset-<arch>.node with one call of the C compiler, when a source is newer.
# Headers: those beside the Node.js in use, else those of the npm package node-linux-<arch>.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
source="$root/sensor/native"
bin=$("$root/tools/node.sh")
arch=$("$bin/node" -p process.arch)
built="$source/flowreset-$arch.node"
if [ -f "$built" ] && [ -z "$(find "$source" -name '*.[ch]' -newer "$built")" ]; then exit 0; fi

compiler=${CC:-cc}
command -v "$compiler" >/dev/null || {
  echo "Cannot find the C compiler $compiler: install one (Debian: apt-get install gcc libc6-dev) or set CC" >&2; exit 1; }
echo '#include <linux/if_packet.h>' | "$compiler" -E - >/dev/null 2>&1 || {
  echo "Cannot find the C library's headers: install them (Debian: apt-get install libc6-dev linux-libc-dev)" >&2; exit 1; }
headers=$("$root/tools/headers.sh")
part="$built.$$"
trap 'rm -f "$part"' EXIT
"$compiler" -std=gnu11 -O2 -Wall -Wextra -shared -fPIC -fvisibility=hidden -I"$headers" "$source"/*.c -o "$part" -lm
mv "$part" "$built"
