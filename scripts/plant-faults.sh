#!/usr/bin/env bash
# A copy of a data set with known faults, to see which of them a check finds.
#
#     scripts/plant-faults.sh DATA OUT [SEED] [VENV]
#
# DATA holds recordings and manifest.csv with at least the columns path and label; group and split are used where they
# are there. OUT must not exist. VENV (default .venv of the project) is made where it is missing. Equal DATA and SEED
# (default 0) give the same files; OUT gets
#
#     manifest.csv   DATA's columns; rows of DATA first, in their order, then the planted ones
#     truth.csv      what was planted: path,kind,of,detail
#     the recordings under their own paths, and planted ones under planted/
#
# | kind                 | n  | path                                            | of               |
# | duplicate-gain       | 25 | a new row, 3 to 20 dB lower or up to full scale | its original     |
# | duplicate-cut        | 25 | a new row, 50 to 90 % of it, cut at both ends   | its original     |
# | duplicate-mp3        | 25 | a new row, as MP3 at a middling quality         | its original     |
# | duplicate-resampled  | 25 | a new row, at a lower rate down to 8 kHz        | its original     |
# | swapped-label        | 30 | a row of DATA whose label was changed           | the true label   |
# | silent, clipped, truncated, too-short, dc, dead-channel, hum | 3, 4, 3, 3, 2, 2, 3 |            |
# |                      |    | a row that took the place of a row of DATA      | the row replaced |
#
# A duplicate has its original's label, a group of its own and, where the classes have more than one split, another
# split than its original: a leak. Originals are at least 0.5 s long, those that are cut at least 1.5 s. No row is used
# twice. Labels are swapped only among rows of train, val and test where such splits are there. `truncated` files have
# lost the last 40 % of their bytes.
set -euo pipefail
if [ $# -lt 2 ]; then sed -n '2,26s/^# \{0,1\}//p' "$0" >&2; exit 2; fi
if [ ! -f "$1/manifest.csv" ]; then echo "$1/manifest.csv: no such file: nothing was planted" >&2; exit 1; fi
if [ -e "$2" ]; then echo "$2: is there already: nothing was planted" >&2; exit 1; fi
data=$(cd "$1" && pwd)
case $2 in /*) out=$2 ;; *) out=$PWD/$2 ;; esac
case ${4:-.venv} in /*) venv=$4 ;; *) venv=$PWD/${4:-.venv} ;; esac
[ $# -ge 4 ] || venv=$(cd "$(dirname "$0")/.." && pwd)/.venv
cd "$(dirname "$0")/.."
if [ ! -x "$venv/bin/python" ]; then python3 -m venv "$venv"; fi
"$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/plant-faults.txt
"$venv/bin/python" scripts/plant-faults.py "$data" "$out" "${3:-0}"
