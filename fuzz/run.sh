#!/usr/bin/env bash
# Runs each fuzz target for a while (SECONDS_EACH, 30 if not said) from the sources and exports in the repository.
# Needs cargo-fuzz and the nightly toolchain: cargo install cargo-fuzz --locked; rustup toolchain install nightly.
set -euo pipefail
cd "$(dirname "$0")/.."
for target in parser formatter csv ldif estate session host spool; do
    mkdir -p "fuzz/corpus/$target"
    seeds=(examples tests/syntax) words=routing
    [ "$target" != session ] || seeds=(tests/relay/session/seeds) words=smtp
    [ "$target" != spool ] || seeds=(tests/relay/spool/v1/segments)
    [ "$target" != host ] || seeds=(tests/relay/deliver/seeds) words=smtp
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "${seeds[@]}" -- \
        -max_total_time="${SECONDS_EACH:-30}" -max_len=8192 -dict="fuzz/$words.dict" -print_final_stats=1
done
