#!/bin/sh
# Who we are: uid 0 of the cage's outer user namespace, in the keeper's mount, network, ipc, uts and cgroup namespaces,
# still outside the cage's own user and process namespaces. Nothing a cage wrote has been read or run yet.
# In: INIT-PID PIDS MEMORY then the bubblewrap command line, which joins the namespaces on 6 and 7 and drops everything.
set -eu
init=$1 pids=$2 memory=$3
shift 3
[ "$pids" = - ] || set -- prlimit "--nproc=$pids" -- "$@"
[ "$memory" = - ] || set -- prlimit "--data=$memory" -- "$@"
exec "$@" 9</mnt/run/seccomp.bpf 8</mnt/run/cage.args 6<"/proc/$init/ns/user" 7<"/proc/$init/ns/pid"
