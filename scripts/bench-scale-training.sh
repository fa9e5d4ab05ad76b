#!/usr/bin/env bash
# Training from shards that are larger than memory: clips a second from a small set that is in the file cache, and from a large one whose
# files are not, in a control group whose memory, file cache included, is limited; start-up and memory over the number of clips.
#
#     scripts/bench-scale-training.sh [OUT] [GB]
#
# OUT: a folder for made shards, target/scale-training by default; it needs GB and a tenth more of disk. GB: 20 by default. The sets are
# kept for the next run. Fails where the large set trains at less than 95 % of the speed of the small one, or takes more than 2 GiB.
# ROUNDS (8): pairs of trainings that are compared, small and large in turn. EPOCH_CLIPS (6000), EPOCHS (2): what each trains on; the first
# epoch is not counted. PRESETS (small, the default one): networks, such as "small base". As root with cgroup v1 or v2 the limit holds
# for the file cache, too; else only the resident memory is compared with it. Takes about ten minutes on two cores.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=${1:-$root/target/scale-training} gb=${2:-20}
rounds=${ROUNDS:-8} epoch_clips=${EPOCH_CLIPS:-6000} epochs=${EPOCHS:-2} presets=${PRESETS:-small}
find_barkbird
cd "$root"
cargo build --release --quiet --workspace --example make_shards
mkdir -p "$out"
out=$(cd "$out" && pwd)

if [ ! -f "$out/like/index.json" ]; then
  "$barkbird" synth --out "$out/sounds" --clips 24 --quiet
  "$barkbird" scan "$out/sounds/manifest.csv" --out "$out/manifest.csv" --quiet
  "$barkbird" features "$out/manifest.csv" --out "$out/like" --quiet
fi
# The small one is a twentieth; the others say how start-up and memory grow.
small=$(awk "BEGIN { print $gb / 20 }") middle=$(awk "BEGIN { print $gb / 4 }")
for size in "$small" "$middle" "$gb"; do
  [ -f "$out/gb-$size/index.json" ] || "${CARGO_TARGET_DIR:-target}/release/examples/make_shards" "$out/like" "$out/gb-$size" "$size"
done
exec python3 scripts/bench-scale-training.py "$barkbird" "$out" "$small" "$middle" "$gb" "$rounds" "$epoch_clips" "$epochs" "$presets"
