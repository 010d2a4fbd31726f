#!/bin/sh
# Makes sure that the Debian packages that the lab uses are there: `packages.sh command=package ...`.
# As root it installs what is missing; otherwise it names the command that does. Other systems get the list.
set -eu
missing=""
for pair in "$@"; do
  command=${pair%%=*}
  package=${pair#*=}
  PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null 2>&1 || [ -e "$command" ] || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing Debian packages:$missing ..." >&2
  log=$(mktemp)
  # Services must not start on the machine: the lab starts its own inside its namespaces.
  policy=/usr/sbin/policy-rc.d
  made=""
  [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' > "$policy"; chmod +x "$policy"; made=1; }
  # shellcheck disable=SC2086
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 && ok=1 || ok=""
  [ -n "$made" ] && rm -f "$policy"
  [ -n "$ok" ] || { tail -n 20 "$log" >&2; rm -f "$log"; echo "Cannot install:$missing" >&2; exit 1; }
  rm -f "$log"
else
  echo "Missing tools of the lab: install them with: sudo apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
