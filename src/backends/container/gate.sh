#!/bin/sh
# Who we are: root in the gate's container, with the capabilities of its start; the processes that are seen are the host's, the
# network is the cage's, the programs are the host's. Nothing of the agent's runs yet, or its egress has ended.
# In: UID GID NODE GATE-PROGRAM LISTENERS -- NAMESPACE-FILE, then OPTIONS PATH of each mount. Out: the gate, with no rights at all.
set -eu
here=${0%/*} uid=$1 gid=$2 node=$3 program=$4 listeners=$5
shift 6
sh "$here/remount.sh" "$@"
exec sh "$here/listeners.sh" setpriv --reuid "$uid" --regid "$gid" --clear-groups --inh-caps=-all --bounding-set=-all \
  --no-new-privs -- "$node" "$program" "$listeners"
