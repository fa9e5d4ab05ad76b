#!/usr/bin/env bash
# Decoding, resampling and log-mel of real files: barkbird and librosa (with soundfile and soxr), in turn, on two threads each.
#
#     scripts/bench-features.sh DATA [ROUNDS]
#
# DATA/manifest.csv lists recordings. The peer is scripts/peers/features.py; installs its Python packages into .venv.
# FEATURE_FLAGS in the environment is passed to `barkbird features`. The settings of the peer are
# FEATURE_FLAGS="--set front_end.kind.mel.n_mels=128 --set front_end.hop=512 --set clip.window.padding=silence".
# Prints every round and the ratio of medians.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:?usage: scripts/bench-features.sh DATA [ROUNDS]}
rounds=${2:-5}
[ -f "$data/manifest.csv" ] || die "$data/manifest.csv: no such file"
find_barkbird
venv=${VENV:-$root/.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import librosa, soundfile, soxr' 2>/dev/null || "$venv/bin/pip" install --quiet -r <(grep -v torch "$root/scripts/peers/requirements.txt")
make_work
n=$(python3 -c 'import csv, sys; print(sum(1 for _ in csv.DictReader(open(sys.argv[1]))))' "$data/manifest.csv")
: >"$work/ours"; : >"$work/theirs"
for round in $(seq "$rounds"); do
  env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OMP_NUM_THREADS=1 "$venv/bin/python" "$root/scripts/peers/features.py" "$data/manifest.csv" --procs 2 | tee -a "$work/theirs"
  begin=$(date +%s%N)
  "$barkbird" features "$data/manifest.csv" --out "$work/features-$round" --threads 2 --quiet ${FEATURE_FLAGS:-}
  echo "{\"ours\": \"barkbird features, the whole command\", \"clips_per_s\": $(python3 -c "print(round($n / (($(date +%s%N) - $begin) / 1e9), 1))")}" | tee -a "$work/ours"
done
python3 - "$work/ours" "$work/theirs" <<'PY'
import json, statistics, sys
ours, theirs = (statistics.median(json.loads(line)["clips_per_s"] for line in open(p)) for p in sys.argv[1:])
print(f"medians: barkbird {ours:.0f} clips/s, librosa {theirs:.0f} clips/s, ratio {ours / theirs:.1f}")
PY
