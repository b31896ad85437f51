#!/bin/bash
# A database with the user, the name and the password that the environment gives, listening to its networks.
set -euo pipefail
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
readonly data=/var/lib/postgresql/data
as() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
install -d -o postgres -g postgres -m 700 "$data"
install -d -o postgres -g postgres /var/run/postgresql
if [ ! -s "$data/PG_VERSION" ]; then
  install -o postgres -m 600 <(echo "$POSTGRES_PASSWORD") /tmp/password
  as initdb --pgdata "$data" --username "$POSTGRES_USER" --locale C.UTF-8 --pwfile /tmp/password \
    --auth-local trust --auth-host scram-sha-256 >/dev/null
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
  as postgres --single -D "$data" postgres <<<"CREATE DATABASE \"$POSTGRES_DB\"" >/dev/null
fi
exec setpriv --reuid postgres --regid postgres --init-groups postgres -D "$data" -c 'listen_addresses=*'
