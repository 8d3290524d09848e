#!/bin/sh
# Who we are: somebody with every capability over the network of an open cage in which nothing of the agent's runs yet, or whose
# router has ended; in all other namespaces still on the host. In: NETWORK-LINK DEVICE ADDRESS-4 ROUTER-4, and where there is
# IPv6 ADDRESS-6 ROUTER-6.
set -eu
if [ "$(readlink /proc/self/ns/net)" != "$1" ]; then
  echo "this is not the network of the cage" >&2
  exit 1
fi
ip link set lo up
ip address add "$3" dev "$2"
if [ $# -gt 4 ]; then
  { echo 0 >"/proc/sys/net/ipv6/conf/$2/disable_ipv6"; } 2>/dev/null || :
  ip address add "$5" dev "$2" nodad
fi
ip link set "$2" up
ip route replace default via "$4" dev "$2"
if [ $# -gt 4 ]; then ip route replace default via "$6" dev "$2"; fi
