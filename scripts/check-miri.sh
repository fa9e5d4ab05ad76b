#!/usr/bin/env bash
# The kernels' unit tests under Miri, which finds undefined behavior that a processor does not show: on the portable path, the
# only one that it runs.
#
#     scripts/check-miri.sh [ARGUMENT OF cargo test]...
#
# Installs a nightly toolchain with Miri where there is none (rustup). Takes some minutes: it has a build of its own under
# target/miri, and every instruction is interpreted.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
cargo +nightly miri --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal --component miri,rust-src
# Tree borrows, since rayon's queues break the rules of stacked ones; what is kept for the next step is no leak.
export MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks -Zmiri-tree-borrows"
cargo +nightly miri test -p kernels --lib --target-dir "${CARGO_TARGET_DIR:-$root/target}/miri" "$@"
