#!/usr/bin/env bash
# The kernels for CUDA without a card: their source compiled for the CPU, with fibers as threads, against plain Rust.
#
#     scripts/check-cuda-kernels.sh [ARGUMENT OF cargo test]...
#
# It needs a C++ compiler for Linux. Where nvcc is on the path it compiles them, too, and says what registers they take.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
if command -v nvcc >/dev/null; then
  for source in crates/kernels/cuda/*.cu; do
    nvcc -std=c++17 -O3 -arch="sm_${CUDA_COMPUTE_CAP:-90}" -Xptxas -v -Werror all-warnings --cubin -o /dev/null "$source" 2>&1 |
      awk -v source="$(basename "$source")" '/Compiling entry/ { name = $6 } /spill stores/ { spilled = $5 }
        /Used [0-9]+ registers/ { print source, name, $0; if (spilled > 0) { print "spills", spilled, "bytes"; failed = 1 } }
        /error|warning/ { print; failed = 1 } END { exit failed }'
  done
fi
# With the features of the whole workspace, so that only this crate is compiled once more.
cargo test --release --workspace --features kernels/cuda-emulated --test on_device --test on_device_layer "$@"
