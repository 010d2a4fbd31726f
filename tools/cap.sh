#!/bin/sh
# Builds the optional dependency `cap` (libpcap) against the headers of the Node.js in use: the portable way to capture
# where the native ring cannot run. Does nothing when it is built already.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
bin=$("$root/tools/node.sh")
PATH="$bin:$PATH"
cd "$root"
[ -d node_modules/cap ] || { echo "Run npm ci first: the optional package cap is not installed" >&2; exit 1; }
if node -e 'require("cap")' 2>/dev/null; then exit 0; fi
[ -f /usr/include/pcap.h ] || [ -f /usr/include/pcap/pcap.h ] || {
  echo "Install the headers of libpcap (Debian: apt-get install libpcap-dev): pcap.h is missing" >&2; exit 1; }
for tool in c++ make python3; do
  command -v "$tool" >/dev/null || { echo "Install $tool (Debian: apt-get install g++ make python3): it is missing" >&2; exit 1; }
done
headers=$("$root/tools/headers.sh")
npm_config_nodedir=$(cd "$headers/../.." && pwd)
export npm_config_nodedir
log="$root/.tools/cap.log"
mkdir -p "$root/.tools"
npm rebuild cap --ignore-scripts=false --foreground-scripts >"$log" 2>&1 || { tail -n 40 "$log" >&2; echo "Cannot build cap: the whole of it is in .tools/cap.log" >&2; exit 1; }
node -e 'require("cap")'
