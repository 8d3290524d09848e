#!/bin/sh
# Who we are: uid 0 of the cage's outer user namespace, an unprivileged user of the host. We still see the host's files
# and processes and hold every capability over the cage's own network, mounts and names; the cage does not exist yet.
# In: NODE LISTENERS-PROGRAM OVERLAY PIDS MEMORY then the bubblewrap command line. Out: the same process, as its monitor.
set -eu
node=$1 program=$2 overlay=$3 pids=$4 memory=$5
shift 5
# Every address is local: a connection to anywhere ends on a listener that can answer with a reason.
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo 2>/dev/null || :
# Opens the listeners, hands them to the egress, and returns when the egress serves. It fails when its parent is gone.
"$node" "$program"
# Not inherited by the cage: the channel to the parent.
exec 3<&-
if [ "$overlay" = yes ]; then
  mount -t overlay overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper/upper,workdir=/mnt/upper/work,userxattr /mnt/workspace
fi
[ "$pids" = - ] || set -- prlimit "--nproc=$pids" -- "$@"
[ "$memory" = - ] || set -- prlimit "--data=$memory" -- "$@"
exec "$@" 9</mnt/run/seccomp.bpf 8</mnt/run/cage.args
