#!/usr/bin/env bash
# Feeds hostile bytes to every parser of outside bytes, for minutes each, and prints the table that SECURITY.md quotes.
#
#     scripts/fuzz.sh [MINUTES] [TARGET,TARGET...]
#
# MINUTES for each target, 5 by default; a night is good for 20. One core is used. Findings are written to target/fuzz/TARGET and
# fail the script; inputs with a new outcome are kept in target/fuzz/TARGET/kept, where the next run begins with them. What is found
# belongs into fixtures/fuzz/TARGET when it is fixed, so that every run of the tests tries it again.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
minutes=${1:-5}
targets=${2:-}
cd "$root"
cargo build --release --quiet --package fuzz
# A number that no run had before.
seed=$(date +%s)
echo "seed $seed, $minutes minutes for each target"
set -- --minutes "$minutes" --seed "$seed" --out "${CARGO_TARGET_DIR:-target}/fuzz"
[ -z "$targets" ] || set -- "$@" --target "$targets"
exec nice "${CARGO_TARGET_DIR:-target}/release/fuzz" "$@"
