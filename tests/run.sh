#!/usr/bin/env bash
# Sets up the machine (Debian, root) and runs every test; arguments go to the test binary, such as a name to look for.
# Random inputs are another set for each commit, and the same on every machine; PROPTEST_RNG_SEED=random draws anew.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/setup.sh
tests/setup-releases.sh
commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo 1)
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-$((16#$commit))}
echo "PROPTEST_RNG_SEED=$PROPTEST_RNG_SEED"
[ "$PROPTEST_RNG_SEED" != random ] || unset PROPTEST_RNG_SEED
cargo test --locked -- "$@"
