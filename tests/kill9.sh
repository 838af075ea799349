#!/usr/bin/env bash
# kill9.sh BINARY N: `apply` of the first example is killed with -9 at N random moments, then goes on. Each time the end must be
# that of a run which nobody disturbed, with nothing done twice. `SEED=7 kill9.sh BINARY N` repeats the moments of that seed.
set -euo pipefail

binary=$(realpath "${1:?usage: kill9.sh BINARY N}")
count=${2:?usage: kill9.sh BINARY N}
seed=${SEED:-1}
RANDOM=$seed
echo "seed $seed"

example=$(realpath "$(dirname "$0")/../examples/01-first-light")
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
unset LOCKGATE_FILE LOCKGATE_STATE LOCKGATE_PIPELINE LOCKGATE_AS

fresh() { # fresh FOLDER: the example as a fresh clone has it
    rm -rf "$1"
    cp -R "$example" "$1"
    rm -rf "$1/out" "$1/.lockgate"
}

lockgate() { # lockgate EXIT ARGS…: must end with that exit code
    local wanted=$1 code=0
    shift
    "$binary" "$@" >"$room/said" 2>&1 || code=$?
    if [ "$code" != "$wanted" ]; then
        echo "lockgate $*: exit $code, wanted $wanted"
        cat "$room/said"
        return 1
    fi
}

now() { date +%s%3N; }

# The way to the end has three `apply`, with approvals between them. The one numbered $1 is killed after $2 milliseconds.
apply() { # apply NUMBER EXIT KILLED MOMENT
    if [ "$1" = "$3" ]; then
        "$binary" apply >/dev/null 2>&1 &
        local child=$!
        sleep "$(printf '%d.%03d' $(($4 / 1000)) $(($4 % 1000)))"
        kill -9 "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    lockgate "$2" apply
}

deliver() { # deliver FOLDER KILLED MOMENT
    cd "$1"
    apply 1 3 "$2" "$3" || return 1
    lockgate 0 approve staging --as rita || return 1
    apply 2 3 "$2" "$3" || return 1
    lockgate 0 approve prod --as sam || return 1
    lockgate 0 approve prod --as sue || return 1
    apply 3 0 "$2" "$3" || return 1
    lockgate 0 plan
}

twice() { # What changes the world and succeeded more than once, from the journal on standard input.
    grep '"event":"step-finished"' | grep '"is":"succeeded"' | grep -o '"step":"\(push\|deploy\)[^"]*"' | sort | uniq -d
}

fresh "$room/calm"
start=$(now)
(deliver "$room/calm" none 0)
# Moments are spread over the length of one `apply`, and some fall behind its end.
length=$((($(now) - start) / 5 + 50))

passed=0 failed=0
for trial in $(seq "$count"); do
    killed=$((RANDOM % 3 + 1)) moment=$((RANDOM % length))
    fresh "$room/trial"
    reason=
    if ! (deliver "$room/trial" "$killed" "$moment"); then
        reason="it does not come to its end"
    elif ! diff -r "$room/calm/out" "$room/trial/out"; then
        reason="the end is another one"
    else
        (cd "$room/trial" && "$binary" history --json) >"$room/history" || reason="the journal cannot be read"
        again=$(twice <"$room/history" || true)
        [ -z "$again" ] || reason="done twice: $again"
    fi
    if [ -z "$reason" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "trial $trial, apply $killed killed after $moment ms: $reason"
    fi
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
