"""Compares the crate's log-mel with librosa's on real recordings; check-golden-real.sh runs it.

    python check-golden-real.py PATH_OF_LOG_MEL_RAW DATA CLIPS

Both get the same float32 samples: one channel's mean, at the rate of the file. Exits 1 above 1e-4 dB.
"""

import csv
import os
import subprocess
import sys
import tempfile
import warnings

import librosa
import numpy as np
import soundfile

LIMIT_DB = 1e-4
SCALES = {
    "ref 1, top_db 80": ("one", "80", dict(ref=1.0, top_db=80.0)),
    "ref max, top_db 80": ("max", "80", dict(ref=np.max, top_db=80.0)),
    "ref 1, no top_db": ("one", "none", dict(ref=1.0, top_db=None)),
}


def ours(binary, samples, rate_hz, reference, top_db, precision):
    with tempfile.TemporaryDirectory() as folder:
        raw, out = os.path.join(folder, "in"), os.path.join(folder, "out")
        samples.astype("<f4").tofile(raw)
        subprocess.run([binary, raw, str(rate_hz), out, reference, top_db, precision], check=True)
        return np.fromfile(out, "<f4").reshape(128, -1)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    binary, data, clips = sys.argv[1], sys.argv[2], int(sys.argv[3])
    warnings.simplefilter("ignore")  # recordings shorter than a frame, and rates with more bands than bins below 1 kHz
    with open(os.path.join(data, "manifest.csv"), newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    clips = min(clips, len(paths))
    if clips < 1:
        sys.exit(f"{data}/manifest.csv: no recordings: nothing was compared")
    worst = {(scale, precision): 0.0 for scale in SCALES for precision in ("f64", "f32")}
    rates = set()
    for path in (paths[i * len(paths) // clips] for i in range(clips)):
        samples, rate_hz = soundfile.read(os.path.join(data, path), dtype="float32", always_2d=True)
        samples = np.ascontiguousarray(samples.mean(axis=1))
        rates.add(rate_hz)
        mel = librosa.feature.melspectrogram(y=samples, sr=rate_hz)
        for scale, (reference, top_db, kwargs) in SCALES.items():
            theirs = librosa.power_to_db(mel, **kwargs)
            for precision in ("f64", "f32"):
                values = ours(binary, samples, rate_hz, reference, top_db, precision)
                difference = float(np.abs(values - theirs).max())
                worst[scale, precision] = max(worst[scale, precision], difference)
    print(f"{clips} recordings at {min(rates)} to {max(rates)} Hz; largest difference in dB:")
    for (scale, precision), difference in worst.items():
        print(f"  {scale:20} {precision} transform: {difference:.2e}")
    if max(difference for (_, precision), difference in worst.items() if precision == "f64") > LIMIT_DB:
        sys.exit(f"more than {LIMIT_DB} dB from librosa")


if __name__ == "__main__":
    main()
