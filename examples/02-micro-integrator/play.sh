#!/usr/bin/env bash
# Plays the scenes of this example on the stage that stage.sh set, and looks whether each ends as it must.
#
#   play.sh [SCENE…]        all scenes, or those: artifact values base crash drift foreign kill away record
#
# LOCKGATE is the program (lockgate), STAGE as for stage.sh. It stops at the first thing that is not as it must be.
set -Eeuo pipefail
trap 'echo "play: line $LINENO: $BASH_COMMAND" >&2' ERR

here=$(cd "$(dirname "$0")" && pwd)
export STAGE=${STAGE:-$here/.stage}
lockgate=${LOCKGATE:-lockgate}
prefix=${STAGE_PREFIX:-}
registry=${REGISTRY:-127.0.0.1:5000}
eval "$("$here/stage.sh" env)"
unset LOCKGATE_AS LOCKGATE_PIPELINE
said=$STAGE/said

scene() { printf '\n== %s\n' "$*"; }
fail() { printf 'play: %s\n' "$*" >&2; tail -n 60 "$said" | cut -c1-400 | sed 's/^/play: | /' >&2; exit 1; }

lg() { # lg EXIT ARGS…: must end with that exit code; what it says is kept
    local wanted=$1 code=0
    shift
    "$lockgate" "$@" >"$said" 2>&1 || code=$?
    [ "$code" = "$wanted" ] || fail "lockgate $*: exit $code, wanted $wanted"
}
says() { grep -qE -- "$1" "$said" || fail "it does not say: $1"; }
says_not() { ! grep -qE -- "$1" "$said" || fail "it says: $1"; }

namespace() { echo "${prefix}wso2mi-$1"; }
kc() { local environment=$1; shift; kubectl --context "$environment" --namespace "$(namespace "$environment")" "$@"; }
image() { kc "$1" get deployment mi -o 'jsonpath={.spec.template.spec.containers[0].image}'; }
running() { # the digests that the pods of an environment run, one a line
    kc "$1" get pods -l app.kubernetes.io/instance=mi -o 'go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{range .status.containerStatuses}}{{.imageID}}{{"\n"}}{{end}}{{end}}{{end}}' |
        grep -o 'sha256:[0-9a-f]*' | sort -u
}
writes() { # what changes whenever anything is written to the objects of an environment
    kc "$1" get deployment,service,configmap,secret -o 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}' |
        grep -v kube-root-ca
}
digest_of() { # what a tag of the team's repository names
    curl -fsI -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' \
        "http://$registry/v2/${prefix}acme/wso2mi/manifests/$1" | tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p'
}
tags() { curl -fs "http://$registry/v2/${prefix}acme/wso2mi/tags/list" | grep -o '"tags":\[[^]]*' | grep -o '"[^"]*"' | tr -d '"' | grep -v '^tags$'; }
edit() { # edit REPO FILE SED-PROGRAM MESSAGE: somebody changes a file and pushes it
    sed -i "$3" "$STAGE/$1/$2"
    "$here/stage.sh" commit "$1" "$4" >/dev/null
}
pass() { # pass ENVIRONMENT EXIT PERSON…: these people say yes, and it is deployed there
    local environment=$1 exit=$2 person
    shift 2
    for person in "$@"; do lg 0 approve "$environment" --as "$person"; done
    lg "$exit" apply
}
everywhere() { # brings what dev has to prod
    pass staging 3 rita
    pass prod 0 sam sue
}

artifact() {
    scene 'A change of the artifact: built, tested, pushed, in dev at once; people let it into staging and prod'
    edit mi-app artifacts/hello "s/.*/Hello, change $RANDOM/" 'Say hello in another way'
    lg 2 plan
    says 'sha256:'
    lg 3 apply
    says 'lockgate approve staging'
    local deployed; deployed=$(image dev)
    [ "$(running dev)" = "${deployed##*@}" ] || fail "dev runs $(running dev), deployed is $deployed"
    local before=; before=$(image staging 2>/dev/null || true)
    [ "$before" != "$deployed" ] || fail 'staging has it without a yes'
    lg 1 approve staging --as 'Dana Developer <dana@example.com>'
    pass staging 3 rita
    lg 0 approve prod --as sam
    lg 1 approve prod --as sam
    lg 3 apply
    pass prod 0 sue
    local environment
    for environment in dev staging prod; do
        [ "$(running "$environment")" = "${deployed##*@}" ] || fail "$environment runs $(running "$environment")"
    done
    lg 0 plan
}

values() {
    scene 'A change of values-staging.yaml alone: dev is not touched, staging is planned with that field and waits'
    local before; before=$(writes dev)
    local level=TRACE$RANDOM
    edit mi-config micro-integrator/values-staging.yaml "s/LOG_LEVEL: .*/LOG_LEVEL: $level/" 'Another level in staging'
    lg 2 plan
    says "LOG_LEVEL.*$level"
    says_not '^ *(build|push)\.image +(run|build)'
    lg 3 apply
    [ "$(writes dev)" = "$before" ] || fail 'something was written in dev'
    kc staging get configmap mi -o yaml >"$said"
    says_not "$level"
    # Prod renders as before: it has the candidate as soon as staging has.
    pass staging 0 rita
    kc staging get configmap mi -o yaml >"$said"
    says "$level"
}

base() {
    scene 'The base image moves under its tag: a new image in dev at once, and the tag that runs in prod is not overwritten'
    local old; old=$(image prod)
    local tag named=
    for tag in $(tags); do
        if [ "$(digest_of "$tag")" = "${old##*@}" ]; then named=$tag; fi
    done
    [ -n "$named" ] || fail "no tag names what prod runs: $old"
    "$here/stage.sh" base "Micro Integrator 1.2.0, patched $RANDOM"
    lg 2 plan
    says 'base'
    lg 3 apply
    [ "$(image dev)" != "$old" ] || fail 'dev has the old image'
    [ "$(image prod)" = "$old" ] || fail 'prod has another image without a yes'
    [ "$(digest_of "$named")" = "${old##*@}" ] || fail "the tag $named, which prod runs, was overwritten"
    everywhere
    [ "$(image prod)" = "$(image dev)" ] || fail 'prod does not have what dev has'
}

crash() {
    scene 'An image that crashes: dev fails with its log and the reason, and is back at what was verified; staging never sees it'
    local good; good=$(image dev)
    sed -i 's|^CMD .*|CMD ["/bin/sh", "-c", "echo cannot open the ledger >\&2; exit 3"]|' "$STAGE/mi-app/Dockerfile"
    "$here/stage.sh" commit mi-app 'A start that cannot be' >/dev/null
    local started=$SECONDS
    lg 1 apply
    says 'cannot open the ledger'
    says 'CrashLoopBackOff|exit code 3'
    [ "$((SECONDS - started))" -lt 75 ] || fail "it took $((SECONDS - started)) s"
    [ "$(image dev)" = "$good" ] || fail "dev is left with $(image dev)"
    kc dev rollout status deployment mi --timeout=30s >"$said"
    [ "$(image staging)" = "$good" ] || fail 'staging saw it'
    sed -i 's|^CMD .*|CMD ["/bin/httpd", "-f", "-p", "8290", "-h", "/home/wso2carbon/artifacts"]|' "$STAGE/mi-app/Dockerfile"
    edit mi-app artifacts/hello "s/.*/Hello again, $RANDOM/" 'A start that can be'
    lg 3 apply
    everywhere
}

drift() {
    scene 'Somebody scales dev by hand: the plan says so, and apply puts it right'
    kc dev scale deployment mi --replicas=3 >/dev/null
    lg 2 plan
    says 'replicas'
    lg 0 apply
    [ "$(kc dev get deployment mi -o 'jsonpath={.spec.replicas}')" = 1 ] || fail 'it was not put right'
    lg 0 plan
}

foreign() {
    scene 'Another manager owns a field: a conflict that names it'
    kubectl --context dev --namespace "$(namespace dev)" apply --server-side --force-conflicts --field-manager=somebody-else -f - >/dev/null <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: mi}
data: {LOG_LEVEL: WARN}
YAML
    edit mi-config micro-integrator/values-dev.yaml "s/LOG_LEVEL: .*/LOG_LEVEL: L$RANDOM/" 'Another level in dev'
    lg 1 apply
    says 'somebody-else'
    kubectl --context dev --namespace "$(namespace dev)" apply --server-side --field-manager=somebody-else -f - >/dev/null <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: mi}
YAML
    edit mi-config micro-integrator/values-dev.yaml "s/LOG_LEVEL: .*/LOG_LEVEL: DEBUG$RANDOM/" 'And another'
    lg 0 apply
}

kill_() {
    scene 'Killed with -9 while it builds, pushes, applies and waits: the next apply goes on, and nothing is done twice'
    local moment child before twice
    before=$("$lockgate" history --json | wc -l)
    for moment in 0.3 0.7 1.2 2.0; do
        edit mi-app artifacts/hello "s/.*/Hello, moment $moment $RANDOM/" "Before the kill after $moment s"
        "$lockgate" apply >/dev/null 2>&1 &
        child=$!
        sleep "$moment"
        kill -9 "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
        lg 3 apply
        kc dev rollout status deployment mi --timeout=30s >"$said"
        [ "$(running dev)" = "$(image dev | sed 's/.*@//')" ] || fail "dev runs something else"
    done
    "$lockgate" history --json | tail -n "+$((before + 1))" >"$said"
    twice=$(grep '"event":"step-finished"' "$said" | grep '"is":"succeeded"' |
        grep -o '"step":"\(push\|deploy\)[^"]*","key":"[^"]*"' | sort | uniq -d || true)
    [ -z "$twice" ] || fail "done twice: $twice"
    everywhere
}

away() {
    scene 'The cluster goes away during the rollout and comes back: it goes on'
    [ -n "${CLUSTER_PAUSE:-}" ] || { echo 'not played: CLUSTER_PAUSE names a command that takes the cluster away for some seconds'; return; }
    edit mi-app artifacts/hello "s/.*/Hello from afar $RANDOM/" 'Before the cluster goes away'
    (sleep 1; $CLUSTER_PAUSE) >/dev/null 2>&1 &
    lg 3 apply
    wait
    [ "$(running dev)" = "$(image dev | sed 's/.*@//')" ] || fail 'dev runs something else'
    everywhere
}

record() {
    scene "Helm sees the releases: its own record says which revision this is"
    kc dev get secret -l owner=helm,name=mi,status=deployed -o 'jsonpath={range .items[*]}{.metadata.labels.version}{"\n"}{end}' >"$said"
    [ "$(wc -l <"$said")" = 1 ] || fail 'there is not one deployed revision'
    says '^[0-9]+$'
}

[ $# -gt 0 ] || set -- artifact values base crash drift foreign kill away record
for name in "$@"; do
    case $name in
        artifact | values | base | crash | drift | foreign | away | record) "$name" ;;
        kill) kill_ ;;
        *) fail "there is no scene $name" ;;
    esac
done
echo
echo "$# scenes played"
