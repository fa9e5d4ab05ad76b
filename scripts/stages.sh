#!/usr/bin/env bash
# The stages one by one, as a script of your own can run them: from folders of recordings to a report.
#
#     scripts/stages.sh DATA OUT [SEED]
#
# DATA: a folder with one folder per class, or a CSV with path,label. OUT: the folder for all results. A second run continues
# where the first one stopped.
set -euo pipefail
data=${1:?usage: scripts/stages.sh DATA OUT [SEED]}
out=${2:?usage: scripts/stages.sh DATA OUT [SEED]}
seed=${3:-0}
[ -e "$data" ] || { echo "$data: no such file or folder" >&2; exit 1; }
barkbird=${BARKBIRD:-}
if [ -z "$barkbird" ]; then
  root=$(cd "$(dirname "$0")/.." && pwd)
  cargo build --release --quiet --manifest-path "$root/Cargo.toml"
  barkbird=$root/target/release/barkbird
fi
mkdir -p "$out"
"$barkbird" scan "$data" --out "$out/manifest.csv" --seed "$seed"
"$barkbird" features "$out/manifest.csv" --out "$out/features"
resume=(); [ -e "$out/run/last.safetensors" ] && resume=(--resume)
"$barkbird" train cnn --features "$out/features" --out "$out/run" --seed "$seed" "${resume[@]}"
"$barkbird" evaluate "$out/run" --features "$out/features" --split test --out "$out/run/test"
"$barkbird" predict "$out/run" "$out/manifest.csv" --out "$out/predictions.csv"
"$barkbird" report "$out/run" --manifest "$out/manifest.csv" --out "$out/report.html"
