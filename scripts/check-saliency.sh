#!/usr/bin/env bash
# Maps of what a model looked at (docs/saliency.md), computed again with PyTorch: its autograd through the same networks, and full
# matrices of attention. Fails where a map differs by more than 1e-3.
#
#     scripts/check-saliency.sh MODELS [VENV [RUN...]]
#
# MODELS/yamnet and MODELS/vit-tiny-random hold weights (docs/backbones.md). A CNN, a small transformer and YAMNet are trained for an
# epoch on made sounds, and one of class evidence and prototypes with a CNN is fitted; each RUN is compared on the same sounds, too.
# VENV is where the Python environment is, or is made with PyTorch (some GB; default: .venv, which git ignores). Takes some ten
# minutes.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/check-saliency.sh MODELS [VENV [RUN...]]"
models=${1:?$usage} venv=${2:-$root/.venv}
shift; [ $# -eq 0 ] || shift
for file in yamnet/yamnet.tflite vit-tiny-random/model.safetensors; do
  [ -f "$models/$file" ] || die "$models/$file: no such file"
done
python_packages "$venv" "$root/scripts/check-saliency.txt"
find_barkbird
cargo build --release --quiet --manifest-path "$root/Cargo.toml" -p inference --example explain
explain=${CARGO_TARGET_DIR:-$root/target}/release/examples/explain
make_work

# quietly COMMAND...: shows what it said only where it failed.
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

quietly "$barkbird" synth --out "$work/sounds" --clips 60
quietly "$barkbird" scan "$work/sounds/manifest.csv" --out "$work/manifest.csv"
quietly "$barkbird" features "$work/manifest.csv" --out "$work/mel"
quietly "$barkbird" features "$work/manifest.csv" --out "$work/yamnet" --front-end yamnet
train() { quietly "$barkbird" train "$1" --out "$work/$2" --epochs 1 "${@:3}"; }
train cnn run-cnn --features "$work/mel"
train vit run-vit --features "$work/mel" --pretrained "$models/vit-tiny-random" --strategy lora
train yamnet run-yamnet --features "$work/yamnet" --pretrained "$models/yamnet/yamnet.tflite" --strategy last
quietly "$barkbird" fit "$work/sounds/manifest.csv" --out "$work/run-average" --backbone "$models/yamnet" --candidate evidence+prototype+cnn

mapfile -t wavs < <(find "$work/sounds" -name '*.wav' | sort | awk 'NR % 6 == 0')
failed=0
# check RUN METHOD
check() {
  local file=$1; [ -d "$file" ] && file=$file/model.safetensors
  "$explain" "$1" "$work/maps.safetensors" "$2" "${wavs[@]}"
  echo -n "$(basename "$1"), $2: "
  "$venv/bin/python" -W ignore "$root/scripts/check-saliency.py" "$file" "$work/maps.safetensors" "$2" || failed=1
}
for run in "$work"/run-* "$@"; do
  if [ "$(basename "$run")" = run-vit ] || "$venv/bin/python" -c 'import json, sys
from safetensors import safe_open
sys.exit(json.loads(safe_open(sys.argv[1] + "/model.safetensors", "pt").metadata()["model"])["architecture"]["kind"] != "vit")' "$run"; then
    check "$run" rollout
    check "$run" gradient-rollout
  else
    check "$run" usual
  fi
done
exit $failed
