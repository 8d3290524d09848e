#!/bin/sh
# Who we are: somebody with every capability over the network of a container that no program of the agent's runs in yet, or
# whose egress has ended; in all other namespaces still on the host. In: a command line. Out: that program.
set -eu
# Nothing but lo: the engine was asked for no network, and this is where it shows that it gave none.
others=$(ip -o link show | grep -cv '^[0-9]*: lo[:@]') || :
if [ "$others" != 0 ]; then
  echo "the container has another network device than lo" >&2
  exit 1
fi
# Not every runtime does it.
ip link set lo up
# Engines without IPv6 switch it off; here it leads to nobody but the egress.
{ echo 0 >/proc/sys/net/ipv6/conf/lo/disable_ipv6; } 2>/dev/null || :
# Every address is local: a connection to anywhere ends on a listener that can answer with a reason.
ip route replace local 0.0.0.0/0 dev lo
ip -6 route replace local ::/0 dev lo 2>/dev/null || :
exec "$@"
