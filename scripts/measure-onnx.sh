#!/usr/bin/env bash
# `barkbird fit` with the built-in YAMNet and with YAMNet as ONNX: class evidence over both, on the same recordings. Prints figures,
# times, and the largest difference of a probability on the test split; fails where that is more than 1e-3.
#
#     scripts/measure-onnx.sh DATA MODELS YAMNET.onnx OUT
#
# DATA/animals holds a manifest.csv, MODELS/yamnet YAMNet's weights. scripts/check-onnx.sh writes YAMNET.onnx and its TOML file. A
# BARKBIRD in the environment has to have the feature `onnx`. Fits that are in OUT already are taken from there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-onnx.sh DATA MODELS YAMNET.onnx OUT"
data=${1:?$usage} models=${2:?$usage} onnx=${3:?$usage} out=${4:?$usage}
[ -f "$data/animals/manifest.csv" ] || die "$data/animals/manifest.csv: no such file"
[ -d "$models/yamnet" ] || die "$models/yamnet: no such folder"
[ -f "$onnx" ] || die "$onnx: no such file"
barkbird=${BARKBIRD:-}
if [ -z "$barkbird" ]; then
  cargo build --release --quiet --manifest-path "$root/Cargo.toml" --package barkbird --features onnx
  barkbird=${CARGO_TARGET_DIR:-$root/target}/release/barkbird
fi
mkdir -p "$out"
for kind in built-in onnx; do
  backbone=$models/yamnet
  [ "$kind" = built-in ] || backbone=$onnx
  # So few minutes leave the networks out that are trained.
  [ -f "$out/$kind/fit.json" ] || "$barkbird" fit "$data/animals/manifest.csv" --out "$out/$kind" --backbone "$backbone" \
    --candidate evidence --minutes 0.1 --overwrite --quiet 2>"$out/$kind.log" || { cat "$out/$kind.log" >&2; exit 1; }
done
python3 "$root/scripts/measure-onnx.py" "$out/built-in" "$out/onnx"
