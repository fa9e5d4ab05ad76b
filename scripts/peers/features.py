"""Log-mel spectrograms of recordings with soundfile, soxr and librosa, clips a second over all of a manifest.

    python features.py MANIFEST.csv [--procs 2] [--limit N]

Of each recording: decode, mix to mono, resample to 22,050 Hz (soxr HQ), the first 5 s padded with silence, 128 Slaney bands in
dB with a window of 2048 samples and a hop of 512. Nothing is written. Prints a line of JSON. Set OMP_NUM_THREADS=1, so that
`--procs` is all the parallelism there is.
"""

import argparse
import csv
import json
import multiprocessing
import pathlib
import time

RATE_HZ = 22050
N_SAMPLES = 5 * RATE_HZ


def waveform(path):
    """At most 5 s of a recording, [samples]."""
    import librosa
    import soundfile

    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return librosa.resample(mono, orig_sr=rate_hz, target_sr=RATE_HZ, res_type="soxr_hq")[:N_SAMPLES]


def log_mel(samples, **kwargs):
    """[128 bands, 216 frames] in dB."""
    import librosa

    padded = librosa.util.fix_length(samples, size=N_SAMPLES)
    power = librosa.feature.melspectrogram(y=padded, sr=RATE_HZ, n_fft=2048, hop_length=512, n_mels=128)
    return librosa.power_to_db(power, **kwargs)


def one(path):
    return log_mel(waveform(path)).shape


def rows(manifest):
    """The rows of a manifest, their paths resolved."""
    with open(manifest, newline="") as file:
        return [{**row, "path": str(pathlib.Path(manifest).parent / row["path"])} for row in csv.DictReader(file)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest")
    parser.add_argument("--procs", type=int, default=2, help="processes")
    parser.add_argument("--limit", type=int, help="recordings at most")
    args = parser.parse_args()
    paths = [row["path"] for row in rows(args.manifest)][: args.limit]
    with multiprocessing.Pool(args.procs) as pool:
        # Libraries are loaded and filters designed before the clock starts.
        pool.map(one, paths[: 4 * args.procs], chunksize=1)
        began = time.perf_counter()
        n = sum(1 for _ in pool.imap_unordered(one, paths, chunksize=8))
        seconds = time.perf_counter() - began
    import librosa

    print(json.dumps({"peer": f"librosa {librosa.__version__}", "clips": n, "seconds": round(seconds, 3),
                      "clips_per_s": round(n / seconds, 1), "procs": args.procs}))


if __name__ == "__main__":
    main()
