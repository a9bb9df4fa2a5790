#!/usr/bin/env bash
# Waits until everything that "kubectl apply -k deploy/k8s" has created is ready.
#
#   deploy/k8s/wait.sh [NAMESPACE [TIMEOUT]]        default: atlas 600s
set -euo pipefail

namespace=${1:-atlas}
timeout=${2:-600s}

# Waiting doesn't help if the cluster lacks an image.
deadline=$((SECONDS + 20))
until [[ $(kubectl --namespace "$namespace" get pods --output name) ]] || ((SECONDS > deadline)); do sleep 1; done
missing=$(kubectl --namespace "$namespace" get pods --output \
  'jsonpath={range .items[*].status.containerStatuses[?(@.state.waiting.reason=="ImagePullBackOff")]}{.image}{"\n"}{end}' | sort -u)
if [[ $missing ]]; then
  echo "wait: the cluster has no image ${missing//$'\n'/, }: load it, with \"kind load docker-image\" or as your cluster does it" >&2
  exit 1
fi

kubectl --namespace "$namespace" rollout status statefulset --timeout "$timeout"
kubectl --namespace "$namespace" rollout status deployment --timeout "$timeout"
