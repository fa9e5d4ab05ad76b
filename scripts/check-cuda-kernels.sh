#!/usr/bin/env bash
# The kernels for CUDA without a card: their source compiled for the CPU, with fibers as threads, against plain Rust.
#
#     scripts/check-cuda-kernels.sh [ARGUMENT OF cargo test]...
#
# It needs a C++ compiler and Linux. Whether nvcc compiles them, too, is for scripts/check-cuda-build.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
tests=()
for file in crates/kernels/tests/on_device*.rs; do tests+=(--test "$(basename "$file" .rs)"); done
# With the features of the whole workspace, so that only what depends on this crate is compiled once more.
cargo test --release --workspace --features kernels/cuda-emulated "${tests[@]}" "$@"
