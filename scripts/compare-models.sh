#!/usr/bin/env bash
# Models of `barkbird fit` side by side on recordings of the same collection, and on recordings from elsewhere.
#
#     scripts/compare-models.sh DATA MODELS OUT
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS/yamnet holds YAMNet's weights. Fits DATA/animals once for each of
# CANDIDATES ("evidence cnn evidence+prototype+cnn") of the environment; fits that are in OUT already (from bench-average.sh, too)
# are taken from there. Prints what `barkbird compare --stress` says; OUT/test and OUT/field have its files. About ten minutes.
#
# With PRETRAINED=FOLDER, where scripts/measure-pretrained.sh has written (CONFIGS="cnn vit-lora yamnet-last" FOLDS=no, half an hour),
# also compares its CNNs, transformers and YAMNets, three seeds each, with the first of CANDIDATES: OUT/strategies-test, -field.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/compare-models.sh DATA MODELS OUT"
data=${1:?$usage} models=${2:?$usage} out=${3:?$usage}
candidates=${CANDIDATES:-evidence cnn evidence+prototype+cnn}
runs=()
for name in $candidates; do runs+=("$out/$name"); done
# shellcheck disable=SC2086
fit_candidates "$data" "$models" "$out" $candidates
echo "## Test split of the collection, and its cats and donkeys"
"$barkbird" compare "${runs[@]}" --manifest "$data/animals/manifest.csv" --split test,ood-test --stress --out "$out/test" 2>&1
echo "## Recordings from elsewhere"
"$barkbird" compare "${runs[@]}" --manifest "$data/field/manifest.csv" --split field,ood-far --stress --out "$out/field" 2>&1
[ -n "${PRETRAINED:-}" ] || exit 0
seeds() { local all=("$PRETRAINED/$1"-[0-9]); (IFS=,; echo "${all[*]}"); }
for set in test field; do
  echo "## CNN, transformer and YAMNet: $set"
  manifest=$data/animals/manifest.csv
  [ "$set" = test ] || manifest=$data/field/manifest.csv
  "$barkbird" compare "$(seeds cnn)" "$(seeds vit-lora)" "$(seeds yamnet-last)" "${runs[0]}" --manifest "$manifest" --split "$set" --stress \
    --out "$out/strategies-$set" 2>&1
done
