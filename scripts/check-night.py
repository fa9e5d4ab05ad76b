"""Checks make-night.py on recordings of 0.1 h: sounds are where the table says, equal seeds give equal bytes, RF64 is right.

    python3 scripts/check-night.py
"""

import contextlib
import csv
import importlib.util
import io
import math
import os
import struct
import sys
import tempfile
import wave
from array import array

CLIPS = [(22050, 1, 3, "dog"), (44100, 2, 4.5, "cat"), (16000, 1, 2, "owl, barn")]


def load():
    """make-night.py as a module, whose name Python cannot import."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make-night.py")
    spec = importlib.util.spec_from_file_location("make_night", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_clips():
    with open("clips.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "label"))
        for rate, channels, clip_s, label in CLIPS:
            tone = [int(30000 * math.sin(2 * math.pi * 700 * n / rate)) for n in range(int(clip_s * rate))]
            path = f"{rate}.wav"
            with wave.open(path, "wb") as clip:
                clip.setparams((channels, 2, rate, 0, "NONE", ""))
                clip.writeframes(array("h", [sample for sample in tone for _ in range(channels)]).tobytes())
            table.writerow((path, label))


def make(night, out, *options):
    sys.argv = ["make-night.py", "clips.csv", out, "--hours", "0.1", "--per-hour", "120", *options]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        night.main()
    return open(out, "rb").read()


def level_db(samples):
    return 10 * math.log10(sum(sample * sample for sample in samples) / len(samples) / 32767**2)


def check_truth(out, channels, rate):
    with wave.open(out, "rb") as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (channels, rate, 360 * rate)
        sound = array("h", file.readframes(file.getnframes()))
    with open(os.path.splitext(out)[0] + ".csv", newline="") as file:
        rows = list(csv.DictReader(file))
    lengths = {label: clip_s for _, _, clip_s, label in CLIPS}
    assert len(rows) == 12 and {row["label"] for row in rows} == set(lengths)
    before = 0
    for row in rows:
        start, end = float(row["start"]), float(row["end"])
        assert abs(end - start - lengths[row["label"]]) < 0.002, row
        assert start - before > 0.49, row
        for channel in range(channels):
            part = [sound[channel::channels][int(a * rate) + 9 : int(b * rate) - 9] for a, b in ((before, start), (start, end))]
            assert abs(level_db(part[0]) + 60) < 3 and -25 < level_db(part[1]) < -3, row
        before = end


def main():
    night = load()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_clips()
        first = make(night, "a.wav")
        check_truth("a.wav", 1, 22050)
        assert make(night, "b.wav") == first and open("b.csv").read() == open("a.csv").read(), "equal seeds, equal bytes"
        assert make(night, "c.wav", "--seed", "1") != first
        make(night, "d.wav", "--channels", "2", "--rate", "16000")
        check_truth("d.wav", 2, 16000)
        # A file that would be over the limit if the limit were lower.
        night.MAX_RIFF_DATA_BYTES = 1000
        wide = make(night, "e.wav")
        assert wide[80:] == first[44:] and wide[:20] == b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"
        n_data_bytes = len(wide) - 80
        assert struct.unpack("<QQQI", wide[20:48]) == (len(wide) - 8, n_data_bytes, n_data_bytes // 2, 0)
        assert not [name for name in os.listdir() if name.endswith(".part")]
        os.chdir("/")
    print("make-night.py holds")


if __name__ == "__main__":
    main()
