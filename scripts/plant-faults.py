"""Copies a data set and plants known mistakes in the copy; plant-faults.sh runs it and says what comes out.

    python plant-faults.py DATA OUT SEED
"""

import collections
import csv
import os
import random
import shutil
import sys
from math import gcd

import numpy as np
import soundfile
from scipy.signal import resample_poly

DUPLICATES_EACH = 25
SWAPPED = 30
FAULTS = ["silent"] * 3 + ["clipped"] * 4 + ["truncated"] * 3 + ["too-short"] * 3 + ["dc"] * 2 + ["dead-channel"] * 2
FAULTS += ["hum"] * 3
RATES = [8000, 11025, 16000, 22050, 32000]
MP3_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
CLASS_SPLITS = {"train", "val", "test"}


class Source:
    """A row of DATA and what its recording is like."""

    def __init__(self, data, row):
        self.row = row
        self.path = os.path.join(data, row["path"])
        try:
            self.samples, self.rate_hz = soundfile.read(self.path, dtype="float64", always_2d=True)
        except soundfile.SoundFileError:
            self.samples, self.rate_hz = np.zeros((0, 1)), 1
        self.seconds = len(self.samples) / self.rate_hz
        self.peak = float(np.abs(self.samples).max(initial=0.0))
        # Whole rows only: a part of a recording is no file to make a planted one of.
        self.whole = not row.get("start") and not row.get("end")

    def sounds(self):
        block = max(1, int(0.02 * self.rate_hz))
        blocks = self.samples[: len(self.samples) // block * block].reshape(-1, block * self.samples.shape[1])
        loud = np.sqrt((blocks**2).mean(axis=1)) > 0.01 * self.peak
        return self.whole and self.peak > 0.02 and loud.mean() > 0.3


def resampled(samples, from_hz, to_hz):
    common = gcd(from_hz, to_hz)
    return resample_poly(samples, to_hz // common, from_hz // common, axis=0)


def write(out, path, samples, rate_hz, **kwargs):
    full = os.path.join(out, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    soundfile.write(full, np.clip(samples, -1.0, 32767 / 32768), rate_hz, **kwargs)


def duplicate(draw, kind, source, out, name):
    """Writes a duplicate; its path and what was done."""
    samples, rate_hz, path = source.samples, source.rate_hz, f"planted/{name}.flac"
    if kind == "gain":
        gain = draw.choice([0.999 / source.peak, 10 ** (-draw.uniform(3, 20) / 20)])
        write(out, path, samples * gain, rate_hz, subtype="PCM_16")
        return path, f"{20 * np.log10(gain):+.1f} dB"
    if kind == "cut":
        share = draw.uniform(0.5, 0.9)
        start = draw.uniform(0.1, 0.9) * (1 - share)
        first, last = int(start * len(samples)), int((start + share) * len(samples))
        write(out, path, samples[first:last], rate_hz, subtype="PCM_16")
        return path, f"{first / rate_hz:.3f} s to {last / rate_hz:.3f} s of {source.seconds:.3f} s"
    if kind == "mp3":
        path = path.replace(".flac", ".mp3")
        level = draw.choice([0.4, 0.6, 0.8])
        write(out, path, samples * 0.9, rate_hz, format="MP3", subtype="MPEG_LAYER_III", compression_level=level)
        return path, f"compression level {level}"
    to_hz = draw.choice([rate for rate in RATES if rate < rate_hz * 0.95])
    write(out, path, resampled(samples, rate_hz, to_hz) * 0.9, to_hz, subtype="PCM_16")
    return path, f"{rate_hz} Hz to {to_hz} Hz"


def faulty(draw, kind, source, out, name):
    """Writes a faulty recording; its path and what is wrong."""
    samples, rate_hz, path = source.samples, source.rate_hz, f"planted/{name}.wav"
    time_s = np.arange(len(samples))[:, None] / rate_hz
    detail = ""
    if kind == "silent":
        samples = np.zeros_like(samples)
    elif kind == "clipped":
        gain, level = 10 ** (draw.uniform(15, 25) / 20) / source.peak, draw.choice([1.0, 0.5])
        detail = f"flat at {level}"
        samples = np.clip(samples * gain, -1, 1) * level
    elif kind == "too-short":
        start = int(np.abs(samples).sum(axis=1).argmax())
        length = int(0.03 * rate_hz)
        start = min(start, len(samples) - length)
        samples, detail = samples[start : start + length], "0.03 s"
    elif kind == "dc":
        offset = draw.choice([-0.1, 0.1])
        samples, detail = samples * (0.85 / source.peak) + offset, f"{offset:+.1f}"
    elif kind == "dead-channel":
        mono = samples.mean(axis=1)
        samples = np.stack([mono, np.zeros_like(mono)], axis=1)
    elif kind == "hum":
        mains_hz = draw.choice([50, 60])
        level = 0.5 * np.sqrt((samples**2).mean())
        hum = sum(np.sin(2 * np.pi * mains_hz * k * time_s + k) / k for k in (1, 2, 3, 5))
        samples, detail = samples * 0.5 + level * hum, f"{mains_hz} Hz"
    if kind == "truncated":
        extension = os.path.splitext(source.path)[1]
        path = f"planted/{name}{extension}"
        with open(source.path, "rb") as file:
            data = file.read()
        os.makedirs(os.path.join(out, "planted"), exist_ok=True)
        with open(os.path.join(out, path), "wb") as file:
            file.write(data[: int(0.6 * len(data))])
        return path, "the first 60 % of its bytes"
    write(out, path, samples, rate_hz, subtype="PCM_16")
    return path, detail


def take(rest, n, fits, what):
    """The first n of the rest that fit, which then are no longer there."""
    chosen = [source for source in rest if fits(source)][:n]
    if len(chosen) < n:
        sys.exit(f"{what}: expected {n} rows to plant it in, got {len(chosen)}: the data set is too small")
    rest[:] = [source for source in rest if source not in chosen]
    return chosen


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    data, out, draw = sys.argv[1], sys.argv[2], random.Random(int(sys.argv[3]))
    with open(os.path.join(data, "manifest.csv"), newline="") as file:
        reader = csv.DictReader(file)
        columns, rows = reader.fieldnames, list(reader)
    in_class = [row for row in rows if row.get("split") in CLASS_SPLITS] or rows
    labels = sorted({row["label"] for row in in_class})
    splits = sorted({row["split"] for row in in_class}) if "split" in columns else []
    times_listed = collections.Counter(row["path"] for row in rows)
    rest = [Source(data, row) for row in in_class if times_listed[row["path"]] == 1]
    rest = [source for source in rest if source.sounds()]
    draw.shuffle(rest)

    truth, planted = [], []
    wants = {
        "cut": lambda source: source.seconds >= 1.5,
        "resampled": lambda source: source.seconds >= 0.5 and source.rate_hz > 10000,
        "mp3": lambda source: source.seconds >= 0.5 and source.rate_hz in MP3_RATES,
        "gain": lambda source: source.seconds >= 0.5,
    }
    chosen = {kind: take(rest, DUPLICATES_EACH, fits, f"duplicate-{kind}") for kind, fits in wants.items()}
    for i, (kind, source) in enumerate((kind, source) for kind in wants for source in chosen[kind]):
        path, detail = duplicate(draw, kind, source, out, f"copy-{i:03}")
        row = dict(source.row, path=path)
        changed = {"group": f"planted-{i:03}", "sha256": ""}
        if len(splits) > 1:
            changed["split"] = draw.choice([split for split in splits if split != source.row["split"]])
        row.update({column: value for column, value in changed.items() if column in columns})
        planted.append(row)
        truth.append((path, f"duplicate-{kind}", source.row["path"], detail))
    replaced = {}
    for i, (kind, source) in enumerate(zip(FAULTS, take(rest, len(FAULTS), lambda s: s.seconds >= 0.5, "faults"))):
        path, detail = faulty(draw, kind, source, out, f"fault-{i:02}")
        replaced[source.row["path"]] = path
        truth.append((path, kind, source.row["path"], detail))
    if len(labels) < 2:
        sys.exit("swapped-label: expected at least 2 labels, got fewer")
    for source in take(rest, SWAPPED, lambda source: source.row["path"] not in replaced, "swapped-label"):
        old = source.row["label"]
        source.row["label"] = draw.choice([label for label in labels if label != old])
        truth.append((source.row["path"], "swapped-label", old, f"{old} now {source.row['label']}"))

    kept = []
    for row in rows:
        path = row["path"]
        if path in replaced:
            kept.append(dict(row, path=replaced[path], **({"sha256": ""} if "sha256" in columns else {})))
            continue
        kept.append(row)
        full = os.path.join(out, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        shutil.copyfile(os.path.join(data, path), full)
    with open(os.path.join(out, "manifest.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept + planted)
    with open(os.path.join(out, "truth.csv"), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "kind", "of", "detail"])
        writer.writerows(truth)
    print(f"{out}: {len(kept)} rows, {len(planted)} more planted, {len(truth)} mistakes in truth.csv")


main()
