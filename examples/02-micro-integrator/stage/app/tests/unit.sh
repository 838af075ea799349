#!/bin/sh
# Runs on the sources of the image before it is pushed: what the probes ask for is there, and every artifact says something.
set -eu
test -s artifacts/healthz
for artifact in artifacts/*; do
    test -s "$artifact"
    echo "ok $artifact"
done
