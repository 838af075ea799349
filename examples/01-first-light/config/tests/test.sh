#!/bin/sh
# Runs after each deploy, with the environment's coordinates: the deployed image is pinned to a digest.
set -eu
deployment=$(find "$LOCKGATE_FOLDER" -name 'deployment*.yaml')
grep -q 'image: .*@sha256:' "$deployment"
echo "$LOCKGATE_ENVIRONMENT runs $(grep -o 'sha256:[0-9a-f]*' "$deployment" | head -n 1)"
