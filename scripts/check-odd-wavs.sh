#!/usr/bin/env bash
# WAV files in unusual encodings: every one decodes to the frames, level and peak of its manifest, or is listed with a
# reason.
#
#     scripts/check-odd-wavs.sh FOLDER
#
# FOLDER/manifest.csv: path, kind, sample_rate, channels, frames_libsndfile, peak, rms_db as libsndfile decodes them.
# MP3 inside WAV may differ by one MP3 frame, since decoders trim differently; everything else is exact. Where libsndfile
# stops an MP3 at its own estimate of the length, short of what the file's `fact` chunk counts or of what its frames
# hold, ours decodes all of it: such a file is listed with both numbers.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
folder=${1:?usage: scripts/check-odd-wavs.sh FOLDER}
[ -f "$folder/manifest.csv" ] || die "$folder/manifest.csv: no such file"
find_barkbird
make_work
"$barkbird" scan "$folder/manifest.csv" --out "$work/manifest.csv" --json --quiet >"$work/scan.json" 2>"$work/text"
python3 - "$folder/manifest.csv" "$work/scan.json" <<'PY'
import csv, json, math, os, struct, sys
def mp3_frames(path):
    """Samples that the whole MPEG audio frames of a WAV's data chunk hold: the count that no decoder can dispute."""
    data = open(path, "rb").read()
    at = 12
    while data[at:at + 4] != b"data":
        at += 8 + struct.unpack("<I", data[at + 4:at + 8])[0] + struct.unpack("<I", data[at + 4:at + 8])[0] % 2
    at, samples = at + 8, 0
    while at + 4 <= len(data):
        head = struct.unpack(">I", data[at:at + 4])[0]
        version, layer, bit, rate, pad = head >> 19 & 3, head >> 17 & 3, head >> 12 & 15, head >> 10 & 3, head >> 9 & 1
        if head >> 21 != 0x7FF or version == 1 or layer != 1 or bit in (0, 15) or rate == 3:
            at += 1; continue
        hz = (44100, 48000, 32000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
        kbit = ((32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320) if version == 3 else
                (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160))[bit - 1]
        size = (144 if version == 3 else 72) * kbit * 1000 // hz + pad
        if at + size > len(data):
            break
        samples += 1152 if version == 3 else 576
        at += size
    return samples

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
    theirs = int(row["frames_libsndfile"])
    if row["kind"] == "MP3" and frames > theirs + slack:
        whole = mp3_frames(os.path.join(os.path.dirname(sys.argv[1]), row["path"]))
        if abs(frames - whole) <= 2 * slack:
            listed += 1
            print(f"{row['path']} ({row['encoding']}): listed: {frames} frames, and its MPEG frames hold {whole}; libsndfile stops at {theirs}")
            continue
    if abs(frames - theirs) > slack:
        faults.append(f"{frames} frames, expected {row['frames_libsndfile']}")
    if check["rate_hz"] != int(row["sample_rate"]) or check["channels"] != int(row["channels"]):
        faults.append(f"{check['rate_hz']} Hz x {check['channels']}")
    near = 0.02 if row["kind"] == "MP3" else 1e-4
    if abs(min(check["peak"], 1.0) - min(float(row["peak"]), 1.0)) > near:
        faults.append(f"peak {check['peak']:.4f}, expected {float(row['peak']):.4f}")
    rms_db = 20 * math.log10(max(check["rms"], 1e-12))
    # libsndfile cuts an MP3 at full scale; ours keeps what is above, so there the level can't be compared.
    cut = row["kind"] == "MP3" and check["peak"] > 1.0 and float(row["peak"]) == 1.0
    if not cut and abs(rms_db - float(row["rms_db"])) > (0.3 if row["kind"] == "MP3" else 0.01):
        faults.append(f"RMS {rms_db:.2f} dB, expected {float(row['rms_db']):.2f}")
    if faults:
        wrong += 1; print(f"{row['path']} ({row['encoding']}): {'; '.join(faults)}")
print(f"odd WAV files: {n - wrong - listed} of {n} as libsndfile decodes them, {listed} listed with a reason, {wrong} wrong")
sys.exit(1 if wrong or n == 0 else 0)
PY
