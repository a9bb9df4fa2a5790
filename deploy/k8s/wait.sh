#!/usr/bin/env bash
# Waits until everything that "kubectl apply -k deploy/k8s" has created is ready, and the jobs are done.
#
#   deploy/k8s/wait.sh [NAMESPACE [TIMEOUT]]        default: atlas 600s
set -euo pipefail

namespace=${1:-atlas}
timeout=${2:-600s}

kube() { kubectl --namespace "$namespace" "$@"; }
say() { echo "wait: $*" >&2; }
missing_images() {
  kube get pods --output 'jsonpath={range .items[*].status.initContainerStatuses[?(@.state.waiting.reason=="ImagePullBackOff")]}{.image}{"\n"}{end}{range .items[*].status.containerStatuses[?(@.state.waiting.reason=="ImagePullBackOff")]}{.image}{"\n"}{end}' |
    sort -u | sed '/^$/d'
}
no_jobs() { [[ ! $(kube get jobs --output name) ]]; }
rollouts() {
  kube rollout status statefulset --timeout "$timeout" &&
    kube rollout status deployment --timeout "$timeout" &&
    # Jobs are deleted when they have done their work. Until then, another version of them can't be applied.
    { no_jobs || kube wait job --all --for delete --timeout "$timeout" || no_jobs; }
}

rollouts &
rollouts=$!
trap 'kill "$rollouts" 2>/dev/null || true' EXIT
before=
for ((second = 1; ; second++)); do
  sleep 1
  kill -0 "$rollouts" 2>/dev/null || break
  ((second % 10 == 0)) || continue
  # Waiting doesn't help if the cluster lacks an image.
  missing=$(missing_images || true)
  if [[ $missing && $missing == "$before" ]]; then
    say "the cluster can't get the image ${missing//$'\n'/, }: load it, with \"kind load docker-image\" or as your cluster does it"
    exit 1
  fi
  before=$missing
done
if ! wait "$rollouts"; then
  say "not all is ready; these pods are not, and the job that migrates the databases said:"
  kube get pods --no-headers | awk '{ split($2, ready, "/") } ready[1] != ready[2] && $3 != "Completed"' >&2 || true
  kube logs job/migrations --all-containers --tail 3 >&2 || true
  exit 1
fi
