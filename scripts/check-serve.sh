#!/usr/bin/env bash
# `barkbird serve` under load: 200 uploads at once, with oversize, slow, cut, hostile and broken ones among them, for MINUTES minutes
# (default 1; 20 for a real look). Right answers to the right ones, errors to the others; memory, threads and open files flat; the
# temporary folder empty; SIGTERM in the middle loses no request that was begun. Then the API by its description alone: schemathesis,
# within bounds, and Python's requests. Prints what was seen; fails on anything else.
#
#     scripts/check-serve.sh [DATA]
#     MINUTES=20 scripts/check-serve.sh
#
# DATA is a folder of recordings to send (default: made sounds). VENV is where the Python environment is, or is made.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:+$(realpath "$1")}
venv=$(realpath -m "${VENV:-${CARGO_TARGET_DIR:-$root/target}/check-serve/venv}")
find_barkbird
make_work
python_packages "$venv" "$root/scripts/check-serve.txt"
cd "$work"
"$barkbird" synth --out sounds --clips 40 --quiet
"$barkbird" scan sounds/manifest.csv --out manifest.csv --quiet
"$barkbird" features manifest.csv --out features --quiet
"$barkbird" train cnn --features features --out run --quiet --set 'cnn.channels=[8, 8, 16]' --set train.epochs=3
"$barkbird" predict run "${data:-sounds}" --out detections.csv --format jsonl --quiet || [ $? = 3 ]
"$venv/bin/python" "$root/scripts/check-serve.py" "$barkbird" run "${data:-sounds}" "$root/fixtures" "$venv/bin" "${MINUTES:-1}"
