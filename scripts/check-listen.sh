#!/usr/bin/env bash
# `barkbird listen` at the speed of time. First how long after its end an event is told, at 16 and 48 kHz. Then with a broker of MQTT
# beside it (amqtt) and a client of another maker (paho): in the middle the broker is away for two seconds, and SIGTERM ends it while the pipe is
# open. Events, clips, messages and what Home Assistant is told are compared; memory and processor time are printed. Last a pipe of more than
# 4 GiB, beyond which no WAV file can say its length.
#
#     scripts/check-listen.sh [RUN RECORDING]
#
# RUN and RECORDING: a model and what it listens to (default: made sounds). VENV is where the Python environment is, or is made.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
run=${1:+$(realpath "$1")} recording=${2:+$(realpath "$2")}
venv=$(realpath -m "${VENV:-${CARGO_TARGET_DIR:-$root/target}/check-listen/venv}")
find_barkbird
make_work
python_packages "$venv" "$root/scripts/check-listen.txt"
cd "$work"
if [ -z "$run" ]; then
  "$barkbird" synth --out sounds --clips 40 --quiet
  "$barkbird" scan sounds/manifest.csv --out manifest.csv --quiet
  "$barkbird" features manifest.csv --out features --quiet --set clip.window.seconds=1.0
  "$barkbird" train cnn --features features --out run --quiet --set 'cnn.channels=[8, 8, 16]' --set train.epochs=30 --set train.lr=0.003 \
    --set train.batch_size=8 --augment off
  run=run
fi
"$venv/bin/python" - sounds "${recording:-}" raw <<'PY'
"""Twelve made sounds with silence between them, or a recording of 16 kHz and 16 bits, as raw samples."""
import sys, wave
from pathlib import Path
folder, recording, out = sys.argv[1:]
names = [Path(recording)] if recording else [path for pair in zip(*(sorted(Path(folder, c).glob("*.wav")) for c in ("bird", "dog"))) for path in pair][:12]
raw = bytearray()
for name in names:
    with wave.open(str(name)) as wav:
        rate, frames = wav.getframerate(), wav.readframes(wav.getnframes())
        if recording and (rate, wav.getsampwidth(), wav.getnchannels()) != (16000, 2, 1):
            sys.exit(f"error: {name}: expected 16 kHz, 16 bits, one channel")
    samples = memoryview(frames).cast("h")
    step = rate / 16000
    raw += memoryview(bytearray(64000 if not recording else 0))
    raw += b"".join(samples[int(i * step)].to_bytes(2, "little", signed=True) for i in range(int(len(samples) / step)))
Path(out).write_bytes(raw)
PY
"$venv/bin/python" "$root/scripts/check-listen.py" "$barkbird" "$run" raw clips
rows=$("$barkbird" clips clips/detections.csv --recordings clips --out again --quiet && find again -name '*.wav' | wc -l)
[ "$rows" = "$(find clips -name '*.wav' | wc -l)" ] || die "the table and the clips are not of one number"
echo "ok   the table is one of detections ($rows rows)"

# 4.4 GB of silence at 1 MHz and 64 channels is 34 seconds: a length beyond what WAV has.
head -c 4400000000 /dev/zero | "$barkbird" listen "$run" - --rate 1000000 --channels 64 --format jsonl >long.jsonl 2>/dev/null
"$venv/bin/python" - <<'PY'
import json
seconds = json.loads(open("long.jsonl").readlines()[-1])["seconds"]
assert abs(seconds - 4_400_000_000 / 128e6) < 0.1, f"expected 34.4 s, got {seconds}"
print(f"ok   a pipe of 4.4 GB was heard to its end ({seconds:.1f} s)")
PY
