#!/usr/bin/env bash
# kill9-serve.sh BINARY N: `serve` of the first example is killed with -9 at N random moments while people say yes, and started
# again. Each time the end must be that of a server which nobody disturbed, with nothing done twice and no yes forgotten.
# `SEED=7 kill9-serve.sh BINARY N` repeats the moments of that seed.
set -euo pipefail

binary=$(realpath "${1:?usage: kill9-serve.sh BINARY N}")
count=${2:?usage: kill9-serve.sh BINARY N}
RANDOM=${SEED:-1}
echo "seed ${SEED:-1}"
example=$(realpath "$(dirname "$0")/../examples/01-first-light")
room=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill -9 "$server" 2>/dev/null; rm -rf "$room"' EXIT
for name in $(compgen -e LOCKGATE_ || true); do unset "$name"; done

cat >"$room/server.kdl" <<'KDL'
user rita { groups release-managers }
user sam { groups sre }
user sue { groups sre }
limits requests=1000000
KDL

start() { # start FOLDER: a server of it; sets `server` and `at`
    "$binary" serve --listen 127.0.0.1:0 --config "$room/server.kdl" --state "$1/state" "$1" >"$room/said" 2>"$room/err" &
    server=$!
    at=
    for _ in $(seq 600); do
        at=$(sed -n 's/^listening on //p' "$room/said")
        [ -n "$at" ] && return
        sleep 0.05
    done
    echo "the server does not start"; cat "$room/err"; return 1
}

kill9() { kill -9 "$server"; wait "$server" 2>/dev/null || true; server=; }

say() { # say WHO ENVIRONMENT: approves, again and again until it counts or has counted
    local token
    token=$(cat "$room/$1")
    for _ in $(seq 400); do
        LOCKGATE_TOKEN=$token "$binary" approve "$2" --server "$at" >"$room/answer" 2>&1 && return
        grep -q 'has approved this already' "$room/answer" && return
        # Whoever has it already is asked no more.
        LOCKGATE_TOKEN=$token "$binary" status --json --server "$at" >"$room/status" 2>/dev/null || true
        has "$2" && return
        sleep 0.05
    done
    echo "$1 cannot approve $2"; cat "$room/answer"; return 1
}

has() { # has ENVIRONMENT: whether it has something, by the status that was asked for last
    tr -d ' \n' <"$room/status" 2>/dev/null | grep -q "\"name\":\"$1\",\"candidate\":\"sha256"
}

reach() { # reach ENVIRONMENT: waits until it has something
    for _ in $(seq 600); do
        LOCKGATE_TOKEN=$(cat "$room/rita") "$binary" status --json --server "$at" >"$room/status" 2>/dev/null || true
        has "$1" && return
        sleep 0.05
    done
    echo "$1 never has it"; return 1
}

fresh() { # fresh FOLDER: the example as a fresh clone has it, with tokens for those who say yes
    rm -rf "$1"
    cp -R "$example" "$1"
    rm -rf "$1/out" "$1/.lockgate"
    for who in rita sam sue; do
        "$binary" token new "$who" --config "$room/server.kdl" --state "$1/state" >"$room/$who"
    done
}

deliver() { # deliver FOLDER KILLED MOMENT: dev, staging, prod; killed after the step numbered KILLED has begun
    start "$1" || return 1
    local step=0
    for words in "dev" "staging rita" "prod sam" "prod sue"; do
        set -- "$1" "$2" "$3" $words
        step=$((step + 1))
        [ -n "${5:-}" ] && { say "$5" "$4" || return 1; }
        if [ "$step" = "$2" ]; then
            sleep "$(printf '0.%03d' "$3")"
            kill9
            start "$1" || return 1
        fi
        [ "$words" = "prod sam" ] || reach "$4" || return 1
        set -- "$1" "$2" "$3"
    done
    kill -TERM "$server"
    wait "$server" || { echo "it did not stop as it was told"; return 1; }
    server=
}

twice() { # What changes the world and succeeded more than once, from the journal on standard input.
    grep '"event":"step-finished"' | grep '"is":"succeeded"' | grep -o '"step":"\(push\|deploy\)[^"]*"' | sort | uniq -d
}

fresh "$room/calm"
deliver "$room/calm" none 0
passed=0 failed=0
for trial in $(seq "$count"); do
    killed=$((RANDOM % 4 + 1)) moment=$((RANDOM % 900))
    fresh "$room/trial"
    reason=
    if ! deliver "$room/trial" "$killed" "$moment"; then
        reason="it does not come to its end"
        [ -n "$server" ] && kill9
    elif ! diff -r "$room/calm/out" "$room/trial/out"; then
        reason="the end is another one"
    else
        "$binary" history --json --state "$room/trial/state" -f "$room/trial/lockgate.kdl" >"$room/history"
        again=$(twice <"$room/history" || true)
        [ -z "$again" ] || reason="done twice: $again"
    fi
    if [ -z "$reason" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "trial $trial, killed at step $killed after $moment ms: $reason"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
