#!/bin/sh
# Writes the chart as plain YAML, with its own values: `manifests.sh [FILE]` (deploy/flowreset.yaml). Helm: $HELM, the
# one on the PATH, or the one that the tests build.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
file=${1:-$root/deploy/flowreset.yaml}
bring='const { bringBinaries } = await import("./test/cluster/mod.ts"); console.log((await bringBinaries(["helm"])).helm)'
helm=${HELM:-$(command -v helm || (cd "$root" && "$(tools/node.sh)/node" --disable-warning=ExperimentalWarning --input-type=module --eval "$bring"))}
oldest=$(sed -n 's/^kubeVersion: ">=\([0-9.]*\).*/\1/p' "$root/charts/flowreset/Chart.yaml")
part=$file.part
trap 'rm -f "$part"' EXIT
{
  cat <<HEADER
# FlowReset without Helm: kubectl apply --filename flowreset.yaml
# Written by \`make manifests\` from charts/flowreset; a test fails where it differs.
---
apiVersion: v1
kind: Namespace
metadata:
  name: flowreset-system
  labels:
    # Sensors live in the node's network and send raw packets; the operator would pass "restricted".
    pod-security.kubernetes.io/enforce: privileged
HEADER
  # No label says that Helm manages what Helm does not; its hooks and annotations mean nothing here. What Argo CD and Flux
  # read in their place keeps the kinds, and every policy with them.
  keep='{argocd.argoproj.io/sync-options: "Prune=false,Delete=false", kustomize.toolkit.fluxcd.io/prune: disabled}'
  "$helm" template flowreset "$root/charts/flowreset" --namespace flowreset-system --kube-version "$oldest" --no-hooks |
    sed -e '/^ *app\.kubernetes\.io\/managed-by: Helm$/d' -e '/^ *helm\.sh\/chart: /d' -e "s|{helm\.sh/resource-policy: keep}\$|$keep|" -e '/^# Source: /d' -e '/^# Written by /d'
} >"$part"
mv "$part" "$file"
