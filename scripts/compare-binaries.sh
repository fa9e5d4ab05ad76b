#!/usr/bin/env bash
# Runs two builds of barkbird on the same recordings with the same seed and compares tensors and figures bit for bit.
#
#     scripts/compare-binaries.sh BEFORE AFTER DATA MODELS [WORK]
#
# BEFORE and AFTER are the two programs. DATA holds animals/ and field/, MODELS dinov2-small/ and yamnet/. Results are kept
# in WORK if it is given. Takes about two minutes a program.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/compare-binaries.sh BEFORE AFTER DATA MODELS [WORK]"
before=$(realpath "${1:?$usage}")
after=$(realpath "${2:?$usage}")
data=$(realpath "${3:?$usage}")
models=$(realpath "${4:?$usage}")
[ -f "$data/animals/manifest.csv" ] || die "$data/animals/manifest.csv: no such file"
[ -f "$models/yamnet/yamnet.tflite" ] || die "$models/yamnet/yamnet.tflite: no such file"
if [ $# -ge 5 ]; then
  mkdir -p "$5"
  work=$(realpath "$5")
else
  make_work
fi

# Every stage whose result a change must not move: the demo, a ViT and a YAMNet with detectors, doctor, augment, bench. The
# flags are those that 0.1 has too.
results() {
  local barkbird=$1 out=$2
  rm -rf "$out"
  mkdir -p "$out"
  cd "$out"
  "$barkbird" demo --seed 0
  "$barkbird" features "$data/animals/manifest.csv" --out f
  "$barkbird" features "$data/animals/manifest.csv" --out fy --front-end yamnet
  "$barkbird" features "$data/animals/manifest.csv" --like f --equalize band --out fe
  "$barkbird" train vit --features f --out vit --pretrained "$models/dinov2-small" --way lora --epochs 2 --seed 0
  "$barkbird" train yamnet --features fy --out yam --pretrained "$models/yamnet/yamnet.tflite" --seed 0
  "$barkbird" anomaly fit vit --features f --trunk "$models/yamnet/yamnet.tflite" --trunk-features fy
  "$barkbird" anomaly fit yam --features fy
  "$barkbird" evaluate vit --features f --trunk-features fy --split test --out vit/test
  "$barkbird" evaluate yam --features fy --split test --out yam/test
  "$barkbird" predict vit "$data/field/manifest.csv" --out vit.csv
  "$barkbird" predict vit "$data/field/manifest.csv" --per-recording --out vit-recordings.csv
  "$barkbird" predict yam "$data/field/manifest.csv" --format json --out yam.json
  "$barkbird" embed yam --features fy --out embeddings
  "$barkbird" doctor "$data/animals/manifest.csv" --out doctor
  "$barkbird" augment barkbird-demo/manifest.csv --out views --views 1 --augment strong
  "$barkbird" anomaly bench barkbird-demo/run --features barkbird-demo/features --out bench --synthetic 3
}
trap 'tail -n 3 "$work/$side.log" >&2' ERR
for side in before after; do
  echo "running $side"
  (results "${!side}" "$work/$side") >"$work/$side.log" 2>&1
done
trap - ERR
python3 "$root/scripts/compare-results.py" "$work/before" "$work/after"
