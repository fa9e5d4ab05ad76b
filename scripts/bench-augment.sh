#!/usr/bin/env bash
# Time stretch and pitch shift against librosa with its default settings, in turn, on one thread each. Prints times and ratios,
# the errors of a tone's frequency and a click's position, and the distance of both programs from synthetic sounds whose
# stretched and shifted forms are known exactly; writes all of it as JSON. Fails where ours exceeds a tolerance.
#
#     scripts/bench-augment.sh [OUT.json]
#
# Installs librosa into $VENV (.venv). ROUNDS (7) is the number of turns.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
out=${1:-bench-augment.json}
cargo build --release --quiet --manifest-path "$root/Cargo.toml" -p augment --example waveform_raw
venv=${VENV:-$root/.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import librosa' 2>/dev/null || "$venv/bin/pip" install --quiet librosa
make_work
env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 "$venv/bin/python" "$root/scripts/bench-augment.py" \
  --ours "${CARGO_TARGET_DIR:-$root/target}/release/examples/waveform_raw" --work "$work" --out "$out" --rounds "${ROUNDS:-7}"
