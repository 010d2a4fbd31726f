#!/bin/sh
# One simulated machine: Linux namespaces of its own with a small init.
#
#   machine.sh enter NAME FOLDER         joins the machine's cgroup, leaves all namespaces that it came from, and boots
#   machine.sh boot NAME FOLDER          inside: makes the file systems that a machine has to itself, says ready, waits
#   machine.sh place NAME LAUNCHER       outside, once it is ready: puts its processes where they may stay
#   machine.sh join NAME COMMAND...      outside: runs a command in the machine's cgroup, before it enters the rest
#
# Everything ends with the init: processes, mounts, interfaces, rules. The cgroup is left to whoever started it.
set -eu
CGROUP=flowreset-cluster

# Each cgroup hierarchy that is mounted, a line each: its path, and its controllers or name ("-" for version 2).
hierarchies() {
  awk '$3 == "cgroup2" { print $2, "-" }
    $3 == "cgroup" {
      options = ""; count = split($4, words, ",")
      for (i = 1; i <= count; i++)
        if (words[i] !~ /^(rw|ro|relatime|nosuid|nodev|noexec|xattr|clone_children|seclabel|release_agent=.*)$/) options = options (options == "" ? "" : ",") words[i]
      print $2, options
    }' /proc/mounts
}

# A cpuset of version 1 has neither processors nor memory until it is told.
make_cgroup() {
  mkdir -p "$1"
  [ -e "$1/cpuset.cpus" ] && [ -e "$1/cpuset.memory_pressure" ] || return 0
  for file in cpuset.cpus cpuset.mems; do
    [ -n "$(cat "$1/$file")" ] || cat "$1/../$file" > "$1/$file"
  done
}

# Version 2: lets the groups below use every controller. A group that has processes of its own may not.
hand_on() {
  for controller in $(cat "$1/cgroup.controllers"); do
    echo "+$controller" > "$1/cgroup.subtree_control" 2>/dev/null || true
  done
}

enter() {
  hierarchies | while read -r path kind; do
    [ "$kind" != - ] || hand_on "$path"
    make_cgroup "$path/$CGROUP"
    [ "$kind" != - ] || hand_on "$path/$CGROUP"
    make_cgroup "$path/$CGROUP/$1"
  done
  # Not in the loop above, which is a process of its own.
  for path in $(hierarchies | cut -d' ' -f1); do echo $$ > "$path/$CGROUP/$1/cgroup.procs"; done
  exec unshare --mount --net --uts --ipc --cgroup --pid --fork --kill-child --mount-proc sh "$0" boot "$@"
}

boot() {
  name=$1
  folder=$2
  cd "$folder" # Gone where the cluster was taken down meanwhile.
  hostname "$name"
  cgroups=$(hierarchies)
  # A new /sys: what is mounted shows the interfaces and the cgroups of the machine that we came from.
  umount -R /sys 2>/dev/null || true
  mount -t sysfs sysfs /sys
  # Shared: a kubelet hands mounts on to containers.
  mount --make-rshared /
  mount -t tmpfs run /run
  mkdir -p /run/netns /run/lock /run/programs
  for own in var/lib var/log; do
    mkdir -p "$folder/$own"
    mount --bind "$folder/$own" "/$own"
  done
  for own in etc opt; do
    mkdir -p "$folder/$own.upper" "$folder/$own.work"
    mount -t overlay "$own" -o "lowerdir=/$own,upperdir=$folder/$own.upper,workdir=$folder/$own.work" "/$own"
  done
  case "$cgroups" in
  "/sys/fs/cgroup -") ;;
  *) mount -t tmpfs cgroup /sys/fs/cgroup ;;
  esac
  echo "$cgroups" | while read -r path kind; do
    mkdir -p "$path"
    if [ "$kind" = - ]; then mount -t cgroup2 cgroup2 "$path"; else mount -t cgroup -o "$kind" cgroup "$path"; fi
  done
  for file in /proc/sys/net/ipv6/conf/*/accept_dad /proc/sys/net/ipv6/conf/*/accept_ra; do echo 0 > "$file"; done
  echo 1 > /proc/sys/net/ipv4/ip_forward
  echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  ip link set lo up
  : > "$folder/ready"
  # In the foreground a shell waits for it, and reaps whatever orphan is left to it meanwhile.
  while :; do sleep 1000000; done
}

# Version 2: the machine's own group hands its controllers on, so that its processes move one level down.
place() {
  for path in $(hierarchies | awk '$2 == "-" { print $1 }'); do
    mkdir -p "$path/$CGROUP/launchers" "$path/$CGROUP/$1/init"
    echo "$2" > "$path/$CGROUP/launchers/cgroup.procs"
    for process in $(cat "$path/$CGROUP/$1/cgroup.procs"); do echo "$process" > "$path/$CGROUP/$1/init/cgroup.procs"; done
    hand_on "$path/$CGROUP/$1"
  done
}

# Before it enters the machine's own view of the groups: into that, version 2 lets nobody move from outside.
join() {
  name=$1
  shift
  for path in $(hierarchies | cut -d' ' -f1); do
    group=$path/$CGROUP/$name
    [ ! -d "$group/init" ] || group=$group/init
    echo $$ > "$group/cgroup.procs"
  done
  exec "$@"
}

stage=$1
shift
"$stage" "$@"
