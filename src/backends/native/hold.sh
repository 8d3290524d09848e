#!/bin/sh
# Who we are: uid 0 of the cage's outer user namespace, an unprivileged user of the host. We still see the host's files
# and processes and hold every capability over the cage's own network, mounts and names; the cage does not exist yet.
# In: CALLS LIST and NODE PROGRAM, each of which opens the listeners; OVERLAYS PIDS MEMORY GUARDED-PATH… -- then the bubblewrap
# command line. OVERLAYS: numbers of the workspaces that are one, with blanks between. Out: the same process, as its monitor.
set -eu
calls=$1 list=$2 node=$3 program=$4 overlays=$5 pids=$6 memory=$7
shift 7
# Opens the listeners, hands them to our parent, and goes on when that says so. It ends when its parent is gone.
# Every address is local: a connection to anywhere ends on a listener that can answer with a reason.
# There is no such program for every machine, and it cannot be run where it lies on a file system without programs.
if [ -x "$calls" ]; then
  printf '{"type":"up","holderPid":%d}\n' $$ >&3
  "$calls" "$list"
  until [ "${line:-}" = '{"type":"go"}' ]; do read -r line <&3; done
else
  ip route add local 0.0.0.0/0 dev lo
  ip -6 route add local ::/0 dev lo 2>/dev/null || :
  "$node" "$program"
fi
# Not inherited by the cage: the channel to the parent.
exec 3<&-
for n in $overlays; do
  layers=lowerdir=/mnt/lower-$n,upperdir=/mnt/upper-$n/upper,workdir=/mnt/upper-$n/work
  mount -t overlay overlay -o "$layers,userxattr" "/mnt/workspace-$n"
done
# Mounts must not be led astray by what an earlier run left; nobody is inside who could change it after this look.
while [ "$1" != -- ]; do
  case $1 in
    */) [ -L "${1%/}" ] || [ -d "$1" ] || mkdir "$1" ;;
  esac
  if [ -L "${1%/}" ]; then
    echo "a link is in the way of a mount: $1" >&2
    exit 1
  fi
  shift
done
shift
# A second lock beside the system-call filter: the cage's own user namespace is the last that can be made below this one.
# Where /proc/sys cannot be written, inside a container, the filter stands alone.
{ echo 1 >/proc/sys/user/max_user_namespaces; } 2>/dev/null || :
[ "$pids" = - ] || set -- prlimit "--nproc=$pids" -- "$@"
[ "$memory" = - ] || set -- prlimit "--data=$memory" -- "$@"
[ "$pids" = - ] || set -- "$(command -v prlimit)" "--nproc=$pids" -- "$@"
[ "$memory" = - ] || set -- "$(command -v prlimit)" "--data=$memory" -- "$@"
# Process 1 shows what it was started with to everybody inside, and the host's search path tells of its users.
unset PATH PWD OLDPWD SHLVL NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE
exec "$@" 9</mnt/run/seccomp.bpf 8</mnt/run/cage.args
