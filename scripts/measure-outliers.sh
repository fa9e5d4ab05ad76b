#!/usr/bin/env bash
# Every method of detecting unknown sounds, on real recordings, for the CNN and a fine-tuned transformer: trains what is not in
# OUT yet, runs `barkbird anomaly bench` for each model, and prints the tables of docs/outliers.md.
#
#     scripts/measure-outliers.sh DATA MODELS OUT [DOC]
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS/dinov2-small and MODELS/yamnet are the backbones. OUT may be that
# of measure-pretrained.sh, whose runs and features are used then. SEEDS (0 1 2) and CONFIGS (cnn vit-lora) choose the
# runs. With DOC the tables are written between its two lines `<!-- measured -->`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-outliers.sh DATA MODELS OUT [DOC]"
data=${1:?$usage} models=${2:?$usage} out=${3:?$usage} doc=${4:-}
mkdir -p "$out"
out=${out%/}
seeds=${SEEDS:-0 1 2} configs=${CONFIGS:-cnn vit-lora}
find_barkbird
SEEDS=$seeds CONFIGS=$configs FOLDS=no "$(dirname "$0")/measure-pretrained.sh" "$data" "$models" "$out" >"$out.runs.md"
for config in $configs; do
  for seed in $seeds; do
    bench=$out/bench-$config-$seed
    [ -f "$bench/anomaly.json" ] && continue
    echo "bench: $config, seed $seed" >&2
    "$barkbird" anomaly bench "$out/$config-$seed" --features "$out/mel-split" --features "$out/mel-field" \
      --backbone "$models/yamnet/yamnet.tflite" --backbone-features "$out/yamnet-split" --backbone-features "$out/yamnet-field" \
      --out "$bench" --quiet
  done
done
# Changes of training: unknown sounds of the split ood-val beside the clips, unknown sounds made from the clips, logit normalization.
train_with() {
  local name=$1 seed=$2; shift 2
  [ -f "$out/$name-$seed/model.safetensors" ] ||
    "$barkbird" train cnn --features "$out/mel-split" --out "$out/$name-$seed" --seed "$seed" --overwrite --quiet "$@"
  [ -f "$out/bench-$name-$seed/anomaly.json" ] ||
    "$barkbird" anomaly bench "$out/$name-$seed" --features "$out/mel-split" --features "$out/mel-field" \
      --out "$out/bench-$name-$seed" --quiet
  [ -f "$out/$name-$seed/field/metrics.json" ] ||
    "$barkbird" evaluate "$out/$name-$seed" --features "$out/mel-field" --split field --out "$out/$name-$seed/field" --quiet
}
for seed in $seeds; do
  echo "changes of training, seed $seed" >&2
  train_with cnn-exposed "$seed" --set train.exposure.split=ood-val
  train_with cnn-made "$seed" --set 'train.exposure.made=["shuffled_patches", "inverted", "noise_filled"]'
  train_with cnn-logit-norm "$seed" --set train.logit_norm=0.04
done
# shellcheck disable=SC2086
python3 "$root/scripts/measure-outliers.py" "$out" "$configs" "$seeds" $doc
