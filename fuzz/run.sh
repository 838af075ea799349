#!/usr/bin/env bash
# Fuzzes one target for some seconds, on a stable toolchain: fuzz/run.sh TARGET [SECONDS]. Whatever fails is kept in
# fuzz/found/ and can be had again by giving its path to the program.
set -euo pipefail
cd "$(dirname "$0")"
target=${1:?parse, format, check, dockerfile or chart}
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
triple=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --target "$triple" --bin "$target"
mkdir -p "corpus/$target" found
case $target in
    parse | format | check) find .. -name '*.kdl' -not -path '*/target/*' -size -64k -exec cp -n {} "corpus/$target/" \; ;;
    dockerfile) find .. -name 'Dockerfile*' -not -path '*/target/*' -size -64k -exec cp -n {} "corpus/$target/" \; ;;
    chart) find ../tests ../examples \( -name '*.tgz' -o -name '*.yaml' -o -name '*.tpl' \) -size -64k -exec cp -n {} "corpus/$target/" \; ;;
esac
exec "target/$triple/release/$target" "corpus/$target" -max_total_time="${2:-60}" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix=found/
