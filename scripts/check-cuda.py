"""The comparisons of check-cuda.sh. Each prints one line, and fails where a bound is passed.

    check-cuda.py embeddings A B    two folders that `barkbird embed` wrote
    check-cuda.py runs A B [LEAST]  two runs of one training; LEAST: the balanced accuracy that both reach
    check-cuda.py moved START A B   the same, by how far their weights have moved from those of a run that learned nothing
    check-cuda.py metrics A B       two folders that `barkbird evaluate` wrote
    check-cuda.py verdicts A B      two JSON files that `barkbird predict` wrote
    check-cuda.py rate NAME A B     training clips a second of two runs, a row of a table
"""

import array
import json
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


def rate(name, *folders):
    cells = []
    for run in folders:
        seconds = statistics.median(epoch["seconds"] for epoch in epochs(run)[1:])
        clips = int(re.search(r"(\d+) training", open(f"{run}.log").read()).group(1))
        repeat = re.search(r"^repeat = (\d+)", open(f"{run}/config.toml").read(), re.MULTILINE)
        cells.append(f"{clips * int(repeat.group(1) if repeat else 1) / seconds:.0f}")
    print(f"| {name} | {' | '.join(cells)} |")


kind, *arguments = sys.argv[1:]
{"embeddings": embeddings, "runs": runs, "moved": moved, "metrics": metrics, "verdicts": verdicts, "rate": rate}[kind](*arguments)
