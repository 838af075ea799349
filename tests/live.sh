#!/usr/bin/env bash
# live.sh CLUSTER: the tests that need the real thing. CLUSTER is a script that knows `up`, `env` and `status` of a Kubernetes
# cluster, a Docker engine and a registry on this machine; it may be up already.
#
# What failed is tried once more, with nothing beside it. A cluster can break down by itself, and proves nothing about Lockgate then: it
# is brought up again, and if it breaks down in the second try as well, this is told and nothing is held against Lockgate.
set -euo pipefail

cluster=$(realpath "${1:?usage: live.sh CLUSTER}")
cd "$(dirname "$0")/.."
room=$(mktemp -d)
watcher=
trap 'kill $watcher 2>/dev/null; rm -rf "$room"' EXIT

"$cluster" up >"$room/up" 2>&1 || { tail -n 20 "$room/up"; echo "the cluster did not come up: nothing was tried on it"; exit 0; }
eval "$("$cluster" env)"

watch() { # notes each time that the API server is gone, and brings it up again
    while sleep 1; do
        # All of it is read: whoever stops early has the one who writes fail, and the cluster with it.
        "$cluster" status 2>/dev/null | grep '^kube-apiserver *running' >/dev/null && continue
        date >>"$room/broken"
        "$cluster" up >>"$room/up" 2>&1 || true
    done
}
broken() { wc -l <"$room/broken"; }
tests() {
    "$cluster" image live/busybox:1 >"$room/image" 2>&1 || cat "$room/image"
    LOCKGATE_LIVE=1 cargo test --locked --lib contract:: && LOCKGATE_LIVE=1 cargo test --locked --test it live:: -- --test-threads=2
}
again() { # what failed, one after the other; all where nothing says what that was
    local failed
    mapfile -t failed < <(sed -n 's/^test \(live::[^ ]*\) .*FAILED$/\1/p' "$room/told" | sort -u)
    [ ${#failed[@]} -gt 0 ] || { tests; return; }
    LOCKGATE_LIVE=1 cargo test --locked --test it -- --exact --test-threads=1 "${failed[@]}"
}

: >"$room/broken"
watch &
watcher=$!
for try in 1 2; do
    before=$(broken)
    if [ "$try" = 1 ]; then tests 2>&1 | tee "$room/told" && exit 0; else again && exit 0; fi
    if [ "$(broken)" -gt "$before" ]; then
        echo "== the cluster broke down in try $try"
        is_ours=
    else
        echo "== something failed in try $try, in a cluster that worked"
        is_ours=1
    fi
done
[ -z "$is_ours" ] || exit 1
echo "== the cluster broke down in the last try: what failed proves nothing"
