#!/usr/bin/env bash
# Writes fixtures/golden/features-16k.safetensors again: reference values of YAMNet's front end and of the Audio
# Spectrogram Transformer's for the tests of the crate `features`.
#
#     scripts/golden-features-16k.sh VENV
#
# VENV is where the Python environment is, or is made; PyTorch, which goes into it, is some GB.
set -euo pipefail
venv=$(realpath -m "${1:?usage: scripts/golden-features-16k.sh VENV}")
cd "$(dirname "$0")/.."
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/golden-features-16k.txt
mkdir -p fixtures/golden
new=$(mktemp fixtures/golden/.features-16k.XXXXXX)
trap 'rm -f "$new"' EXIT
"$venv/bin/python" scripts/golden-features-16k.py "$new"
chmod 644 "$new"
mv "$new" fixtures/golden/features-16k.safetensors
