#!/usr/bin/env bash
# A report of 5,000 clips of 50 classes, of ESC-50's size: how long it takes to make, and whether the page is small, opens in 2 s and works
# (check-report.sh).
#
#     scripts/bench-report.sh OUT
#
# Makes 6,250 sounds and calls them by 50 made-up names, so that a short training learns little: many errors are the harder case for a
# page. Needs what check-report.sh needs. About ten minutes.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=${1:?usage: scripts/bench-report.sh OUT}
find_barkbird
mkdir -p "$out"
[ -f "$out/sounds/manifest.csv" ] || "$barkbird" synth --out "$out/sounds" --clips 6250 --quiet
# Every group keeps to one class and one split: 16 % train, 4 % val, 80 % test.
awk -F, -v OFS=, '
  NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; print "path,label,group,split"; next }
  { group = column["group"] ? $column["group"] : $column["path"]
    if (!(group in class)) { class[group] = n % 50; kind = int(n / 50) % 25; split_of[group] = kind < 4 ? "train" : kind < 5 ? "val" : "test"; n++ }
    print $column["path"], sprintf("species %02d", class[group]), group, split_of[group] }' "$out/sounds/manifest.csv" >"$out/sounds/many.csv"
manifest=$out/sounds/many.csv
[ -f "$out/features/index.json" ] || "$barkbird" features "$manifest" --out "$out/features" --quiet
[ -f "$out/run/model.safetensors" ] || "$barkbird" train cnn --features "$out/features" --out "$out/run" --epochs 6 --overwrite --quiet
[ -f "$out/run/test/metrics.json" ] || "$barkbird" evaluate "$out/run" --features "$out/features" --split test --out "$out/run/test" --quiet
began=$(date +%s.%N)
"$barkbird" report "$out/run" --manifest "$manifest" --out "$out/many.html"
awk -v from="$began" -v to="$(date +%s.%N)" 'BEGIN { printf "made in %.0f s\n", to - from }'
"$(dirname "$0")/check-report.sh" "$out" "$out/many.html" "$out/run/test/metrics.json"
