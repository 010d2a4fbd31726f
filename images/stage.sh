#!/bin/sh
# Lays out what the image holds: `stage.sh FOLDER` fills FOLDER/base (Node.js and its libraries) and FOLDER/product.
set -eu
stage=${1:?Usage: images/stage.sh FOLDER}
root=$(cd "$(dirname "$0")/.." && pwd -P)
bin=$("$root/tools/node.sh")
PATH="$bin:$PATH"
mkdir -p "$stage/base" "$stage/product"
stage=$(cd "$stage" && pwd -P)
base=$stage/base
product=$stage/product/usr/lib/flowreset

# The product as `make install` lays it, without what no container can use.
DESTDIR="$stage/product" "$root/tools/install.sh" /usr 2>"$stage/install.log" || { cat "$stage/install.log" >&2; exit 1; }
rm -rf "$stage/product/usr/bin" "$product/node" "$product/flowreset" "$product/examples" "$product"/*.md
# client-node reads kubeconfig files, outside a cluster only; libpcap's binding needs a library that is not here.
(cd "$product" && npm uninstall --offline --no-audit --omit=dev --omit=optional @kubernetes/client-node cap) >"$stage/npm.log" 2>&1 \
  || { cat "$stage/npm.log" >&2; exit 1; }
rm -rf "$product/package-lock.json" "$product/.npmrc" "$product/node_modules/.bin" "$product/node_modules/.package-lock.json"
# Of the packages only what Node.js loads: no types, sources, maps, tests, papers or tools of their authors.
find "$product/node_modules" -depth \( -name test -o -name tests -o -name __tests__ -o -name docs -o -name examples \
  -o -name benchmarks -o -name '.[a-z]*' -o -path '*/zod/src' \) -exec rm -rf {} +
find "$product/node_modules" -type f ! -iname 'license*' ! -iname 'notice*' ! -name '*.js' ! -name '*.cjs' ! -name '*.mjs' \
  ! -name '*.json' ! -name '*.wasm' -delete
find "$product/node_modules" -type f \( -name '*.test.*' -o -name '*.spec.*' -o -name 'tsconfig*.json' \) -delete
find "$product" -type d -empty -delete

# Node.js without its symbols (18 MB), and every library that it and our native file load, at the loader's own paths.
mkdir -p "$base/usr/bin" "$base/etc/ssl/certs" "$base/usr/share/licenses/node" "$base/tmp"
cp -L "$bin/node" "$base/usr/bin/node"
strip --strip-all "$base/usr/bin/node" "$product"/sensor/native/*.node
for license in "$bin/../LICENSE" /usr/share/doc/nodejs/copyright; do
  [ ! -f "$license" ] || { cp "$license" "$base/usr/share/licenses/node/LICENSE"; break; }
done
ldd "$bin/node" "$product"/sensor/native/*.node | sed -n 's/.*=> \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*ld[^ ]*\) (.*/\1/p' | sort -u |
  while read -r library; do
    mkdir -p "$base$(dirname "$library")"
    cp -L "$library" "$base$library"
    # Whose they are (Debian); other systems keep their licences elsewhere.
    package=$(dpkg-query -S "$(readlink -f "$library")" "$library" 2>/dev/null | sed 's/:.*//; 1q') || package=""
    [ -z "$package" ] || { mkdir -p "$base/usr/share/licenses/$package" && cp -L "/usr/share/doc/$package/copyright" "$base/usr/share/licenses/$package/"; }
  done

certificates=/etc/ssl/certs/ca-certificates.crt
[ -f "$certificates" ] || { echo "Install the CA certificates (Debian: apt-get install ca-certificates): $certificates is missing" >&2; exit 1; }
cp -L "$certificates" "$base$certificates"
printf 'root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/:/none\n' >"$base/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' >"$base/etc/group"
printf 'hosts: files dns\n' >"$base/etc/nsswitch.conf"

# `kubectl exec POD -- flowreset status`, where there is no shell: the kernel starts Node.js for it.
printf '#!/usr/bin/node --disable-warning=ExperimentalWarning\nimport("/usr/lib/flowreset/cli/main.js");\n' >"$base/usr/bin/flowreset"

# The same modes whatever the umask was; links would be a second name for a file and are not needed.
find "$stage/base" "$stage/product" -type d -exec chmod 755 {} +
find "$stage/base" "$stage/product" -type f -exec chmod 644 {} +
chmod 755 "$base/usr/bin/node" "$base/usr/bin/flowreset"
chmod 1777 "$base/tmp"
find "$base" -name 'ld-*' -exec chmod 755 {} +
