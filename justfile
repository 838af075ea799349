# What is typed every day. `just` lists them.

default:
    @just --list

# All tests.
test:
    cargo test

# Formatting and lints; warnings are errors.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

# The documentation of the code; warnings are errors.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# What no test thought of: parse, format, check, dockerfile or chart.
fuzz target seconds="60":
    fuzz/run.sh {{target}} {{seconds}}

# Rewrites what is generated: reference pages, goldens.
update:
    UPDATE=1 cargo test

# The first minute of a newcomer.
first-light:
    cargo run -- apply examples/01-first-light
