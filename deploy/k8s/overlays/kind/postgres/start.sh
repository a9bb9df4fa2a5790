#!/usr/bin/env bash
# Starts this server as what the ConfigMap postgres-leader says it is: the leader, or a standby of it.
set -euo pipefail

leader=$(cat /leader/name)
upstream="host=$leader.postgres-servers user=replication password=$REPLICATION_PASSWORD application_name=$HOSTNAME"
# Also the leader gets it: it becomes a standby when another one leads.
settings=("$@" "-cprimary_conninfo=$upstream")

if [[ $HOSTNAME == "$leader" ]]; then
  exec docker-entrypoint.sh postgres "${settings[@]}"
fi

# A server that led before may have commits that the new leader has not: nobody was told of them, because they wait for the
# standby. Its data is replaced.
if [[ ! -f $PGDATA/standby.signal ]]; then
  echo "$HOSTNAME becomes a standby of $leader: it copies the leader's data"
  until PGPASSWORD=$REPLICATION_PASSWORD pg_basebackup --host="$leader.postgres-servers" --username=replication \
    --pgdata="$PGDATA.new" --wal-method=stream --checkpoint=fast --no-password; do
    rm -rf "$PGDATA.new"
    sleep 2
  done
  # Only once it is whole does it count as a standby's.
  touch "$PGDATA.new/standby.signal"
  rm -rf "$PGDATA"
  mv "$PGDATA.new" "$PGDATA"
fi
exec docker-entrypoint.sh postgres "${settings[@]}"
