#!/usr/bin/env bash
# The CNN and every fine-tuning strategy of the pretrained backbones, on real recordings: the test split of the data set,
# recordings from elsewhere, and five folds by group over all clips of the classes.
#
#     scripts/measure-pretrained.sh DATA MODELS OUT
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS/dinov2-small and MODELS/yamnet are the backbones. In
# the environment: SEEDS (0 1 2); CONFIGS (cnn vit-probe vit-last vit-lora vit-full yamnet-probe yamnet-last yamnet-full);
# VIT_FLAGS, for `barkbird train vit`; FEATURE_FLAGS, for `barkbird features` of the CNN and the transformer; FOLDS=no skips the
# folds. What is in OUT already is not repeated. Prints one table.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-pretrained.sh DATA MODELS OUT"
data=${1:?$usage} models=${2:?$usage} out=${3:?$usage}
for file in "$data/animals/manifest.csv" "$data/field/manifest.csv" "$models/dinov2-small/model.safetensors" "$models/yamnet/yamnet.tflite"; do
  [ -f "$file" ] || die "$file: no such file"
done
find_barkbird
mkdir -p "$out"
seeds=${SEEDS:-0 1 2}
configs=${CONFIGS:-cnn vit-probe vit-last vit-lora vit-full yamnet-probe yamnet-last yamnet-full}

# quietly LOG COMMAND...: shows what it said only where it failed.
quietly() {
  local log=$1; shift
  "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
}

"$barkbird" scan "$data/animals/manifest.csv" --out "$out/split.csv" --quiet 2>"$out/scan.log"
"$barkbird" scan "$data/animals/manifest.csv" --folds 5 --out "$out/folds.csv" --quiet 2>"$out/scan.log"
"$barkbird" scan "$data/field/manifest.csv" --out "$out/field.csv" --quiet 2>"$out/scan.log"
for kind in mel yamnet; do
  flags=${FEATURE_FLAGS:-}
  [ "$kind" = yamnet ] && flags="--front-end yamnet"
  for set in split folds; do
    # shellcheck disable=SC2086
    [ -f "$out/$kind-$set/index.json" ] || quietly "$out/features.log" "$barkbird" features "$out/$set.csv" --out "$out/$kind-$set" $flags
  done
  [ -f "$out/$kind-field/index.json" ] || quietly "$out/features.log" "$barkbird" features "$out/field.csv" --out "$out/$kind-field" --like "$out/$kind-split"
done

# train_one RUN WAY FEATURES SEED FLAGS...
train_one() {
  local run=$1 config=$2 features=$3 seed=$4; shift 4
  [ -f "$run/model.safetensors" ] && return
  mkdir -p "$run"
  local model=(cnn)
  case $config in
    # shellcheck disable=SC2206
    vit-*) model=(vit --pretrained "$models/dinov2-small" --strategy "${config#vit-}" ${VIT_FLAGS:-}) ;;
    yamnet-*) model=(yamnet --pretrained "$models/yamnet/yamnet.tflite" --strategy "${config#yamnet-}") ;;
  esac
  local began; began=$(date +%s.%N)
  quietly "$run.log" "$barkbird" train "${model[@]}" --features "$features" --out "$run" --overwrite --seed "$seed" "$@"
  echo "$began $(date +%s.%N)" >"$run/clock"
}

# evaluate_one RUN FEATURES SPLIT NAME
evaluate_one() {
  [ -f "$1/$4/metrics.json" ] || quietly "$1-$4.log" "$barkbird" evaluate "$1" --features "$2" --split "$3" --out "$1/$4"
}

for config in $configs; do
  kind=mel
  [ "${config%%-*}" = yamnet ] && kind=yamnet
  for seed in $seeds; do
    run=$out/$config-$seed
    train_one "$run" "$config" "$out/$kind-split" "$seed"
    evaluate_one "$run" "$out/$kind-split" test test
    evaluate_one "$run" "$out/$kind-field" field field
    [ "${FOLDS:-yes}" = yes ] || continue
    for fold in 0 1 2 3 4; do
      others=
      for other in 0 1 2 3 4; do [ "$other" = "$fold" ] || others+=fold-$other,; done
      train_one "$run-fold-$fold" "$config" "$out/$kind-folds" "$seed" --train-split "${others%,}" --val-split none
      evaluate_one "$run-fold-$fold" "$out/$kind-folds" "fold-$fold" test
      evaluate_one "$run-fold-$fold" "$out/$kind-field" field field
    done
  done
done
# shellcheck disable=SC2086
python3 "$root/scripts/measure-pretrained.py" "$out" "$configs" "$seeds"
