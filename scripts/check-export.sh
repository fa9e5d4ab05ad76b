#!/usr/bin/env bash
# Models as ONNX graphs, in another runtime: onnx.checker, shape inference, and onnxruntime with 1 and 2 threads and batches of 1, 7 and
# 32, on made sounds and 200 recordings; probabilities have to be within 1e-4 of barkbird's own.
#
#     scripts/check-export.sh                        a small CNN on made sounds
#     scripts/check-export.sh DATA MODELS OUT        a CNN and YAMNet of `fit`, and a transformer, on recordings
#
# DATA/animals, DATA/field and DATA/field2 hold a manifest.csv each; MODELS holds yamnet and dinov2-small. check-export-models.sh says
# what is written to OUT. VENV is where the Python environment is, or is made.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/check-export-models.sh"
venv=$(realpath -m "${VENV:-${CARGO_TARGET_DIR:-$root/target}/check-export/venv}")
python_packages "$venv" "$root/scripts/check-export.txt"
export_models "$@"
for folder in "${exported[@]}"; do "$venv/bin/python" "$root/scripts/check-export.py" "$folder" 1e-4; done
