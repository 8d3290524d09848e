#!/bin/sh
# Puts itself, and so all that it becomes, into the cage's control groups. In: FILE… -- COMMAND…
set -eu
while [ "$1" != -- ]; do
  echo 0 >"$1"
  shift
done
shift
exec "$@"
