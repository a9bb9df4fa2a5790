#!/usr/bin/env bash
# Runs once, when the leader's data is initialised. There is no standby yet for a commit to wait for.
psql --quiet --set ON_ERROR_STOP=1 --username postgres --set password="$REPLICATION_PASSWORD" <<'SQL'
SET synchronous_commit = local;
CREATE ROLE replication LOGIN REPLICATION PASSWORD :'password';
SQL
echo 'host replication replication all scram-sha-256' >> "$PGDATA/pg_hba.conf"
