#!/usr/bin/env bash
# Writes fixtures/golden/features.safetensors again: reference values of librosa for the tests of the crate `features`.
#
#     scripts/golden-features.sh [VENV]
#
# VENV is where the Python environment is, or is made (default: .venv, which git ignores).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/golden-features.txt
mkdir -p fixtures/golden
new=$(mktemp fixtures/golden/.features.XXXXXX)
trap 'rm -f "$new"' EXIT
"$venv/bin/python" scripts/golden-features.py "$new"
chmod 644 "$new"
mv "$new" fixtures/golden/features.safetensors
