#!/usr/bin/env bash
# Compares every outlier detector of the crate `anomaly` with scikit-learn where that has it, else with the published
# formula in NumPy, on fixed rows: prints the greatest difference of each and fails above its tolerance.
#
#     scripts/check-anomaly.sh [VENV]
#
# VENV is where the Python environment is, or is made (default: .venv, which git ignores).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/check-anomaly.txt
cargo build --quiet --release -p anomaly --example score_rows
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$venv/bin/python" scripts/check-anomaly.py "$target/release/examples/score_rows" "$work"
