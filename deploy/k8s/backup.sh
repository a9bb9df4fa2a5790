#!/usr/bin/env bash
# Backs up every database of the platform, while it runs: a file for each, as of the moment when its dump begins.
#
#   deploy/k8s/backup.sh FOLDER [NAMESPACE]        default: atlas
set -euo pipefail

folder=${1:?say where to: backup.sh FOLDER}
kube() { kubectl --namespace "${namespace}" "$@"; }
namespace=${2:-atlas}
leader=$(kube get configmap postgres-leader --output 'jsonpath={.data.name}')
leader() { kube exec "$leader" --container postgres -- "$@"; }

mkdir -p "$folder"
databases=$(leader psql --username postgres --no-align --tuples-only --command \
  "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'")
for database in $databases; do
  leader pg_dump --username postgres --format custom "$database" > "$folder/$database.dump.new"
  # Only a complete dump gets the final name.
  mv "$folder/$database.dump.new" "$folder/$database.dump"
  echo "backup: $folder/$database.dump, $(($(wc -c < "$folder/$database.dump") >> 10)) KiB" >&2
done
