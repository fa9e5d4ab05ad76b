#!/usr/bin/env bash
# Writes fixtures/golden/curves.json again: ROC curves, precision-recall curves and reliability of fixed rows by scikit-learn, for the
# tests of the crate `report`.
#
#     scripts/golden-curves.sh [VENV]
#
# VENV is where the Python environment is, or is made (default: .venv, which git ignores).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
venv=${1:-.venv}
python_packages "$venv" scripts/golden-curves.txt
new=$(mktemp fixtures/golden/.curves.XXXXXX)
trap 'rm -f "$new"' EXIT
"$venv/bin/python" scripts/golden-curves.py "$new"
chmod 644 "$new"
mv "$new" fixtures/golden/curves.json
