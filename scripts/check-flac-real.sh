#!/usr/bin/env bash
# Real FLAC files: every sample is the one that libFLAC decodes.
#
#     scripts/check-flac-real.sh DATA
#
# DATA/manifest.csv lists recordings. Installs soundfile into $VENV (.venv).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
data=${1:?usage: scripts/check-flac-real.sh DATA}
[ -f "$data/manifest.csv" ] || die "$data/manifest.csv: no such file"
find_barkbird
make_work
venv=${VENV:-$root/.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import soundfile' 2>/dev/null || "$venv/bin/pip" install --quiet soundfile
"$barkbird" scan "$data/manifest.csv" --out "$work/manifest.csv" --json --quiet >"$work/scan.json" 2>"$work/text"
"$venv/bin/python" - "$data" "$work/scan.json" <<'PY'
import hashlib, json, os, sys
import soundfile
checks = [c for c in json.load(open(sys.argv[2]))["checks"] if c["path"].lower().endswith(".flac") and c["usable"]]
wrong = []
for check in checks:
    samples, rate = soundfile.read(os.path.join(sys.argv[1], check["path"]), dtype="float32", always_2d=True)
    # As `hash_samples` has it: rate, number of channels, then the samples; no -0. Several channels are hashed one by one, and
    # then their hashes.
    head = rate.to_bytes(4, "little") + samples.shape[1].to_bytes(4, "little")
    digests = [hashlib.sha256(head + (channel + 0.0).astype("<f4").tobytes()) for channel in samples.T]
    joined = digests[0] if len(digests) == 1 else hashlib.sha256(head + b"".join(digest.digest() for digest in digests))
    if joined.hexdigest() != check["sha256_samples"]:
        wrong.append(check["path"])
print(f"FLAC: {len(checks) - len(wrong)} of {len(checks)} files are libFLAC's, sample by sample", *wrong[:5])
sys.exit(1 if wrong or not checks else 0)
PY
