#!/bin/sh
# Runs after each deploy, with the environment's coordinates: what answers there is what was deployed.
set -eu
kubectl() { command kubectl --context "$LOCKGATE_CLUSTER" --namespace "$LOCKGATE_NAMESPACE" "$@"; }
service="/api/v1/namespaces/$LOCKGATE_NAMESPACE/services/mi:http/proxy"
for attempt in 1 2 3 4 5; do
    kubectl get --raw "$service/hello" && break
    [ "$attempt" -lt 5 ]
    sleep 1
done
kubectl get pods --selector app.kubernetes.io/instance=mi --output jsonpath='{.items[*].spec.containers[*].image}' | grep -q '@sha256:'
