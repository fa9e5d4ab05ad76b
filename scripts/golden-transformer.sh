#!/bin/sh
# Makes fixtures/golden/transformer.safetensors anew: scripts/golden-transformer.sh VENV_FOLDER
# The folder is made, and PyTorch installed in it (some GB), where it does not exist yet.
set -eu
venv=${1:?usage: scripts/golden-transformer.sh VENV_FOLDER}
root=$(cd "$(dirname "$0")/.." && pwd)
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
if ! "$venv/bin/python" -c 'import torch, safetensors, numpy' 2>/dev/null; then
    "$venv/bin/pip" install --quiet torch safetensors numpy
fi
mkdir -p "$root/fixtures/golden"
"$venv/bin/python" "$root/scripts/golden-transformer.py" "$root/fixtures/golden/transformer.safetensors"
chmod 644 "$root/fixtures/golden/transformer.safetensors"
