#!/usr/bin/env bash
# The kernels' tests, whose crate alone has unsafe code, under AddressSanitizer: an access outside of allocated
# memory ends them.
#
#     scripts/check-sanitizer.sh [ARGUMENT OF cargo test]...
#
# The stable toolchain has the sanitizer's library, and RUSTC_BOOTSTRAP lets it be used. It has a build of its own under
# target/sanitizer.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Cforce-frame-pointers=yes"
cargo test --release -p kernels --lib --tests --target "$target" --target-dir "${CARGO_TARGET_DIR:-$root/target}/sanitizer" "$@"
