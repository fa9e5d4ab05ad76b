#!/usr/bin/env bash
# WAV files as the world has them: every one decodes to the frames, level and peak of its manifest, or is listed with a
# reason.
#
#     scripts/check-odd-wavs.sh FOLDER
#
# FOLDER/manifest.csv: path, kind, sample_rate, channels, frames_libsndfile, peak, rms_db as libsndfile decodes them.
# MP3 inside WAV may differ by one MP3 frame, since decoders trim differently; everything else is exact.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
folder=${1:?usage: scripts/check-odd-wavs.sh FOLDER}
[ -f "$folder/manifest.csv" ] || die "$folder/manifest.csv: no such file"
find_barkbird
make_work
"$barkbird" scan "$folder/manifest.csv" --out "$work/manifest.csv" --json --quiet >"$work/scan.json" 2>"$work/text"
python3 - "$folder/manifest.csv" "$work/scan.json" <<'PY'
import csv, json, math, sys
checks = {c["path"]: c for c in json.load(open(sys.argv[2]))["checks"]}
wrong = listed = n = 0
for row in csv.DictReader(open(sys.argv[1])):
    n += 1
    check = checks.get(row["path"])
    if check is None:
        wrong += 1; print(f"{row['path']}: silently dropped"); continue
    if not check["usable"]:
        listed += 1; print(f"{row['path']} ({row['encoding']}): listed: {check['reason']}"); continue
    frames = round(check["seconds"] * check["rate_hz"])
    slack = (1152 if int(row["sample_rate"]) >= 32000 else 576) if row["kind"] == "MP3" else 0
    faults = []
    if abs(frames - int(row["frames_libsndfile"])) > slack:
        faults.append(f"{frames} frames, expected {row['frames_libsndfile']}")
    if check["rate_hz"] != int(row["sample_rate"]) or check["channels"] != int(row["channels"]):
        faults.append(f"{check['rate_hz']} Hz x {check['channels']}")
    near = 0.02 if row["kind"] == "MP3" else 1e-4
    if abs(min(check["peak"], 1.0) - min(float(row["peak"]), 1.0)) > near:
        faults.append(f"peak {check['peak']:.4f}, expected {float(row['peak']):.4f}")
    rms_db = 20 * math.log10(max(check["rms"], 1e-12))
    if abs(rms_db - float(row["rms_db"])) > (0.3 if row["kind"] == "MP3" else 0.01):
        faults.append(f"RMS {rms_db:.2f} dB, expected {float(row['rms_db']):.2f}")
    if faults:
        wrong += 1; print(f"{row['path']} ({row['encoding']}): {'; '.join(faults)}")
print(f"odd WAV files: {n - wrong - listed} of {n} as libsndfile decodes them, {listed} listed with a reason, {wrong} wrong")
sys.exit(1 if wrong or n == 0 else 0)
PY
