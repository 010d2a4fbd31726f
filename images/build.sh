#!/bin/sh
# Builds the image of operator and sensor without a daemon, and writes it as an OCI archive: `build.sh [FOLDER]`
# (images/build). The same sources, Node.js and libraries give the same bytes. It is for this machine's processor:
# build it on an arm64 machine for arm64.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
folder=${1:-$root/images/build}
"$root/tools/packages.sh" buildah=buildah strip=binutils tar=tar
case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) echo "Cannot build an image for this processor, expected x86_64 or aarch64: current value is $(uname -m)" >&2; exit 1 ;;
esac
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")
mkdir -p "$folder"
folder=$(cd "$folder" && pwd -P)
archive=$folder/flowreset-$version-$arch.oci.tar
work=$(mktemp -d "$folder/.work.XXXXXX")
trap 'chmod -R u+w "$work" 2>/dev/null; rm -rf "$work"' EXIT

"$root/images/stage.sh" "$work/stage"
build() { buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
{
  # --layers gives each COPY its own layer; times, owners and history say nothing of this machine.
  build bud --isolation chroot --layers --timestamp 0 --arch "$arch" --tag "flowreset:$version" \
    --label "org.opencontainers.image.title=flowreset" --label "org.opencontainers.image.version=$version" \
    --label "org.opencontainers.image.licenses=Apache-2.0" --identity-label=false \
    --file "$root/images/Containerfile" "$work/stage" &&
  build push --format oci "flowreset:$version" "oci:$work/layout:$version"
} >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; echo "Cannot build the image: buildah says why above" >&2; exit 1; }

# Its whole name, as containerd's importer and Docker's look for it.
sed -i "s|\"org.opencontainers.image.ref.name\":|\"io.containerd.image.name\":\"docker.io/library/flowreset:$version\",&|" "$work/layout/index.json"
# buildah's own archive would carry the hour of its making.
(cd "$work/layout" && tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --format=ustar -cf "$archive.part" blobs index.json oci-layout)
mv "$archive.part" "$archive"
sed -n 's/.*"digest":"\([^"]*\)".*/\1/p' "$work/layout/index.json" >"$folder/flowreset-$version-$arch.digest"
echo "docker.io/library/flowreset:$version ($arch, $(($(wc -c <"$archive") / 1000000)) MB): $archive" >&2
