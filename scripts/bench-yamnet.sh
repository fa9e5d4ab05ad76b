#!/usr/bin/env bash
# YAMNet over 5 s clips, a window every 0.48 s: ours and LiteRT, in turn, on two threads each.
#
#     scripts/bench-yamnet.sh YAMNET_DIR [ROUNDS]
#
# YAMNET_DIR holds yamnet.tflite, model.safetensors and golden.safetensors. LiteRT's file takes samples and gives scores;
# ours is measured twice: the network alone (check_yamnet), and the commands from recordings to embeddings on disk, with
# start, decoding and writing. Installs ai-edge-litert into .venv. Prints every round and the ratios of medians.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
dir=$(cd "${1:?usage: scripts/bench-yamnet.sh YAMNET_DIR [ROUNDS]}" && pwd)
rounds=${2:-5}
for file in yamnet.tflite model.safetensors golden.safetensors; do [ -f "$dir/$file" ] || die "$dir/$file: no such file"; done
find_barkbird
venv=${VENV:-$root/.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import ai_edge_litert, numpy' 2>/dev/null || "$venv/bin/pip" install --quiet ai-edge-litert numpy
cargo build --release --quiet --manifest-path "$root/Cargo.toml" --package models-cnn --example check_yamnet
check=${CARGO_TARGET_DIR:-$root/target}/release/examples/check_yamnet
make_work
export RAYON_NUM_THREADS=2
"$barkbird" synth --out "$work/sounds" --clips 1000 --quiet
"$barkbird" scan "$work/sounds/manifest.csv" --out "$work/manifest.csv" --quiet
"$barkbird" features "$work/manifest.csv" --out "$work/features" --front-end yamnet --quiet
"$barkbird" train yamnet --features "$work/features" --out "$work/run" --pretrained "$dir/yamnet.tflite" --strategy probe --quiet 2>/dev/null
n=$(($(wc -l <"$work/manifest.csv") - 1))
for round in $(seq "$rounds"); do
  "$venv/bin/python" "$root/scripts/bench-yamnet.py" "$dir/yamnet.tflite" | tee -a "$work/theirs"
  "$check" "$dir" | grep clips/s | sed 's/.*: \([0-9]*\) clips.*/\1/' | tee -a "$work/network" | sed 's/^/ours, the network: /'
  rm -rf "$work/again" "$work/embedded"
  begin=$(date +%s%N)
  "$barkbird" features "$work/manifest.csv" --out "$work/again" --front-end yamnet --threads 2 --quiet
  "$barkbird" embed "$work/run" --features "$work/again" --out "$work/embedded" --threads 2 --quiet
  python3 -c "print(round($n / (($(date +%s%N) - $begin) / 1e9), 1))" | tee -a "$work/whole" | sed 's/^/ours, recordings to embeddings: /'
done
python3 - "$work/theirs" "$work/network" "$work/whole" <<'PY'
import statistics, sys
theirs, network, whole = (statistics.median(float(line.split()[-1]) for line in open(path)) for path in sys.argv[1:])
print(f"medians, clips/s: LiteRT {theirs:.0f}; ours: the network {network:.0f} ({network / theirs:.2f} x), recordings to embeddings {whole:.0f} ({whole / theirs:.2f} x)")
PY
