#!/bin/bash
# Runs once, when PostgreSQL's volume is new: a database for each service, and a role that owns it. Others may not
# even connect to it.
set -euo pipefail

for service in orders inventory payments; do
  password="${service^^}_PASSWORD"
  psql -v ON_ERROR_STOP=1 -v service="$service" -v password="${!password}" --username "$POSTGRES_USER" <<'SQL'
    CREATE ROLE :"service" LOGIN PASSWORD :'password';
    CREATE DATABASE :"service" OWNER :"service";
    REVOKE CONNECT, TEMPORARY ON DATABASE :"service" FROM PUBLIC;
SQL
done
