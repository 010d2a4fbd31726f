#!/bin/sh
# Copies the product to PREFIX/lib/flowreset, whole with its Node.js, and a launcher to PREFIX/bin. An earlier
# installation is replaced only when the new one is complete. DESTDIR is put before every path (packagers).
# Usage: tools/install.sh PREFIX
set -eu
prefix=${1:?Usage: tools/install.sh PREFIX}
case $prefix in /*) ;; *) echo "Give an absolute PREFIX: $prefix" >&2; exit 2 ;; esac
root=$(cd "$(dirname "$0")/.." && pwd -P)
bin=$("$root/tools/node.sh")
library="${DESTDIR:-}$prefix/lib/flowreset"
new="$library.new.$$"
trap 'rm -rf "$new"' EXIT
mkdir -p "$new" "${DESTDIR:-}$prefix/bin" || { echo "Cannot write to ${DESTDIR:-}$prefix: use sudo, or another PREFIX" >&2; exit 1; }

# The product without its tests, as git would list it; a checkout without git has no strays either.
rooms=$(cd "$root" && ls -d crds cli kube memory operator sensor 2>/dev/null) || true
# shellcheck disable=SC2086
(cd "$root" && find $rooms -type f ! -name '*.test.ts' ! -name '*.fixture.ts' ! -name '*.[ch]' ! -name '*.node.[0-9]*' ! -path 'crds/generate/*' ! -name '*.yaml' -print0) |
  (cd "$root" && xargs -0 cp --parents -t "$new")
for file in package.json package-lock.json .npmrc flowreset LICENSE README.md CHANGELOG.md examples; do
  [ ! -e "$root/$file" ] || cp -R "$root/$file" "$new/"
done
"$bin/node" --disable-warning=ExperimentalWarning "$root/tools/stripTypes.ts" "$new"
mkdir -p "$new/node/bin"
cp -L "$bin/node" "$new/node/bin/node"

"$root/tools/modules.sh" "$new" --omit=dev
# libpcap's backend is built here, not by npm: taken along where it is there.
if [ -d "$root/node_modules/cap/build/Release" ] && [ -d "$new/node_modules/cap" ]; then
  mkdir -p "$new/node_modules/cap/build" && cp -R "$root/node_modules/cap/build/Release" "$new/node_modules/cap/build/"
fi
"$new/flowreset" version >/dev/null

old="$library.old.$$"
[ ! -d "$library" ] || mv "$library" "$old"
mv "$new" "$library"
rm -rf "$old"
# A relative link survives DESTDIR and moving the whole prefix.
ln -sfn ../lib/flowreset/flowreset "${DESTDIR:-}$prefix/bin/flowreset"
echo "installed: $prefix/bin/flowreset" >&2
