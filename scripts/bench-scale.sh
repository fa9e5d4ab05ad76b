#!/usr/bin/env bash
# A manifest of a million recordings: seconds and memory of what reads, lists, splits and shares it. docs/scale.md has the figures.
#
#     scripts/bench-scale.sh [OUT] [N...]
#
# OUT gets the recordings (4 KiB each) and results (default: a temporary folder); N... are numbers of recordings (default: 100000
# 300000 1000000, for slopes). For each N: `scan`; `scan` killed when half is done, and gone on with; `scan --resume`
# with nothing new; a share of `features` and of `predict` (--part 1/10000: the rest is planning); each with its wall-clock
# seconds and its greatest memory. The manifests of the unbroken and of the resumed scan must have the same bytes. Fails where
# a million rows need more than 60 s or 1 GiB in any step that reads no sound.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
find_barkbird
barkbird=$(realpath "$barkbird")
out=${1:-}
if [ -z "$out" ]; then make_work; out=$work; fi
mkdir -p "$out"
sizes=("${@:2}")
[ ${#sizes[@]} -gt 0 ] || sizes=(100000 300000 1000000)
python3 "$root/scripts/bench-scale.py" "$barkbird" "$(realpath "$out")" "${sizes[@]}"
