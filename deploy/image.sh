#!/usr/bin/env bash
# Builds the image of all processes, with npm's settings of this user, if there are any: packages may come from another registry.
#
#   deploy/image.sh [TAG]        default: latest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

npmrc=()
[[ ! -s ~/.npmrc ]] || npmrc=(--secret "id=npmrc,src=$HOME/.npmrc")
docker build "${npmrc[@]}" --tag "atlas:${1:-latest}" .
