#!/usr/bin/env bash
# What `barkbird fit` makes of data sets of other shapes: 3, 10 and 50 classes, a folder without groups, 20 clips, one class.
#
#     scripts/measure-sets.sh DATA MODELS OUT
#
# DATA/animals and DATA/field hold a manifest.csv each, MODELS/yamnet YAMNet's weights. The 50 classes are made: chords of two
# sweeping tones and noise. Prints one table: figures of the test split, or the reason of a refusal. Fails where `fit` fails on one
# of the first four or accepts one of the last two. MINUTES (5) in the environment. Fits that are in OUT already are taken from there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/measure-sets.sh DATA MODELS OUT"
data=$(realpath "${1:?$usage}") models=$(realpath "${2:?$usage}") out=${3:?$usage}
for set in animals field; do
  [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"
done
[ -d "$models/yamnet" ] || die "$models/yamnet: no such folder"
find_barkbird
mkdir -p "$out"
script=$root/scripts/measure-sets.py
python3 "$script" make "$data" "$out"
fit() { "$barkbird" fit "$out/$2" --out "$out/$1" --backbone "$models/yamnet" --minutes "${MINUTES:-5}" --overwrite --quiet 2>"$out/$1.log"; }
for name in classes-3 classes-10 classes-50 no-groups; do
  set=$name.csv
  [ "$name" != no-groups ] || set=recordings
  [ -f "$out/$name/fit.json" ] || fit "$name" "$set" || { cat "$out/$name.log" >&2; exit 1; }
done
for name in clips-20 one-class; do
  if fit "$name" "$name.csv"; then die "$name: fit should refuse it"; fi
done
python3 "$script" table "$out"
