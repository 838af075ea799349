#!/usr/bin/env bash
# Fuzzes one target for some seconds, on a stable toolchain: fuzz/run.sh TARGET [SECONDS]. It begins with the files of that kind
# which the project has. Whatever fails is kept in fuzz/found/ and can be had again by giving its path to the program.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:?parse, format, check, dockerfile or chart}
seconds=${2:-60}
case $target in
    parse | format | check) names=(-name '*.kdl') ;;
    dockerfile) names=(-name 'Dockerfile*') ;;
    chart) names=(-name '*.tgz' -o -name '*.yaml' -o -name '*.tpl') ;;
    *) echo "$0: there is no target $target: parse, format, check, dockerfile or chart" >&2; exit 2 ;;
esac

# What libFuzzer steers by: a counter for each edge, and what is compared.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
triple=$(rustc -vV | sed -n 's/^host: //p')
cargo build --locked --release --target "$triple" --bin "$target"

# Each file once, by what is in it: many have one name.
mkdir -p "corpus/$target" found
find .. \( -path ../fuzz -o -name target -o -name .git \) -prune -o -type f \( "${names[@]}" \) -size -64k -print0 |
    xargs -0 sha1sum | while read -r sum file; do cp -n "$file" "corpus/$target/$sum"; done

exec "${CARGO_TARGET_DIR:-target}/$triple/release/$target" "corpus/$target" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -max_len=65536 -artifact_prefix=found/
