"""The rounds of bench-peers.sh, and its table."""
import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time

THREADS = 2
PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
# The front end of the peers, for `features` and for the training run: librosa transforms f32 in f32, too.
PEERS_FRONT_END = ["--set", "front_end.kind.mel.n_mels=128", "--set", "front_end.hop=512", "--set", "clip.window.padding=silence",
                   "--set", "front_end.precision=f32"]
# The peer makes four views of every clip beforehand; ours are made while training.
VIEWS = 4


def lines(command, **kwargs):
    """The JSON lines that a command prints; one that fails is reported and gives none."""
    run = subprocess.run(command, capture_output=True, text=True, **kwargs)
    if run.returncode != 0:
        print(f"failed: {' '.join(map(str, command))}\n{run.stderr[-600:]}", file=sys.stderr)
        return []
    found = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    for line in found:
        print(json.dumps(line), flush=True)
    return found


def bench(a, package, name):
    """Builds a bench and gives its path."""
    command = ["cargo", "bench", "--quiet", "-p", package, "--bench", name, "--no-run", "--message-format=json"]
    built = subprocess.run(command, cwd=a.root, check=True, capture_output=True, text=True).stdout
    found = [json.loads(line).get("executable") for line in built.splitlines() if f'"name":"{name}"' in line]
    return [path for path in found if path][-1]


def gflop(part):
    """Billions of operations of one clip's forward pass, as the definition of the network has them: a multiplication and an
    addition are two. A training step takes three times as many, but for the first layer's input gradient."""
    if part == "CNN":
        height, width, channels = 128, 216, (1, 16, 32, 64, 128)
        return sum(2 * 9 * i * o * (height >> n) * (width >> n) for n, (i, o) in enumerate(zip(channels, channels[1:]))) / 1e9
    dim, tokens, layers = 384, 197, 12
    return 2 * (layers * (12 * tokens * dim * dim + 2 * tokens * tokens * dim) + (tokens - 1) * 768 * dim) / 1e9


class Rates:
    """Clips a second by what was measured and who, a list of rounds each."""

    def __init__(self):
        self.all = {}
        self.products = {}

    def add(self, what, who, value):
        self.all.setdefault(what, {}).setdefault(who, []).append(value)

    def ratios(self):
        out = []
        for what, by in self.all.items():
            medians = {who: statistics.median(values) for who, values in by.items()}
            ours = medians.pop("barkbird", None)
            if ours is None:
                continue
            for who, theirs in sorted(medians.items(), key=lambda pair: -pair[1]):
                out.append({"what": what, "peer": who, "ours": round(ours, 2), "theirs": round(theirs, 2),
                            "ratio": round(ours / theirs, 2), "rounds": len(by["barkbird"]),
                            "ours_range": [round(f(by["barkbird"]), 2) for f in (min, max)],
                            "theirs_range": [round(f(by[who]), 2) for f in (min, max)]})
        return out


def networks(a, rates, part, ours, theirs):
    """Ours in every precision that it prints, each beside the peer in every mode."""
    parts = set()
    for line in lines([ours, "--threads", str(THREADS), "--runs", "5"]):
        name = f"{part}, {line['mode']}" if line["mode"] in ("f32", "bf16") else part
        parts.add(name)
        rates.add(f"{name}: training step", "barkbird", line["step_per_s"])
        rates.add(f"{name}: forward", "barkbird", line["forward_per_s"])
        rates.products.setdefault(name, []).append(line["product_gflop_per_s"])
    for line in lines([sys.executable, os.path.join(PEERS, "networks.py"), *theirs, "--threads", str(THREADS), "--runs", "3"]):
        for name in sorted(parts):
            rates.add(f"{name}: training step", f"torch {line['mode']}", line["step_per_s"])
            rates.add(f"{name}: forward", f"torch {line['mode']}", line["forward_per_s"])


def processor():
    """The processor by its name, or by family and model where the name says little, and what its instructions have."""
    with open("/proc/cpuinfo") as file:
        one = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    said = {key.strip(): value.strip() for key, value in one.items()}
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in said.get("flags", "").split()]
    return f"{said.get('model name', '?')}, family {said.get('cpu family', '?')}, model {said.get('model', '?')} ({' '.join(flags)})"


def features(a, rates, number, clips):
    manifest = os.path.join(a.data, "manifest.csv")
    n_clips = sum(1 for _ in csv.DictReader(open(manifest)))
    command = [sys.executable, os.path.join(PEERS, "features.py"), manifest, "--procs", str(THREADS)]
    theirs = lines(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    for what, flags in (("features, equal settings", PEERS_FRONT_END), ("features, our default", [])):
        out = os.path.join(a.work, f"features-{len(flags)}-{number}")
        began = time.perf_counter()
        subprocess.run([a.barkbird, "features", manifest, "--out", out, "--threads", str(THREADS), "--quiet", *flags], check=True)
        rate = n_clips / (time.perf_counter() - began)
        print(json.dumps({"ours": what, "clips_per_s": round(rate, 1)}), flush=True)
        rates.add(what, "barkbird", rate)
        for line in theirs:
            rates.add(what, "librosa", line["clips_per_s"])
    # As much work as the peer does: its script hashes nothing and writes nothing.
    what = "decode, resample and log-mel, equal settings, nothing written"
    for line in lines([clips, manifest, "--threads", str(THREADS), *PEERS_FRONT_END]):
        rates.add(what, "barkbird", line["clips_per_s"])
        for line in theirs:
            rates.add(what, "librosa", line["clips_per_s"])


def resample(rates, ours):
    """Both on one thread. HQ, of 20 bits, is what librosa resamples with; ours is 120 dB down, which is 20 bits too."""
    import numpy as np
    import soxr
    for line in lines([ours]):
        rates.add(f"resample {line['from_hz']} to 22050 Hz", "barkbird", line["clips_per_s"])
        for quality in ("HQ", "VHQ"):
            noise = np.random.default_rng(0).uniform(-0.5, 0.5, 5 * line["from_hz"]).astype(np.float32)
            seconds = []
            for _ in range(60):
                began = time.perf_counter()
                soxr.resample(noise, line["from_hz"], 22050, quality)
                seconds.append(time.perf_counter() - began)
            rates.add(f"resample {line['from_hz']} to 22050 Hz", f"soxr {quality}", 1 / statistics.median(seconds))


def resident_mb(pid, key):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key)) / 1024


def train(a, name, flags):
    """A whole run of `train cnn`: seconds, and the largest resident size so far at the end of each epoch."""
    scanned, made, run = (os.path.join(a.work, f"{name}{end}") for end in (".csv", "", "-run"))
    subprocess.run([a.barkbird, "scan", os.path.join(a.data, "manifest.csv"), "--out", scanned, "--quiet"], check=True,
                   stderr=subprocess.DEVNULL)
    subprocess.run([a.barkbird, "features", scanned, "--out", made, "--quiet", *flags], check=True)
    command = [a.barkbird, "train", "cnn", "--features", made, "--out", run, "--epochs", str(a.epochs),
               "--threads", str(THREADS), "--set", f"train.repeat={VIEWS}", "--quiet"]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    peaks, metrics = [], os.path.join(run, "metrics.jsonl")
    while process.poll() is None:
        time.sleep(0.05)
        done = sum(1 for _ in open(metrics)) if os.path.exists(metrics) else 0
        if done > len(peaks):
            try:
                peaks.append(resident_mb(process.pid, "VmHWM"))
            except (FileNotFoundError, StopIteration):
                break
    if process.wait() != 0:
        sys.exit("train failed")
    result = {"ours": f"train cnn, {name}", "train_s": round(time.perf_counter() - began, 1), "epochs": a.epochs,
              "peak_mb_after_epoch": [round(peak) for peak in peaks]}
    print(json.dumps(result), flush=True)
    return result


def main():
    p = argparse.ArgumentParser()
    for name in ("root", "barkbird", "data", "work", "out", "parts"):
        p.add_argument("--" + name, required=True)
    for name in ("rounds", "epochs"):
        p.add_argument("--" + name, type=int, required=True)
    a = p.parse_args()
    parts, rates, runs = a.parts.split(","), Rates(), []
    cnn = bench(a, "barkbird", "peers") if "cnn" in parts else None
    vit = bench(a, "barkbird", "vit") if "vit" in parts else None
    resampler = bench(a, "audio-io", "resample") if "resample" in parts else None
    clips = bench(a, "barkbird", "clips") if "features" in parts else None
    print(f"processor: {processor()}", flush=True)
    for number in range(a.rounds):
        if cnn:
            networks(a, rates, "CNN", cnn, ["cnn:f32", "cnn:channels_last", "cnn:bf16", "cnn:compile"])
        if vit:
            networks(a, rates, "ViT-S", vit, ["vit_small:f32", "vit_small:bf16"])
        if resampler:
            resample(rates, resampler)
        if "features" in parts:
            features(a, rates, number, clips)
    table = rates.ratios()
    if "train" in parts:
        baseline = lines([sys.executable, os.path.join(PEERS, "baseline.py"), os.path.join(a.data, "manifest.csv"),
                          "--epochs", str(a.epochs), "--threads", str(THREADS)])
        for name, flags in (("equal-settings", PEERS_FRONT_END), ("our-default", [])):
            ours = train(a, name, flags)
            runs.append(ours)
            for line in baseline:
                table.append({"what": f"training run, {a.epochs} epochs, {name} (s)", "peer": "baseline script, torch f32", "ours": ours["train_s"],
                              "theirs": line["train_s"], "ratio": round(line["train_s"] / ours["train_s"], 2), "rounds": 1})
    print(f"\n| what | peer | barkbird | peer | ratio |\n| --- | --- | --- | --- | --- |")
    for row in table:
        print(f"| {row['what']} | {row['peer']} | {row['ours']:g} | {row['theirs']:g} | **{row['ratio']:g}** |")
    if rates.products:
        print("\noperations as the definitions count them, beside those of large products in the same precision:")
    for what, by in rates.all.items():
        part, _, kind = what.partition(": ")
        if part in rates.products:
            product = statistics.median(rates.products[part])
            rate = statistics.median(by["barkbird"]) * gflop(part.split(",")[0]) * (3 if kind == "training step" else 1)
            print(f"  {what}: {rate:.0f} GFLOP/s, {rate / product:.2f} of {product:.0f}")
    for run in runs:
        peaks = run["peak_mb_after_epoch"]
        if peaks:
            print(f"memory of {run['ours']}: {peaks[0]} MB after the first epoch seen, {peaks[-1]} MB at the end")
    with open(a.out + ".tmp", "w") as file:
        json.dump({"processor": processor(), "threads": THREADS, "rounds": a.rounds, "ratios_of_medians": table, "runs": runs}, file, indent=1)
    os.replace(a.out + ".tmp", a.out)
    print(f"written: {a.out}")


main()
