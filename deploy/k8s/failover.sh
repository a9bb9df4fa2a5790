#!/usr/bin/env bash
# Makes the PostgreSQL standby of the kind overlay the leader. Every acknowledged commit is on both servers, so none is lost.
#
#   deploy/k8s/failover.sh [NAMESPACE]        default: atlas
#
# Safe to repeat if it was interrupted. The old leader comes back as a standby, with its data replaced; until then, commits wait
# for it.
set -euo pipefail

kube() { kubectl --namespace "${namespace}" "$@"; }
say() { echo "failover: $*" >&2; }
sql() { kube exec "$1" --container postgres -- psql --username postgres --no-align --tuples-only --command "$2"; }

namespace=${1:-atlas}
old=$(kube get configmap postgres-leader --output 'jsonpath={.data.name}')
if [[ $(kube get service postgres --output 'jsonpath={.spec.selector.statefulset\.kubernetes\.io/pod-name}') != "$old" ]]; then
  # An earlier run got this far.
  new=$old
  [[ $new == postgres-0 ]] && old=postgres-1 || old=postgres-0
else
  [[ $old == postgres-0 ]] && new=postgres-1 || new=postgres-0
fi

if ! state=$(sql "$new" 'SELECT pg_is_in_recovery()'); then
  say "$new does not answer, so it can't lead: nothing was changed"
  exit 1
fi

say "$new takes over from $old"
# From here on the old leader starts as a standby, however it comes back.
kube patch configmap postgres-leader --patch "{\"data\":{\"name\":\"$new\"}}" >/dev/null
# It can't commit without its standby, but it may still answer reads, so it is deleted before another one leads.
kube delete pod "$old" --force --grace-period 0 --ignore-not-found >/dev/null 2>&1
if [[ $state == t && $(sql "$new" 'SELECT pg_promote(true, 60)') != t ]]; then
  say "$new was not promoted within 60 s: see its log, and run this again"
  exit 1
fi
kube patch service postgres --patch "{\"spec\":{\"selector\":{\"statefulset.kubernetes.io/pod-name\":\"$new\"}}}" >/dev/null
say "$new leads; waiting until $old follows it"
for _ in $(seq 120); do
  [[ $(sql "$new" "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'" || true) == 1 ]] && { say "$old follows"; exit 0; }
  sleep 1
done
say "$old does not follow yet, and commits wait for it: see its log"
exit 1
