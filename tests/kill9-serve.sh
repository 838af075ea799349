#!/usr/bin/env bash
# kill9-serve.sh BINARY N: a server is killed with -9 while it looks, builds and deploys, while something waits at a gate, right
# after somebody said yes, around an instant of a schedule, and right after a webhook was accepted, N times at each but the
# schedule, which takes a minute and comes once. Started again, everything must come to its end: nothing is lost, and nothing is
# done twice. `SEED=7 kill9-serve.sh BINARY N` repeats the moments of that seed.
set -euo pipefail

binary=$(realpath "${1:?usage: kill9-serve.sh BINARY N}")
count=${2:?usage: kill9-serve.sh BINARY N}
RANDOM=${SEED:-1}
echo "seed ${SEED:-1}"
room=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill -9 "$server" 2>/dev/null; rm -rf "$room"' EXIT
for name in $(compgen -e LOCKGATE_ || true); do unset "$name"; done
export HOOK=pretty-secret GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
for who in AUTHOR COMMITTER; do export "GIT_${who}_NAME=dev" "GIT_${who}_EMAIL=dev@example.com"; done

cat >"$room/server.kdl" <<'KDL'
user rita { groups release-managers }
limits requests=1000000
KDL

# What is polled, what only a webhook hastens, and what only a schedule does: each a repository of its own.
pipeline() { # pipeline FOLDER
    cat <<KDL
lockgate 1
pipeline killed {
    source app { git "file://$1/app" branch=main; trigger poll="1s" }
    source config { git "file://$1/config" branch=main; trigger webhook=hook }
    source nightly { git "file://$1/nightly" branch=main; trigger cron="* * * * *" }
    source chart { helm "./chart" }
    secret hook { env HOOK }
    build image { context app; test "./unit.sh"; push "./out/registry" tag="{app.short}" }
    release web {
        chart chart
        values config "values.yaml"
        values nightly "values.yaml"
        set image="{image}"
    }
    environment dev { folder "./out/dev"; deploy web; verify { shell "sleep 0.3" } }
    environment staging after=dev {
        gate { approve 1 from=release-managers }
        folder "./out/staging"
        deploy web
        verify { shell "sleep 0.3" }
    }
}
KDL
}

commit() { # commit SOURCE: something new in it
    local at=$work/$1
    date +%s%N >"$at/new"
    [ "$1" = app ] || printf '%s: "%s"\n' "$1" "$(cat "$at/new")" >"$at/values.yaml"
    git -C "$at" add -A
    git -C "$at" commit -qm "something new"
}

fresh() { # a pipeline with its repositories; sets `work`
    work=$room/trial
    rm -rf "$work"
    mkdir -p "$work/chart/templates"
    for source in app config nightly; do git init -q -b main "$work/$source"; done
    printf 'FROM scratch\nCOPY new /\n' >"$work/app/Dockerfile"
    printf '#!/bin/sh\nsleep 0.3\n' >"$work/app/unit.sh"
    chmod +x "$work/app/unit.sh"
    printf 'apiVersion: v2\nname: web\nversion: 1.0.0\n' >"$work/chart/Chart.yaml"
    printf 'image: ""\nconfig: ""\nnightly: ""\n' >"$work/chart/values.yaml"
    cat >"$work/chart/templates/map.yaml" <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  image: {{ .Values.image | quote }}
  config: {{ .Values.config | quote }}
  nightly: {{ .Values.nightly | quote }}
YAML
    pipeline "$work" >"$work/lockgate.kdl"
    for source in app config nightly; do commit "$source"; done
    "$binary" token new rita --config "$room/server.kdl" --state "$work/state" >"$room/rita"
    LOCKGATE_TOKEN=$(cat "$room/rita")
    export LOCKGATE_TOKEN
}

start() { # a server of it; sets `server` and `at`
    "$binary" serve --listen 127.0.0.1:0 --config "$room/server.kdl" --state "$work/state" "$work" \
        >"$room/said" 2>>"$room/err" &
    server=$!
    at=
    for _ in $(seq 600); do
        at=$(sed -n 's/^listening on //p' "$room/said")
        [ -n "$at" ] && return
        sleep 0.05
    done
    echo "the server does not start"
    return 1
}

kill9() {
    kill -9 "$server"
    wait "$server" 2>/dev/null || true
    server=
}

history() { "$binary" history --json -n 100000 --state "$work/state" -f "$work/lockgate.kdl"; }

number() { history | tail -n 1 | sed -n 's/^{"number":\([0-9]*\),.*/\1/p'; }

happens() { # happens AFTER PATTERN: waits for an event behind that number
    for _ in $(seq 600); do
        history | sed -n "$(($1 + 1)),\$p" | grep -q "$2" && return
        sleep 0.03
    done
    echo "it never happens: $2"
    return 1
}

post() { # post SOURCE DELIVERY: a signed webhook; the status of the answer
    local port=${at##*:}
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'POST /hooks/killed/%s HTTP/1.1\r\nhost: lockgate\r\nauthorization: Bearer %s\r\nx-lockgate-delivery: %s\r\n' \
        "$1" "$HOOK" "$2" >&3
    printf 'content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}' >&3
    head -n 1 <&3 | cut -d ' ' -f 2
    exec 3>&-
}

reaches() { # reaches ENVIRONMENT: waits until it has the newest commit of each source
    local versions
    for _ in $(seq 800); do
        versions=$("$binary" status --json --server "$at" 2>/dev/null | tr -d ' \n' \
            | sed -n "s/.*{\"name\":\"$1\",\([^}]*}\).*/\1/p" || true)
        local is_there=yes
        for source in app config nightly; do
            grep -q "\"$source\":\"[^\"]*$(git -C "$work/$source" rev-parse HEAD | cut -c 1-7)" <<<"$versions" || is_there=
        done
        [ -n "$is_there" ] && return
        sleep 0.05
    done
    echo "$1 never has it: $versions"
    return 1
}

yes() { # says yes, again and again until it counts or has counted
    for _ in $(seq 400); do
        "$binary" approve staging --server "$at" >"$room/answer" 2>&1 && return
        grep -q 'has approved this already' "$room/answer" && return
        sleep 0.05
    done
    echo "nobody can approve"
    cat "$room/answer"
    return 1
}

again() { kill9; start; }

nap() { sleep "0.$(printf '%03d' $((RANDOM % $1)))"; }

# One of each: what is done, and when the server is killed.
moment() {
    local before
    before=$(number)
    case $1 in
    look)
        commit app
        nap 999
        again
        ;;
    build)
        commit app
        happens "$before" '"event":"step-started","step":"test.image'
        nap 400
        again
        ;;
    deploy)
        commit app
        happens "$before" '"event":"step-started","step":"deploy.dev'
        nap 400
        again
        ;;
    gate)
        commit app
        reaches dev
        happens "$before" '"event":"stands-at-gate"'
        again
        "$binary" status --server "$at" | grep -q 'waits for 1 approval' || { echo "nothing waits any more"; return 1; }
        ;;
    approval)
        commit app
        reaches dev
        happens "$before" '"event":"stands-at-gate"'
        "$binary" approve staging --server "$at" >"$room/answer" 2>&1 || { cat "$room/answer"; return 1; }
        # It was answered, so it counts, and nobody says it again.
        again
        reaches staging
        ;;
    webhook)
        commit config
        local status
        status=$(post config "$RANDOM$RANDOM")
        again
        [ "$status" = 202 ] || { echo "the webhook was answered with $status"; return 1; }
        ;;
    cron)
        # Down over the instant: what came due meanwhile counts once.
        commit nightly
        sleep "$(awk -v now="$(date +%s.%N)" 'BEGIN { print 60 - now % 60 - 0.3 }')"
        kill9
        sleep 0.6
        start
        ;;
    esac
    reaches dev
    [ "$1" = approval ] || yes
    reaches staging
}

twice() { # What changes the world and succeeded more than once under one key, from the journal on standard input.
    grep '"event":"step-finished"' | grep '"is":"succeeded"' \
        | grep -o '"step":"\(push\|deploy\)[^"]*","key":"[^"]*"' | sort | uniq -d
}

try() { # try MOMENT…: one server that is killed at each of these
    fresh
    : >"$room/err"
    start || return 1
    reaches dev || return 1
    yes || return 1
    reaches staging || return 1
    for one in "$@"; do
        moment "$one" || { echo "at $one"; return 1; }
    done
    kill -TERM "$server"
    wait "$server" || { echo "it did not stop as it was told"; return 1; }
    server=
    history >"$room/history"
    local done_twice formed
    done_twice=$(twice <"$room/history" || true)
    [ -z "$done_twice" ] || { echo "done twice: $done_twice"; return 1; }
    # The first candidate, and one for each change.
    formed=$(grep -c '"event":"candidate-formed"' "$room/history")
    [ "$formed" = $(($# + 1)) ] || { echo "$formed candidates of $# changes"; return 1; }
    for environment in dev staging; do
        formed=$(grep '"event":"has-candidate"' "$room/history" | grep -c "\"environment\":\"$environment\"")
        [ "$formed" = $(($# + 1)) ] || { echo "$environment had $formed candidates of $# changes"; return 1; }
    done
    [ "$(grep -c '"event":"approved"' "$room/history")" = $(($# + 1)) ] || { echo "a yes counted twice, or not at all"; return 1; }
}

passed=0 failed=0
for trial in $(seq "$count"); do
    moments=(look build deploy gate approval webhook)
    [ "$trial" = 1 ] && moments+=(cron)
    if try "${moments[@]}"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "trial $trial failed; the server said:"
        tail -n 20 "$room/err"
        [ -n "$server" ] && kill9
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
