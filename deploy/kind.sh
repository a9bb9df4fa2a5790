#!/usr/bin/env bash
# The platform on a kind cluster: makes the cluster if there is none, builds and loads the image, applies deploy/k8s, waits until
# all of it is ready, and shows it at work. It makes kind-atlas kubectl's context. To bring another version to the cluster, see
# "Upgrade" in docs/operations.md.
#
#   deploy/kind.sh            needs docker, kind and kubectl
#   kind delete cluster --name atlas
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for program in docker kind kubectl; do
  command -v "$program" >/dev/null || { echo "kind.sh needs $program: install it" >&2; exit 1; }
done
docker info >/dev/null 2>&1 || { echo 'kind.sh needs Docker: start it' >&2; exit 1; }

if ! kind get clusters 2>/dev/null | grep --quiet --line-regexp atlas; then
  kind create cluster --name atlas
fi
kubectl config use-context kind-atlas
deploy/image.sh
kind load docker-image atlas --name atlas
kubectl apply --kustomize deploy/k8s
deploy/k8s/wait.sh
npx atlas demo --stack k8s
