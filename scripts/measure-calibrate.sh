#!/usr/bin/env bash
# What `barkbird calibrate` is worth: two models of DATA/animals, fitted with and without YAMNet, in the place DATA/field as it is and
# under conditions of the stress tests. Of each place, 5, 10 and 20 clips are drawn by group; the model is calibrated on them and measured on
# all others. Prints the tables of docs/calibrate.md.
#
#     scripts/measure-calibrate.sh DATA MODELS OUT
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS/yamnet holds YAMNet's weights. DRAWS (200) and CONDITIONS in the environment.
# Fits that are in OUT already are taken from there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-calibrate.sh DATA MODELS OUT"
data=${1:?$usage} models=${2:?$usage} out=${3:?$usage}
find_barkbird
cargo build --release --quiet --manifest-path "$root/Cargo.toml" --workspace --example stress_sounds --example measure_calibrate
built=${CARGO_TARGET_DIR:-$root/target}/release/examples
conditions=${CONDITIONS:-rate_16k,rate_8k,rate_6k,telephone,room,noise_10db,noise_0db,equalized}
fit_pair "$data" "$models" "$out"
# shellcheck disable=SC2086
field_places "$data" "$out" ${conditions//,/ }
for model in yamnet cnn; do
  for place in recorded ${conditions//,/ }; do
    manifest=$out/places/$place/manifest.csv
    [ "$place" = recorded ] && manifest=$data/field/manifest.csv
    printf '\n%s, %s: ' "$model" "$place"
    "$built/measure_calibrate" "$out/$model" "$manifest" field,ood-far "${DRAWS:-200}"
  done
done
