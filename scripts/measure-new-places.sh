#!/usr/bin/env bash
# What `barkbird fit` reaches on recordings from new places: fits on DATA/animals with three seeds, and prints the tables of
# docs/new-places.md.
#
#     scripts/measure-new-places.sh DATA MODELS OUT
#
# DATA/animals, DATA/field and DATA/field2 hold a manifest.csv each; MODELS/yamnet holds YAMNet's weights. SEEDS (0 1 2), MINUTES
# (10) and BACKBONE (MODELS/yamnet; or none) in the environment. Fits and evaluations that are in OUT already are taken from there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-new-places.sh DATA MODELS OUT"
data=${1:?$usage} models=${2:?$usage} out=${3:?$usage}
for set in animals field field2; do
  [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
done
[ -d "$models/yamnet" ] || die "$models/yamnet: no such folder"
find_barkbird
mkdir -p "$out"
seeds=${SEEDS:-0 1 2}
for set in field field2; do
  [ -f "$out/$set.csv" ] || "$barkbird" scan "$data/$set/manifest.csv" --out "$out/$set.csv" --quiet 2>"$out/$set.log"
done
for seed in $seeds; do
  run=$out/fit-$seed
  [ -f "$run/fit.json" ] || "$barkbird" fit "$data/animals/manifest.csv" --out "$run" --backbone "${BACKBONE:-$models/yamnet}" --seed "$seed" \
    --minutes "${MINUTES:-10}" --overwrite --quiet 2>"$out/fit-$seed.log" || { cat "$out/fit-$seed.log" >&2; exit 1; }
  [ -f "$run/field/metrics.json" ] || "$barkbird" evaluate "$run" "$out/field.csv" --split field,ood-far --stress --out "$run/field" --quiet
  [ -f "$run/field2/metrics.json" ] || "$barkbird" evaluate "$run" "$out/field2.csv" --split field2 --stress --out "$run/field2" --quiet
done
# shellcheck disable=SC2086
python3 "$root/scripts/measure-new-places.py" "$out" $seeds
