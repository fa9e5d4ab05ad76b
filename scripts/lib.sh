# Sourced by the scripts beside it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Ends with a message.
die() { echo "error: $*" >&2; exit 1; }

# Sets $barkbird to the program: $BARKBIRD where it is set, else built here.
find_barkbird() {
  barkbird=${BARKBIRD:-}
  [ -n "$barkbird" ] && return
  cargo build --release --quiet --manifest-path "$root/Cargo.toml"
  barkbird=${CARGO_TARGET_DIR:-$root/target}/release/barkbird
}

# A folder of our own that goes away at the end.
make_work() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
}
