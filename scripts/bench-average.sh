#!/usr/bin/env bash
# How fast `barkbird predict` is with averages of networks, and how much memory it takes, beside the networks alone.
#
#     scripts/bench-average.sh DATA MODELS OUT
#
# DATA/animals and DATA/field hold a manifest.csv each; MODELS/yamnet holds YAMNet's weights. Fits DATA/animals once for each
# CANDIDATES ("evidence cnn evidence+prototype+cnn") of the environment and predicts the recordings of DATA/field, three times
# each. Prints the fastest time and the largest memory. Fits that are in OUT already are taken from there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/bench-average.sh DATA MODELS OUT"
data=${1:?$usage} models=${2:?$usage} out=${3:?$usage}
candidates=${CANDIDATES:-evidence cnn evidence+prototype+cnn}
# shellcheck disable=SC2086
fit_candidates "$data" "$models" "$out" $candidates
[ -f "$out/field.scan.json" ] || "$barkbird" scan "$data/field/manifest.csv" --out "$out/field.csv" --quiet 2>"$out/field.log"
# shellcheck disable=SC2086
python3 - "$barkbird" "$out" $candidates <<'PY'
import json, os, subprocess, sys, time

barkbird, out, names = sys.argv[1], sys.argv[2], sys.argv[3:]
seconds = sum(check["seconds"] for check in json.load(open(f"{out}/field.scan.json"))["checks"])
print(f"{seconds:.0f} s of sound; the fastest of three runs, all of the program included.\n")
print("| model | time | times real time | memory | model file |")
print("|---|---|---|---|---|")
for name in names:
    runs = []
    for _ in range(3):
        began = time.monotonic()
        process = subprocess.Popen([barkbird, "predict", f"{out}/{name}", f"{out}/field.csv", "--out", f"{out}/{name}.csv", "--quiet"])
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"barkbird predict {out}/{name} has failed")
        runs.append((time.monotonic() - began, usage.ru_maxrss / 1024))
    fastest, memory = min(run[0] for run in runs), max(run[1] for run in runs)
    size = os.path.getsize(f"{out}/{name}/model.safetensors") / 2**20
    print(f"| {name} | {fastest:.2f} s | {seconds / fastest:.0f} | {memory:.0f} MiB | {size:.1f} MiB |")
PY
