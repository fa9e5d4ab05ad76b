#!/usr/bin/env bash
# How often the true class is in the set of `predict --coverage`, on clips that `barkbird fit` has not seen.
#
#     scripts/measure-coverage.sh DATA MODELS OUT [SPLITS]
#
# DATA/animals and DATA/field hold a manifest.csv each, MODELS/yamnet the weights of YAMNet. Fits SPLITS models (default 5), each
# on a random half of the groups of each class (20 groups at least, since a coverage of 0.95 takes 19), and asks each about the
# other groups and about the field. Prints one table; everything else goes to OUT.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-coverage.sh DATA MODELS OUT [SPLITS]"
data=${1:?$usage}
models=${2:?$usage}
out=${3:?$usage}
splits=${4:-5}
for set in animals field; do
  [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
done
find_barkbird
mkdir -p "$out"
script=$(dirname "$0")/measure-coverage.py
for seed in $(seq 1 "$splits"); do
  python3 "$script" split "$data" "$out" "$seed"
  "$barkbird" fit "$out/fit-$seed.csv" --out "$out/run-$seed" --backbone "$models/yamnet" --minutes 3 --overwrite --quiet \
    2>"$out/fit-$seed.log"
  for set in test field; do
    for coverage in 0.90 0.95; do
      "$barkbird" predict "$out/run-$seed" "$out/$set-$seed.csv" --coverage "$coverage" --format json --quiet \
        --out "$out/$set-$seed-$coverage.json" 2>>"$out/fit-$seed.log"
    done
  done
done
python3 "$script" table "$out" "$splits"
