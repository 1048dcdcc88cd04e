#!/usr/bin/env bash
# Sets up the machine (Debian, root) and runs every test; arguments go to the test binary, such as a name to look for.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/setup.sh
tests/setup-releases.sh
cargo test --locked -- "$@"
