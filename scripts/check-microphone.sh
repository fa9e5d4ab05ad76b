#!/usr/bin/env bash
# `barkbird listen` with a microphone: builds the program with --features microphone, and gives it a microphone of ALSA that plays a file
# (no sound card is needed). What is heard is that of the same file through a pipe. Linux; needs the headers of ALSA (libasound2-dev).
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
seconds=$(($(stat -c %s raw) / 4 / 44100))
timeout --signal=INT 20 "$barkbird" listen run --format jsonl >microphone.jsonl 2>microphone.log || { cat microphone.log >&2; die "the microphone could not be listened to"; }
"$barkbird" listen run - --rate 44100 --channels 2 --format jsonl <raw >pipe.jsonl 2>/dev/null
head -1 microphone.jsonl
python3 - "$seconds" <<'PY'
import json, sys
of = lambda name: [line for line in map(json.loads, open(name))]
events = lambda lines: [(e["label"], e["start"], e["end"]) for e in lines if e["event"] == "detection" and e["end"] < int(sys.argv[1])]
microphone, pipe = of("microphone.jsonl"), of("pipe.jsonl")
print(f"{len(events(microphone))} events by the microphone, {len(events(pipe))} through a pipe; {microphone[-1]['seconds']:.1f} s of sound")
PY
if "$barkbird" listen run --microphone nobody 2>error.log; then die "a microphone that is not there was opened"; fi
cat error.log
