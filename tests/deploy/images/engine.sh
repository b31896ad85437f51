#!/bin/bash
# dockerd by TLS on port 2376, to clients whose certificate it has put into $DOCKER_TLS_CERTDIR/client.
set -euo pipefail
cd "$DOCKER_TLS_CERTDIR"
signed() { # signed NAME EXTENSIONS
  mkdir -p "$1"
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1/key.pem" -out "$1.csr" 2>/dev/null
  openssl x509 -req -days 30 -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -extfile <(echo "$2") -out "$1/cert.pem" 2>/dev/null
  cp ca.pem "$1/"
  chmod 644 "$1/key.pem" # the worker is not root
}
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=engine -keyout ca-key.pem -out ca.pem 2>/dev/null
signed server subjectAltName=DNS:engine,DNS:localhost
signed client extendedKeyUsage=clientAuth
# Without `privileged` (tests/deploy/ship.py says when) both are read-only.
for each in /proc/sys /sys/fs/cgroup /sys/fs/cgroup/*/; do
  mountpoint -q "$each" && mount -o remount,bind,rw "$each"
done
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  # A group that holds processes cannot hand controllers on: they move into one below.
  mkdir -p /sys/fs/cgroup/engine
  xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/engine/cgroup.procs || true
  sed -e 's/ / +/g' -e 's/^/+/' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi
exec dockerd --host unix:///var/run/docker.sock --host tcp://0.0.0.0:2376 \
  --tlsverify --tlscacert ca.pem --tlscert server/cert.pem --tlskey server/key.pem
