#!/bin/sh
# Who we are: somebody with every capability over the mounts of a container in which nothing of the agent's runs yet; on the
# host otherwise. In: NAMESPACE-FILE, then OPTIONS PATH of each mount. The first that cannot be changed ends it.
set -eu
namespace=$1
shift
while [ $# -gt 0 ]; do
  mount --namespace "$namespace" -o "$1" -- "$2"
  shift 2
done
