#!/usr/bin/env bash
# How fast `barkbird predict` is on a recording of a day, and how much memory it takes from the first hour to the last.
#
#     scripts/bench-long.sh RUN CLIPS.csv OUT
#
# RUN: a fitted run. CLIPS.csv: path,label of WAV files of 16 bits, which scripts/make-night.py puts into noise. In the environment:
# HOURS (24), RATE (22050), CHANNELS (1), OVERLAP of the windows in seconds (0), or NIGHT, a recording to take instead of making
# one. OUT gets the recording (4 GB for 24 hours), its table of events, and memory.csv: seconds
# and resident memory in MiB, ten times a second. Prints times real time, peak memory, and the memory in each tenth of the run.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/bench-long.sh RUN CLIPS.csv OUT"
run=${1:?$usage} clips=${2:?$usage} out=${3:?$usage}
[ -d "$run" ] || die "$run: no such folder"
[ -f "$clips" ] || die "$clips: no such file"
find_barkbird
mkdir -p "$out"
hours=${HOURS:-24}
night=$out/night-${hours}h-${RATE:-22050}-${CHANNELS:-1}.wav
[ -n "${NIGHT:-}" ] || [ -f "$night" ] || python3 "$root/scripts/make-night.py" "$clips" "$night" --hours "$hours" --rate "${RATE:-22050}" \
  --channels "${CHANNELS:-1}" --seed 0 --truth "$out/truth.csv"
python3 - "$barkbird" "$run" "${NIGHT:-$night}" "$out" <<'PY'
import os, subprocess, sys, time

barkbird, run, night, out = sys.argv[1:]
began = time.monotonic()
process = subprocess.Popen([barkbird, "predict", run, night, "--events", "--overlap", os.environ.get("OVERLAP", "0"), "--out", f"{out}/events.csv", "--overwrite"])
seen = []
while process.poll() is None:
    try:
        with open(f"/proc/{process.pid}/statm") as file:
            seen.append((time.monotonic() - began, int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20))
    except (OSError, IndexError):
        break
    time.sleep(0.1)
if process.wait():
    sys.exit("barkbird predict has failed")
with open(f"{out}/memory.csv", "w") as file:
    file.write("seconds,mib\n")
    file.writelines(f"{at:.1f},{mib:.1f}\n" for at, mib in seen)
tenth = max(1, len(seen) // 10)
print("peak MiB in each tenth of the run:", *[f"{max(mib for _, mib in seen[i:i + tenth]):.0f}" for i in range(0, len(seen), tenth)][:10])
print(f"peak {max(mib for _, mib in seen):.0f} MiB, {time.monotonic() - began:.1f} s")
PY
