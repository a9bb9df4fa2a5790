#!/usr/bin/env bash
# Starts this server as what the ConfigMap postgres-leader says it is: the leader, or a standby of it.
set -euo pipefail

leader=$(cat /leader/name)
upstream="host=$leader.postgres-servers user=replication password=$REPLICATION_PASSWORD application_name=$HOSTNAME"
# The leader gets it too: it becomes a standby once another one leads.
settings=("$@" "-cprimary_conninfo=$upstream")

if [[ $HOSTNAME == "$leader" ]]; then
  exec docker-entrypoint.sh postgres "${settings[@]}"
fi

# A former leader may have commits that the new leader lacks. None was acknowledged, because each waits for the standby, so its
# data is replaced.
if [[ ! -f $PGDATA/standby.signal ]]; then
  echo "$HOSTNAME becomes a standby of $leader: it copies the leader's data"
  until PGPASSWORD=$REPLICATION_PASSWORD pg_basebackup --host="$leader.postgres-servers" --username=replication \
    --pgdata="$PGDATA.new" --wal-method=stream --checkpoint=fast --no-password; do
    rm -rf "$PGDATA.new"
    sleep 2
  done
  # Only a complete copy counts as a standby's data.
  touch "$PGDATA.new/standby.signal"
  rm -rf "$PGDATA"
  mv "$PGDATA.new" "$PGDATA"
fi
exec docker-entrypoint.sh postgres "${settings[@]}"
