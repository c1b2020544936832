# Common tasks. `just` lists them; `tools/test` runs everything.

default:
    @just --list

# Format, lints and unit tests of the runtime: the fast check while you work.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo test -p channels-runtime --all-features --lib --locked

# One group of tests: `just test groups`, `just test redis core::`.
test group *filter:
    cargo test --workspace --exclude channels-bench --test {{group}} --locked -- {{filter}}

# Every test; installs what the tests need.
all:
    tools/test

# Accept the current compiler messages and macro expansions as the snapshots. Read the diff.
update-snapshots:
    TRYBUILD=overwrite cargo test --test ui --locked
    UPDATE_EXPECT=1 cargo test -p channels-macros --locked

# The documentation, in a browser.
docs:
    cargo doc --workspace --no-deps --locked --open

# Instructions per message and bytes per idle socket.
guard:
    cargo test --release -p channels-bench --features database --tests --locked

# Timings against other servers.
compare *arguments:
    cargo run --release -p channels-bench --bin compare -- {{arguments}}
