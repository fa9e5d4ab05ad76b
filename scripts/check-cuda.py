"""The comparisons of check-cuda.sh. Each prints its result in its last line, and fails where a bound is passed.

    check-cuda.py embeddings A B        two folders that `barkbird embed` wrote
    check-cuda.py runs A B [LEAST]      two runs of one training; LEAST: the balanced accuracy that both reach
    check-cuda.py moved START A B       the same, by how far their weights have moved from those of a run that learned nothing
    check-cuda.py losses NAME A B       the same in f32 and in bf16, by the losses of their last epoch
    check-cuda.py metrics A B           two folders that `barkbird evaluate` wrote
    check-cuda.py verdicts A B          two JSON files that `barkbird predict` wrote
    check-cuda.py sizes A B             two folders that `barkbird compare --sizes` wrote
    check-cuda.py classified KEY A B    times real time of two runs of `barkbird predict --progress json`, by their lines
    check-cuda.py rate KEY NAME REPEAT F32 AUTO USUAL RESULTS    training clips a second of three runs, a row of a table
    check-cuda.py peers LOG RESULTS     lines of peers/networks.py
    check-cuda.py night FILE HOURS      makes a recording of so many hours
    check-cuda.py targets RESULTS SECTIONS [--dry-run]    the tables at the end

RESULTS: lines of `kind key value`, to which those from `losses` to `peers` add.
"""

import array
import json
import random
import re
import statistics
import struct
import sys

# Largest difference of a logit or of a value of an embedding, where the largest value is 1.
LOGITS = 1e-3
# Of an epoch's training loss, and of the balanced accuracy on validation, where a clip is 0.05.
LOSS = 1e-2
ACCURACY = 0.1
# How far two short trainings may end apart, as a share of the way that they went. AdamW makes a step of every gradient, also
# of one that is nothing but rounding: two sets of instructions of one CPU end 2e-3 apart (a transformer) to 2e-2 (YAMNet).
APART = 0.1
PROBABILITY = 1e-3
# Of the loss of the last epoch, bf16 beside f32.
ROUNDED = 0.01
# What is to be reached: training clips a second, the share of PyTorch's where it is compiled, times real time.
NETWORKS = ("vit_64_lora", "vit_64", "vit_224", "vit_224_lora", "cnn", "cnn_base", "yamnet")
LEAST = {"vit_64_lora": 3000, "vit_64": 3000, "cnn": 20000, "cnn_base": 4000, "yamnet": 1500}
RATIO = 0.8
NIGHT = 10000


def tensors(path):
    """F32 tensors of a safetensors file, by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            found[name] = array.array("f", data[slice(*entry["data_offsets"])])
    return found


def end(passed, line):
    print(line)
    sys.exit(0 if passed else 1)


def embeddings(a, b):
    worst, lines = 0.0, []
    shards = [json.load(open(f"{folder}/index.json"))["shards"] for folder in (a, b)]
    if [shard["clips"] for shard in shards[0]] != [shard["clips"] for shard in shards[1]]:
        end(False, "other clips")
    for name in ("logits", "embedding"):
        difference, largest = 0.0, 1.0
        for one, other in zip(*shards):
            one, other = tensors(f"{a}/{one['file']}")[name], tensors(f"{b}/{other['file']}")[name]
            difference = max(difference, max(abs(x - y) for x, y in zip(one, other)))
            largest = max(largest, max(map(abs, one)))
        worst = max(worst, difference / largest)
        lines.append(f"{name} {difference:.1e} of {largest:.3g}")
    end(worst <= LOGITS, f"largest difference: {', '.join(lines)} (at most {LOGITS:g} of the largest)")


def epochs(run):
    return [json.loads(line) for line in open(f"{run}/metrics.jsonl")]


def runs(a, b, least=0):
    first, second = epochs(a), epochs(b)
    if len(first) != len(second):
        end(False, f"{len(first)} and {len(second)} epochs")
    pairs = [[epoch["train_loss"] for epoch in pair] for pair in zip(first, second)]
    loss = max(abs(one - other) / one for one, other in pairs)
    last = [run[-1]["val_balanced_accuracy"] for run in (first, second)]
    same = open(f"{a}/model.safetensors", "rb").read() == open(f"{b}/model.safetensors", "rb").read()
    end(
        loss <= LOSS and abs(last[0] - last[1]) <= ACCURACY and min(last) >= float(least),
        f"losses differ by at most {loss:.1e} of themselves, from {pairs[0][0]:.4f} to {pairs[-1][0]:.4f}; "
        f"balanced accuracy {last[0]:.3f} and {last[1]:.3f}{'; the same bytes' if same else ''}",
    )


def moved(start, a, b):
    start, a, b = (tensors(f"{run}/last.safetensors") for run in (start, a, b))
    apart, way, worst = 0.0, 0.0, (0.0, "none")
    for name in (name for name in a if name.startswith("weight/")):
        one, other, begin = a[name], b[name], start[name]
        went = sum((x - z) ** 2 for x, z in zip(one, begin))
        between = sum((x - y) ** 2 for x, y in zip(one, other))
        apart, way = apart + between, way + went
        if went > 0:
            worst = max(worst, ((between / went) ** 0.5, name.removeprefix("weight/")))
    share = (apart / way) ** 0.5 if way > 0 else 1.0
    end(share <= APART, f"weights end {share:.1e} of their way apart, those furthest apart {worst[0]:.1e} ({worst[1]})")


def metrics(a, b):
    values = [json.load(open(f"{folder}/metrics.json"))["balanced_accuracy"] for folder in (a, b)]
    end(abs(values[0] - values[1]) <= PROBABILITY, f"balanced accuracy {values[0]:.4f} and {values[1]:.4f}")


def verdicts(a, b):
    rows = [json.load(open(path))["predictions"] for path in (a, b)]
    if len(rows[0]) != len(rows[1]):
        end(False, f"{len(rows[0])} and {len(rows[1])} rows")

    def numbers(value):
        if isinstance(value, dict):
            return [number for key in sorted(value) for number in numbers(value[key])]
        if isinstance(value, list):
            return [number for item in value for number in numbers(item)]
        return [value] if isinstance(value, float) else []

    difference = max(abs(x - y) for one, other in zip(*rows) for x, y in zip(numbers(one), numbers(other), strict=True))
    other = sum(one["label"] != two["label"] for one, two in zip(*rows))
    end(difference <= PROBABILITY and other == 0, f"{len(rows[0])} rows, largest difference {difference:.1e}, {other} other labels")


def add(results, kind, key, value):
    with open(results, "a") as file:
        file.write(f"{kind}\t{key}\t{value}\n")


def losses(name, f32, bf16):
    last = [run[-1]["train_loss"] for run in (epochs(f32), epochs(bf16))]
    apart = abs(last[1] - last[0]) / last[0]
    add("../results.tsv", "loss", name, f"{apart:.5f}")
    n = len(epochs(f32))
    end(apart <= ROUNDED, f"{last[0]:.4f} and {last[1]:.4f} after {n} epochs, {100 * apart:.2f} % apart (at most {100 * ROUNDED:g} %)")


def sizes(a, b):
    one, other = (json.load(open(f"{folder}/sizes.json")) for folder in (a, b))
    for outcome in (one, other):
        for run in outcome["runs"]:
            run.pop("train_seconds")
        for point in (point for curve in outcome["curves"] for point in curve["points"]):
            point.pop("train_seconds")
    same = all(one[key] == other[key] for key in ("runs", "curves", "sets"))
    end(same, f"{len(one['runs'])} trainings, {'equal' if same else 'other'} figures")


def classified(key, cuda, cpu):
    rates = []
    for log in (cuda, cpu):
        events = [json.loads(line) for line in open(log) if line.startswith("{")]
        done = [event["payload"] for event in events if event["event"] == "pipeline_completed"]
        rates.append(done[0]["realtime_factor"])
    recordings, seconds = done[0]["files_processed"], done[0]["sound_s"] / rates[0]
    add("../results.tsv", "classified", key, rates[0])
    end(True, f"{rates[0]:.0f} times real time ({recordings / seconds:.0f} recordings a second), {rates[1]:.0f} on the CPU")


def clips_a_second(run, repeat):
    """The median epoch of a run, which may have been stopped, without the first."""
    seconds = statistics.median(epoch["seconds"] for epoch in epochs(run)[1:])
    clips = int(re.search(r"(\d+) training", open(f"{run}.log").read()).group(1))
    return clips * int(repeat) / seconds


def rate(key, name, repeat, f32, auto, usual, results):
    rates = [clips_a_second(run, repeat) for run in (f32, auto, usual)]
    for kind, value in zip(("f32", "auto", "usual"), rates):
        add(results, f"ours {kind}", key, f"{value:.1f}")
    print(f"| {name} | {' | '.join(f'{value:.0f}' for value in rates)} |")


def peers(log, results):
    for line in map(json.loads, open(log)):
        add(results, f"peer {line['mode']}", line["model"], line["step_per_s"])


def night(path, hours):
    """Noise of a minute, again and again."""
    rate, draw = 22050, random.Random(0)
    minute = array.array("h", (byte * 16 - 2048 for byte in draw.randbytes(60 * rate))).tobytes()
    n_minutes = round(float(hours) * 60)
    n_bytes = n_minutes * len(minute)
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + n_bytes) + b"WAVE" + fmt + b"data" + struct.pack("<I", n_bytes))
        for _ in range(n_minutes):
            file.write(minute)


def targets(results, sections, *dry):
    found = {}
    for line in open(results):
        kind, key, value = line.rstrip("\n").split("\t")
        found.setdefault((kind, key), []).append(float(value))

    def ours(key):
        return max((max(values) for (kind, name), values in found.items() if kind.startswith("ours") and name == key), default=None)

    def peer(key, mode=""):
        rates = [max(values) for (kind, name), values in found.items() if kind.startswith("peer") and mode in kind and name == key]
        return max(rates, default=None)

    print("| network | ours, fastest | PyTorch, fastest | ratio |\n| --- | --- | --- | --- |")
    for key in NETWORKS:
        cells = [f"{value:.0f}" if value else "-" for value in (ours(key), peer(key))]
        cells.append(f"{ours(key) / peer(key):.2f}" if ours(key) and peer(key) else "-")
        print(f"| {key} | {' | '.join(cells)} |")
    print("\n| target | measured | |\n| --- | --- | --- |")

    def row(what, value, is_met, form="{:.0f}"):
        verdict = "not measured" if value is None else "met" if is_met(value) else "missed"
        print(f"| {what} | {'-' if value is None else form.format(value)} | {'(dry run)' if dry else verdict} |")

    for key, least in LEAST.items():
        row(f"{key}: {least} clips/s", ours(key), lambda value: value >= least)
    for key in ("vit_224", "vit_224_lora"):
        compiled = peer(key, "compile") or peer(key)
        ratio = ours(key) / compiled if ours(key) and compiled else None
        row(f"{key}: {RATIO:g} times PyTorch in bf16, compiled", ratio, lambda value: value >= RATIO, "{:.2f}")
    speed = max(found.get(("classified", "night"), []), default=None)
    row(f"24 h in one recording: {NIGHT} times real time", speed, lambda value: value >= NIGHT)
    flat = [value for (kind, _), values in found.items() if kind == "memory" for value in values]
    row("memory does not grow: trainings in which it does", sum(flat) if flat else None, lambda value: value == 0)
    apart = [value for (kind, _), values in found.items() if kind == "loss" for value in values]
    share = f"losses in bf16 after ten epochs: at most {ROUNDED:g} from f32"
    row(share, max(apart, default=None), lambda value: value <= ROUNDED, "{:.4f}")
    print("\n| section | seconds | budget |\n| --- | --- | --- |")
    total = 0
    for line in open(sections):
        name, took, budget = line.split()
        total += int(took)
        print(f"| {name} | {took} | {budget} |")
    print(f"| all | {total} | 360 |")


kind, *arguments = sys.argv[1:]
COMMANDS = (embeddings, runs, moved, losses, metrics, verdicts, sizes, classified, rate, peers, night, targets)
{command.__name__: command for command in COMMANDS}[kind](*arguments)
