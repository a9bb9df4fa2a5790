#!/usr/bin/env bash
# Replaces databases with those of a backup. The processes that use them are stopped first and started afterwards; the others
# keep running.
#
#   deploy/k8s/restore.sh FOLDER DATABASE...       ATLAS_NAMESPACE; default: atlas
#
# Safe to repeat if it was interrupted.
set -euo pipefail

folder=${1:?say from where: restore.sh FOLDER DATABASE...}
shift
[[ $# -gt 0 ]] || { echo "restore: name the databases: $(cd "$folder" && ls ./*.dump)" >&2; exit 1; }
for database in "$@"; do
  [[ -s $folder/$database.dump ]] || { echo "restore: there is no $folder/$database.dump" >&2; exit 1; }
done

kube() { kubectl --namespace "${ATLAS_NAMESPACE:-atlas}" "$@"; }
leader=$(kube get configmap postgres-leader --output 'jsonpath={.data.name}')
leader() { kube exec --stdin "$leader" --container postgres -- "$@"; }

for database in "$@"; do
  echo "restore: stopping what uses $database" >&2
  # An autoscaler ignores a Deployment without replicas.
  kube scale deployment --selector "atlas/database=$database" --replicas 0 >/dev/null
  kube wait pod --selector "atlas/database=$database" --for delete --timeout 60s >/dev/null 2>&1 || true
  leader dropdb --username postgres --if-exists --force "$database"
  leader createdb --username postgres --owner "$database" "$database"
  leader psql --username postgres --quiet --command "REVOKE ALL ON DATABASE \"$database\" FROM PUBLIC"
  leader pg_restore --username postgres --dbname "$database" --no-owner --role "$database" --exit-on-error \
    < "$folder/$database.dump"
  kube scale deployment --selector "atlas/database=$database" --replicas 1 >/dev/null
  for deployment in $(kube get deployment --selector "atlas/database=$database" --output name); do
    kube rollout status "$deployment" --timeout 120s >/dev/null
  done
  echo "restore: $database is back as it was; \"npx atlas status --stack k8s\" says if its relay waits for an adoption" >&2
done
