#!/usr/bin/env bash
# Models as ONNX graphs in OpenSoundscape: its ONNXModel loads model.onnx without further arguments, and predicts and embeds WAV files of
# the parity file's windows, which it reads, cuts and puts into batches by itself; probabilities have to be within 1e-4 of barkbird's own.
#
#     scripts/check-opensoundscape.sh                        a small CNN on made sounds
#     scripts/check-opensoundscape.sh DATA MODELS OUT        a CNN and YAMNet of `fit`, and a transformer, on recordings
#
# Arguments are those of check-export.sh. VENV is where the Python environment is, or is made: OpenSoundscape brings torch, and 6.4 GB.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/check-export-models.sh"
venv=$(realpath -m "${VENV:-${CARGO_TARGET_DIR:-$root/target}/check-opensoundscape/venv}")
python_packages "$venv" "$root/scripts/check-opensoundscape.txt"
export_models "$@"
for folder in "${exported[@]}"; do
  name=${folder##*/onnx-}
  [[ $name == *-spectrogram ]] && continue
  predict_some "$name"
  "$venv/bin/python" -W ignore "$root/scripts/check-opensoundscape.py" "$folder" 1e-4 "$predictions"
done
