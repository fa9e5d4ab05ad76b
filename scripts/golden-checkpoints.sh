#!/bin/sh
# Makes fixtures/checkpoints anew: scripts/golden-checkpoints.sh VENV_FOLDER
# The folder is made, and PyTorch and transformers installed in it (some GB), where it does not exist yet.
set -eu
venv=${1:?usage: scripts/golden-checkpoints.sh VENV_FOLDER}
root=$(cd "$(dirname "$0")/.." && pwd)
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
if ! "$venv/bin/python" -c 'import torch, transformers, safetensors' 2>/dev/null; then
    "$venv/bin/pip" install --quiet torch transformers safetensors
fi
mkdir -p "$root/fixtures/checkpoints"
"$venv/bin/python" "$root/scripts/golden-checkpoints.py" "$root/fixtures/checkpoints"
