#!/bin/sh
# Who we are: somebody with every capability over the network of a router, a container that only sleeps; in all other namespaces
# still on the host. Its cage has no device yet. In: NETWORK-LINK RULES-4 RULES-6 CAGE-PID CAGE-DEVICE ADDRESS-4 ADDRESS-6.
# Out: `ipv6` when it has a way there. Nothing is connected before all rules stand.
set -eu
if [ "$(readlink /proc/self/ns/net)" != "$1" ]; then
  echo "this is not the network of the router" >&2
  exit 1
fi
iptables-restore -w 10 <"$2"
# Only a kernel without IPv6 may do without its rules.
if [ -e /proc/net/if_inet6 ]; then ip6tables-restore -w 10 <"$3"; fi
# One that passes packets on hears no other routers unless it is told to.
for file in /proc/sys/net/ipv6/conf/*/accept_ra; do { echo 2 >"$file"; } 2>/dev/null || :; done
{ echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; } 2>/dev/null || :
echo 1 >/proc/sys/net/ipv4/ip_forward
ip link add cage type veth peer name "$5" netns "$4"
ip address add "$6" dev cage
{ ip address add "$7" dev cage nodad; } 2>/dev/null || :
ip link set cage up
if [ -n "$(ip -6 route show default 2>/dev/null)" ]; then echo ipv6; fi
