#!/usr/bin/env bash
# Learning curves on real recordings: the CNN, a transformer with LoRA and YAMNet's last four layers on 25, 50, 100, 200 and all
# training clips, measured on the test split and on recordings from elsewhere; then with as many steps at every size, and more
# clips of few groups against more groups.
#
#     scripts/measure-sizes.sh DATA MODELS OUT
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS/dinov2-small and MODELS/yamnet are the backbones. In the
# environment: SIZES (25,50,100,200,all), SIZES_OF_STEPS (25,50), GROUPS_OF (8,16,32; empty skips them), SEEDS (3), and as
# `barkbird compare --models` takes them MODELS_OF, MODELS_OF_STEPS and MODELS_OF_GROUPS (cnn; YAMNet takes most of an hour). What
# is in OUT already is not repeated. OUT and OUT/equal-steps have sizes.json and sizes.svg, OUT groups.json and groups.svg. Prints
# the tables and how long it took: an hour and a quarter in all on two busy cores.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-sizes.sh DATA MODELS OUT"
data=${1:?$usage} models=${2:?$usage} out=${3:?$usage}
for file in "$data/animals/manifest.csv" "$data/field/manifest.csv" "$models/dinov2-small/model.safetensors" "$models/yamnet/yamnet.tflite"; do
  [ -f "$file" ] || die "$file: no such file"
done
find_barkbird
vit=vit:lora=$models/dinov2-small yamnet=yamnet:last=$models/yamnet/yamnet.tflite
measure() {
  local began; began=$(date +%s)
  "$barkbird" compare --manifest "$data/animals/manifest.csv" --manifest "$data/field/manifest.csv" --split test,field \
    --seeds "${SEEDS:-3}" "$@" 2>&1
  echo "took $((($(date +%s) - began) / 60)) minutes"
}
# First, since the last one's files stay: differences of these two alone.
echo "## The CNN against the transformer"
measure --models "cnn,$vit" --sizes 200,all --out "$out"
echo "## By clips"
sizes=${SIZES:-25,50,100,200,all}
measure --models "${MODELS_OF:-cnn,$vit,$yamnet}" --sizes "$sizes" --out "$out"
echo "## As many steps at every size"
measure --models cnn --sizes "$sizes" --equal-steps --out "$out/equal-steps"
measure --models "${MODELS_OF_STEPS:-cnn,$vit}" --sizes "${SIZES_OF_STEPS:-25,50}" --equal-steps --out "$out/equal-steps"
groups=${GROUPS_OF-8,16,32}
[ -n "$groups" ] || exit 0
echo "## By groups"
measure --models "${MODELS_OF_GROUPS:-cnn}" --sizes "$groups" --by groups --out "$out"
