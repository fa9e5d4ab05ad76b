#!/usr/bin/env bash
# Kills `predict` with SIGKILL at random moments, goes on with --resume, and compares every byte with an unbroken run.
#
#     scripts/check-resume.sh [FILES] [KILLS] [SEED]
#
# FILES (10000): recordings of made sounds, 1 in 100 of which is no sound. KILLS (10): moments. Prints the peak memory of the
# unbroken run, and fails where bytes differ, a corrupt file is not listed, or the exit code does not say so.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
n=${1:-10000} kills=${2:-10}
find_barkbird
make_work
"$barkbird" synth --out "$work/made" --clips 200 --quiet
"$barkbird" scan "$work/made/manifest.csv" --out "$work/manifest.csv" --quiet 2>/dev/null
"$barkbird" features "$work/manifest.csv" --out "$work/features" --quiet
"$barkbird" train cnn --features "$work/features" --out "$work/run" --epochs 2 --quiet
python3 - "$barkbird" "$work" "$n" "$kills" "${3:-1}" <<'PY'
import glob, os, random, subprocess, sys, time

barkbird, work, n, kills, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
sounds = sorted(glob.glob(f"{work}/made/*/*.wav"))
for nth in range(n):
    folder = f"{work}/in/{nth % 100:02}"
    os.makedirs(folder, exist_ok=True)
    name = f"{folder}/{nth:06}.wav"
    if nth % 100 == 37:
        with open(name, "w") as file:
            file.write(f"no sound {nth}")
    else:
        os.link(sounds[nth % len(sounds)], name)

def command(out):
    return [barkbird, "predict", f"{work}/run", f"{work}/in", "--out", f"{work}/{out}", "--resume", "--quiet"]

def fail(text):
    sys.exit(f"error: {text}")

began = time.monotonic()
whole = subprocess.Popen(command("whole.csv"), stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(whole.pid, 0)
took = time.monotonic() - began
if os.waitstatus_to_exitcode(status) != 3:
    fail("expected exit code 3, since some recordings are no sound")
draw = random.Random(seed)
killed = 0
for _ in range(kills):
    process = subprocess.Popen(command("broken.csv"), stderr=subprocess.DEVNULL)
    time.sleep(draw.uniform(0.05, max(0.1, took / kills)))
    process.kill()
    killed += process.wait() < 0
    if os.path.exists(f"{work}/broken.csv"):
        break
last = subprocess.run(command("broken.csv"), stderr=subprocess.PIPE, text=True)
if last.returncode != 3:
    fail(f"after the kills: exit code {last.returncode}: {last.stderr}")
with open(f"{work}/whole.csv", "rb") as a, open(f"{work}/broken.csv", "rb") as b:
    table = a.read()
    if table != b.read():
        fail("the table of the broken run is another one")
n_corrupt = sum(nth % 100 == 37 for nth in range(n))
n_listed = table.count(b"not a sound file")
if n_listed != n_corrupt:
    fail(f"{n_corrupt} corrupt recordings, {n_listed} listed")
left = [name for name in os.listdir(work) if "journal" in name or name.startswith(".barkbird")]
if left:
    fail(f"left behind: {left}")
print(f"{n} recordings in {took:.1f} s, peak {usage.ru_maxrss / 1024:.0f} MiB; {killed} kills; equal bytes, {n_listed} corrupt ones listed")
PY
