#!/usr/bin/env bash
# The kernels' tests on the NEON path: under qemu, or as they are where this machine is a 64-bit ARM.
#
#     scripts/check-neon.sh [ARGUMENT OF cargo test]...
#
# A build for another architecture has a folder of its own under target: others are left as they are.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
[ "$(uname -m)" = aarch64 ] && exec cargo test --release -p kernels "$@"

target=aarch64-unknown-linux-gnu
linker=aarch64-linux-gnu-gcc
runner=qemu-aarch64-static
libraries=/usr/aarch64-linux-gnu
rustc_libraries=$(rustc --print sysroot)/lib/rustlib/$target/lib
if ! command -v $linker >/dev/null || ! command -v $runner >/dev/null || [ ! -d $libraries/lib ] ||
  [ ! -d "$rustc_libraries" ]; then
  die "what crosses to ARM is missing: apt-get install qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross; rustup target add $target"
fi
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$linker
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$runner -L $libraries"
# Its dependencies' C code, where there is some.
export CC_aarch64_unknown_linux_gnu=$linker
cargo test --release -p kernels --target $target "$@"
