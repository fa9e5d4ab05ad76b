#!/usr/bin/env bash
# How fast `barkbird predict` is on many short recordings, and where its time goes there and in one long recording.
#
#     scripts/bench-short.sh RUN OUT [BEFORE]
#
# RUN: a run. OUT: a folder for made recordings (CLIPS, 2000; 350 MB) and tables. BEFORE: another version of the program, which takes
# turns with this one and has to write the same bytes. In the environment: ROUNDS (9), and NIGHT, a long recording, such as
# bench-long.sh makes. Prints medians and ranges.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage="usage: scripts/bench-short.sh RUN OUT [BEFORE]"
run=${1:?$usage} out=${2:?$usage} before=${3:-}
[ -d "$run" ] || die "$run: no such folder"
find_barkbird
mkdir -p "$out"
clips=${CLIPS:-2000}
[ -d "$out/many-$clips" ] || "$barkbird" synth --out "$out/many-$clips" --clips "$clips" --seed 2 --quiet
python3 - "$run" "$out" "$out/many-$clips" "${NIGHT:-}" "${ROUNDS:-9}" "$barkbird" $before <<'PY'
import json, os, resource, statistics, subprocess, sys

run, out, many, night, rounds, *programs = sys.argv[1:]
for what, sound in (("short recordings", many), ("one long recording", night)):
    if not sound:
        continue
    took = {program: [] for program in programs}
    for _ in range(int(rounds)):
        for nth, program in enumerate(programs):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [program, "predict", run, sound, "--out", f"{out}/table-{nth}.csv", "--overwrite", "--progress", "json"]
            lines = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = [event["payload"] for event in map(json.loads, lines) if event["event"] == "pipeline_completed"][0]
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            took[program].append((done["realtime_factor"], done["files_processed"] / done["duration_ms"] * 1000, used))
    tables = {open(f"{out}/table-{nth}.csv", "rb").read() for nth in range(len(programs))}
    print(f"{what}: {done['files_processed']}, {done['sound_s']:.0f} s of sound, {rounds} rounds; median (least, most)")
    print("| program | times real time | recordings a second | processor time, s |\n| --- | --- | --- | --- |")
    for program, rates in took.items():
        cells = [f"{statistics.median(of):.{n}f} ({min(of):.{n}f}, {max(of):.{n}f})" for n, of in zip((0, 0, 2), zip(*rates))]
        print(f"| {os.path.basename(program)} | {' | '.join(cells)} |")
    if len(tables) > 1:
        sys.exit("the programs write other bytes")
PY
example=${CARGO_TARGET_DIR:-$root/target}/release/examples/where_time_goes
[ -x "$example" ] || cargo build --release --quiet --workspace --example where_time_goes --manifest-path "$root/Cargo.toml"
echo "on one thread for each stage:"
find "$out/many-$clips" -name '*.wav' | sort | RAYON_NUM_THREADS=1 xargs -n "$clips" "$example" "$run"
[ -z "${NIGHT:-}" ] || RAYON_NUM_THREADS=1 "$example" "$run" "$NIGHT"
