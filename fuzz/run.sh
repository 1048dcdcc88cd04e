#!/usr/bin/env bash
# Runs each fuzz target for a while (SECONDS_EACH, 30 if not said) from the sources and exports in the repository.
# Needs cargo-fuzz and the nightly toolchain: cargo install cargo-fuzz --locked; rustup toolchain install nightly.
set -euo pipefail
cd "$(dirname "$0")/.."
for target in parser formatter csv ldif estate; do
    mkdir -p "fuzz/corpus/$target"
    cargo +nightly fuzz run "$target" "fuzz/corpus/$target" examples tests/syntax -- \
        -max_total_time="${SECONDS_EACH:-30}" -max_len=8192 -dict=fuzz/routing.dict -print_final_stats=1
done
