#!/usr/bin/env bash
# barkbird against PyTorch, librosa and soxr, in turn, on two threads each: CNN, Vision Transformer, resampling (one thread),
# features, a complete training run and its memory. Prints a table of ratios of medians and writes it as JSON.
#
#     scripts/bench-peers.sh DATA [OUT.json]
#
# DATA/manifest.csv lists recordings of dogs and birds with a split. The peers are scripts/peers/*.py; installs their Python
# packages (PyTorch: some GB) into $VENV (.venv). ROUNDS (5) is the number of turns, EPOCHS (20) the length of the
# training run, PARTS (cnn,vit,resample,features,train) what is measured.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:?usage: scripts/bench-peers.sh DATA [OUT.json]}
out=${2:-bench-peers.json}
[ -f "$data/manifest.csv" ] || die "$data/manifest.csv: no such file"
find_barkbird
venv=${VENV:-$root/.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import librosa, soundfile, soxr, torch' 2>/dev/null ||
  "$venv/bin/pip" install --quiet -r "$root/scripts/peers/requirements.txt"
make_work
env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE "$venv/bin/python" "$root/scripts/bench-peers.py" \
  --root "$root" --barkbird "$barkbird" --data "$data" --work "$work" --out "$out" \
  --rounds "${ROUNDS:-5}" --epochs "${EPOCHS:-20}" --parts "${PARTS:-cnn,vit,resample,features,train}"
