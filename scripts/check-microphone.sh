#!/usr/bin/env bash
# `barkbird listen` with a microphone: builds the program with --features microphone, and gives it a microphone of ALSA that plays a file
# (no sound card is needed). It has to be opened at its rate, heard, and ended by SIGINT; one that is not there has to be an error that
# names those that are. Linux; needs the headers of ALSA (libasound2-dev).
#
#     scripts/check-microphone.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"
pkg-config --exists alsa || die "no headers of ALSA: install libasound2-dev (Debian) or alsa-lib-devel (Fedora)"
cargo build --release --quiet --manifest-path "$root/Cargo.toml" --workspace --features barkbird/microphone
barkbird=${CARGO_TARGET_DIR:-$root/target}/release/barkbird
make_work
cd "$work"
"$barkbird" synth --out sounds --clips 40 --quiet
"$barkbird" scan sounds/manifest.csv --out manifest.csv --quiet 2>scan.log
"$barkbird" features manifest.csv --out features --quiet --set clip.window.seconds=1.0
"$barkbird" train cnn --features features --out run --quiet --set 'cnn.channels=[8, 8, 16]' --set train.epochs=30 --set train.lr=0.003 \
  --set train.batch_size=8 --augment off
# Thirty seconds of sound at the rate and with the channels that the device below has.
python3 - <<'PY'
import wave
from pathlib import Path
raw = bytearray()
for name in sorted(Path("sounds").glob("*/*.wav"))[:6]:
    with wave.open(str(name)) as wav:
        rate, frames = wav.getframerate(), wav.readframes(wav.getnframes())
    samples = memoryview(frames).cast("h")
    raw += bytes(4 * 44100)
    for i in range(int(len(samples) * 44100 / rate)):
        raw += samples[int(i * rate / 44100)].to_bytes(2, "little", signed=True) * 2
Path("raw").write_bytes(raw)
PY
cat >asound.conf <<CONF
pcm.!default {
  type plug
  slave.pcm { type file slave.pcm { type null } file "/dev/null" infile "$work/raw" format "raw" }
  slave { format S16_LE rate 44100 channels 2 }
}
ctl.!default { type null }
CONF
export ALSA_CONFIG_PATH=$work/asound.conf
"$barkbird" listen run --format jsonl --clips clips >microphone.jsonl 2>microphone.log &
listening=$!
sleep 8
kill -INT "$listening"
wait "$listening" || { cat microphone.log >&2; die "the microphone could not be listened to"; }
head -1 microphone.jsonl
# The device gives sound as fast as it is asked, faster than time: what is lost is told.
python3 - <<'PY'
import json
from pathlib import Path
lines = [json.loads(line) for line in open("microphone.jsonl")]
events = [line for line in lines if line["event"] == "detection"]
assert lines[0]["event"] == "started" and (lines[0]["rate_hz"], lines[0]["channels"]) == (44100, 2), lines[0]
assert len(events) > 3 and lines[-1]["event"] == "finished", "too few events"
assert all(Path("clips", event["clip"]).is_file() for event in events), "a clip is missing"
print(f"ok   {len(events)} events in {lines[-1]['seconds']:.0f} s of sound, each with its clip")
PY
if "$barkbird" listen run --microphone nobody 2>error.log; then die "a microphone that is not there was opened"; fi
grep -q 'no `nobody`; there are' error.log || { cat error.log >&2; die "the error does not name the microphones"; }
echo "ok   $(head -c 100 error.log | tr -d '\n') ..."
