#!/bin/sh
# One simulated machine: Linux namespaces of its own with a small init. Called in three stages, each by the one before:
#
#   machine.sh enter NAME FOLDER     joins the machine's cgroup, then leaves all namespaces that it came from
#   machine.sh boot NAME FOLDER      makes the file systems that a machine has to itself, says ready, and waits
#   machine.sh join                  inside: moves itself to the machine's cgroup, then runs a command there
#
# Everything ends with the init: processes, mounts, interfaces, rules. The cgroup is left to whoever started it.
set -eu
stage=$1
shift
CGROUP=flowreset-cluster

# Each cgroup hierarchy that is mounted: its path and its options, as `cpu,cpuacct` or empty (version 2).
hierarchies() {
  awk '$3 == "cgroup" || $3 == "cgroup2" {
    options = ""; n = split($4, words, ",")
    for (i = 1; i <= n; i++)
      if (words[i] !~ /^(rw|ro|relatime|nosuid|nodev|noexec|nsdelegate|memory_recursiveprot|xattr|clone_children|favordynmods|memory_hugetlb_accounting|pids_localevents|release_agent=.*|seclabel)$/) options = options (options == "" ? "" : ",") words[i]
    print $2, ($3 == "cgroup2" ? "-" : options) }' /proc/mounts
}

# A cpuset has neither processors nor memory until it is told; version 2 hands on what the parent hands out.
make_cgroup() {
  mkdir -p "$1"
  for file in cpuset.cpus cpuset.mems; do
    [ -e "$1/$file" ] && [ -e "$1/cpuset.memory_pressure" ] && [ -z "$(cat "$1/$file")" ] && cat "$1/../$file" > "$1/$file"
  done
  return 0
}
hand_on() {
  [ -e "$1/cgroup.subtree_control" ] || return 0
  for controller in $(cat "$1/cgroup.controllers"); do echo "+$controller" > "$1/cgroup.subtree_control" 2>/dev/null || true; done
}

case $stage in
enter)
  hierarchies | while read -r path options; do
    [ "$options" = - ] && hand_on "$path"
    make_cgroup "$path/$CGROUP"
    [ "$options" = - ] && hand_on "$path/$CGROUP"
    make_cgroup "$path/$CGROUP/$1"
  done
  for path in $(hierarchies | cut -d' ' -f1); do echo 0 > "$path/$CGROUP/$1/cgroup.procs"; done
  exec unshare --mount --net --uts --ipc --cgroup --pid --fork --kill-child --mount-proc sh "$0" boot "$@"
  ;;
boot)
  name=$1
  folder=$2
  # Gone where the cluster was taken down meanwhile.
  cd "$folder"
  hostname "$name"
  # New ones, because what is mounted shows the interfaces and the cgroups of the machine that we came from.
  list=$(hierarchies)
  umount -R /sys 2>/dev/null || true
  mount -t sysfs sysfs /sys
  # /dev/shm, /run and the rest of what programs write to. Shared: a kubelet hands mounts on to containers.
  mount --make-rshared /
  mount -t tmpfs run /run
  mkdir -p /run/netns /run/lock /run/programs
  for own in var/lib var/log; do mkdir -p "$folder/$own"; mount --bind "$folder/$own" "/$own"; done
  for own in etc opt; do
    mkdir -p "$folder/$own.upper" "$folder/$own.work"
    mount -t overlay "$own" -o "lowerdir=/$own,upperdir=$folder/$own.upper,workdir=$folder/$own.work" "/$own"
  done
  case "$list" in *" -") [ "$(echo "$list" | wc -l)" = 1 ] && pure=1 || pure="" ;; *) pure="" ;; esac
  if [ -n "$pure" ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    # Only a group without processes may hand controllers on.
    mkdir -p /sys/fs/cgroup/init
    echo 0 > /sys/fs/cgroup/init/cgroup.procs
    hand_on /sys/fs/cgroup
  else
    mount -t tmpfs cgroup /sys/fs/cgroup
    echo "$list" | while read -r path options; do
      mkdir -p "$path"
      if [ "$options" = - ]; then mount -t cgroup2 cgroup2 "$path"; else mount -t cgroup -o "$options" cgroup "$path"; fi
    done
  fi
  for file in /proc/sys/net/ipv6/conf/*/accept_dad /proc/sys/net/ipv6/conf/*/accept_ra; do echo 0 > "$file"; done
  echo 1 > /proc/sys/net/ipv4/ip_forward
  ip link set lo up
  : > "$folder/ready"
  # In the foreground a shell waits for it, and reaps whatever orphan is left to it meanwhile.
  while :; do sleep 1000000; done
  ;;
join)
  if [ -d /sys/fs/cgroup/init ]; then
    echo 0 > /sys/fs/cgroup/init/cgroup.procs
  else
    for path in $(hierarchies | cut -d' ' -f1); do echo 0 > "$path/cgroup.procs"; done
  fi
  exec "$@"
  ;;
esac
