#!/usr/bin/env bash
# Models as ONNX graphs, in another runtime: onnx.checker, and onnxruntime with 1 and 2 threads and batches of 1, 7 and 32, on made sounds
# and 200 recordings; probabilities have to be within 1e-4 of barkbird's own.
#
#     scripts/check-export.sh                        a small CNN on made sounds
#     scripts/check-export.sh DATA MODELS OUT        a CNN and YAMNet of `fit`, and a transformer, on DATA/field
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS holds yamnet and dinov2-small. Fits that are in OUT already are taken from
# there. VENV is where the Python environment is, or is made.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
venv=$(realpath -m "${VENV:-${CARGO_TARGET_DIR:-$root/target}/check-export/venv}")
find_barkbird
python_packages "$venv" "$root/scripts/check-export.txt"
exported() { # NAME RUN FLAGS...: exports, and replays.
  "$barkbird" export onnx "$2" --out "$out/onnx-$1" --overwrite --quiet "${@:3}"
  "$venv/bin/python" "$root/scripts/check-export.py" "$out/onnx-$1" 1e-4
}
if [ $# = 0 ]; then
  make_work
  out=$work
  cd "$work"
  "$barkbird" synth --out sounds --clips 40 --quiet
  "$barkbird" scan sounds/manifest.csv --out manifest.csv --quiet 2>scan.log
  "$barkbird" features manifest.csv --out features --quiet
  "$barkbird" train cnn --features features --out run --quiet --set 'cnn.channels=[8, 8, 16]' --set train.epochs=10
  "$barkbird" anomaly fit run --features features --method knn --quiet 2>fit.log || { cat fit.log >&2; exit 1; }
  exported cnn run --compare-on manifest.csv
  exported cnn-spectrogram run --from spectrogram --compare-on manifest.csv
  exit
fi
usage="usage: scripts/check-export.sh [DATA MODELS OUT]"
data=$(realpath -m "$1") models=$(realpath -m "${2:?$usage}") out=$(realpath -m "${3:?$usage}")
[ -d "$models/dinov2-small" ] || die "$models/dinov2-small: no such folder"
fit_pair "$data" "$models" "$out"
if [ ! -f "$out/vit/model.safetensors" ]; then
  "$barkbird" scan "$data/animals/manifest.csv" --out "$out/manifest.csv" --quiet
  "$barkbird" features "$out/manifest.csv" --out "$out/features" --quiet
  "$barkbird" train vit --features "$out/features" --out "$out/vit" --pretrained "$models/dinov2-small" --strategy probe --set train.epochs=3 --quiet
fi
for model in cnn yamnet vit; do exported "$model" "$out/$model" --compare-on "$data/field/manifest.csv"; done
