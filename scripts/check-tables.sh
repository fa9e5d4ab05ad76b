#!/usr/bin/env bash
# Tables of `predict` in every format, read by tools that are not ours: the same rows, times, labels and scores as in the JSON
# lines? Writes windows and events, as one table and as a table for each recording. Prints a table; fails on a difference, and on
# a table that a reader rejects.
#
#     scripts/check-tables.sh RUN RECORDINGS [VENV]
#
# RUN is a fitted run, RECORDINGS a folder of sounds. VENV is where the Python environment is, or is made (default: under
# target/). BirdNET-Analyzer is installed without what it depends on, since only its parser of tables is imported: no TensorFlow.
# Takes half a minute for 200 recordings of 5 s after the build.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/check-tables.sh RUN RECORDINGS [VENV]"
run=$(realpath -m "${1:?$usage}")
recordings=$(realpath -m "${2:?$usage}")
venv=$(realpath -m "${3:-${CARGO_TARGET_DIR:-$root/target}/check-tables/venv}")
[ -e "$run" ] || die "$run: no such run"
[ -d "$recordings" ] || die "$recordings: no such folder"
find_barkbird
make_work
python_packages "$venv" "$root/scripts/check-tables.txt"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps birdnet-analyzer==2.4.0
formats=csv,jsonl,parquet,raven,kaleidoscope,birdnet,birdnet-table
# From inside the folder: BirdNET-Analyzer finds the table of a recording by equal folders on both sides.
cd "$recordings"
for rows in windows events; do
  options=(--quiet --format "$formats")
  [ "$rows" = events ] && options+=(--events)
  "$barkbird" predict "$run" . "${options[@]}" --out "$work/$rows-together/"
  options[2]+=,audacity
  "$barkbird" predict "$run" . "${options[@]}" --separate --out "$work/$rows-separate/"
done
"$venv/bin/python" "$root/scripts/check-tables.py" "$work" "$recordings"
