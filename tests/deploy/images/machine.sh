#!/bin/bash
# systemd as process 1, in a container that may mount: what `docker run` has made read-only is made writable.
set -euo pipefail
for each in /proc/sys /sys/fs/cgroup /sys/fs/cgroup/*/; do
  mountpoint -q "$each" && mount -o remount,bind,rw "$each"
done
exec /sbin/init
