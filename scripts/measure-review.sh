#!/usr/bin/env bash
# How many answers a review of detections needs: a simulated reviewer knows the truth of DATA/field, and answers windows of a class in several
# orders until the interval of its precision is 5 points to either side. First on made populations, on which order and interval were
# chosen; then on the windows of DATA/field by two models of DATA/animals, fitted with and without YAMNet: as they were recorded, at a
# sample rate of 8 kHz, and in one larger table of all conditions of the stress tests together. With Node, also how good the thresholds are
# that reviews give. Prints the tables of docs/report.md.
#
#     scripts/measure-review.sh DATA MODELS OUT
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS/yamnet holds YAMNet's weights. REVIEWS (200), SYNTHETIC (400) and CONDITIONS in the
# environment. Fits and sounds that are in OUT already, as from scripts/measure-calibrate.sh, are taken from there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-review.sh DATA MODELS OUT"
data=${1:?$usage} models=${2:?$usage} out=${3:?$usage}
find_barkbird
cargo build --release --quiet --manifest-path "$root/Cargo.toml" --workspace --example stress_sounds --example measure_review
built=${CARGO_TARGET_DIR:-$root/target}/release/examples
conditions=${CONDITIONS:-rate_8k,rate_16k,rate_6k,telephone,room,noise_10db,noise_0db}
"$built/measure_review" "${SYNTHETIC:-400}" synthetic
fit_pair "$data" "$models" "$out"
# shellcheck disable=SC2086
field_places "$data" "$out" ${conditions//,/ }
tables=()
for model in yamnet cnn; do
  together=$out/review-$model-together.csv
  for place in recorded ${conditions//,/ }; do
    manifest=$out/places/$place/manifest.csv table=$out/review-$model-$place.csv
    [ "$place" = recorded ] && manifest=$data/field/manifest.csv
    "$barkbird" predict "$out/$model" "$manifest" --quiet --overwrite --out "$table"
    if [ "$place" = recorded ]; then cp "$table" "$together"; else tail -n +2 "$table" >>"$together"; fi
  done
  tables+=("$model, recorded=$out/review-$model-recorded.csv" "$model, ${conditions%%,*}=$out/review-$model-${conditions%%,*}.csv" "$model, together=$together")
done
echo
"$built/measure_review" "${REVIEWS:-200}" "${tables[@]}"
if command -v node >/dev/null; then
  echo
  node "$root/scripts/measure-thresholds.mjs"
  node "$root/scripts/measure-thresholds.mjs" "yamnet=$out/review-yamnet-together.csv" "cnn=$out/review-cnn-together.csv"
fi
