#!/bin/sh
# Makes fixtures/golden/cnn.safetensors anew: scripts/golden-cnn.sh VENV_FOLDER
# The folder is made, and PyTorch installed in it (some GB), where it does not exist yet.
set -eu
venv=${1:?usage: scripts/golden-cnn.sh VENV_FOLDER}
root=$(cd "$(dirname "$0")/.." && pwd)
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
if ! "$venv/bin/python" -c 'import torch, safetensors, numpy' 2>/dev/null; then
    "$venv/bin/pip" install --quiet torch safetensors numpy
fi
mkdir -p "$root/fixtures/golden"
"$venv/bin/python" "$root/scripts/golden-cnn.py" "$root/fixtures/golden/cnn.safetensors"
chmod 644 "$root/fixtures/golden/cnn.safetensors"
