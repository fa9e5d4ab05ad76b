"""Two folders of results, file by file: equal bytes, but for wall-clock seconds and command lines. Prints a table; exits with 1 on a
difference.

    same-results.py [--places A B] A B [FOLDER...]

FOLDER... name what to compare of both (default: everything). Left out: caches, locks, what `scan` keeps for itself (*.scan.journal), and the
workflow's own folder of marks and logs. --places: the places that the files of A and of B name, where results were made elsewhere; both
count as one.
"""

import argparse
import collections
import json
import os
import re
import sys

# What is left out of files that hold more than results (docs/architecture.md, invariant 9).
COMMANDS = {"command", "detector_command"}
EXCEPT = {
    "metrics.jsonl": "seconds",
    "last.safetensors": "seconds",
    "run.json": "command line",
    "metrics.json": "command line",
    "compare.json": "command line, speed and memory",
    "compare.svg": "speed",
    "fit.json": "command line, seconds and memory",
    ".html": "command lines, seconds, speed",
}
# Keys of compare.json and fit.json that are measured with a clock, or of the process.
MEASURED = {"cost", "seconds", "minutes", "took_minutes", "train_minutes", "recordings_per_s", "times_real_time", "peak_mib", "took_s"}


def listed(folder, only):
    """Paths of the results in a folder."""
    found = set()
    for place in only or [""]:
        top = os.path.join(folder, place)
        if os.path.isfile(top):
            found.add(os.path.relpath(top, folder))
        for root, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name != "cache" and not (os.path.samefile(root, folder) and name == "workflow")]
            files = [name for name in files if not name.startswith(".barkbird") and not name.endswith(".scan.journal")]
            found.update(os.path.relpath(os.path.join(root, name), folder) for name in files)
    return found


def without(value, keys):
    if isinstance(value, dict):
        return {key: without(inner, keys) for key, inner in value.items() if key not in keys}
    if isinstance(value, list):
        return [without(inner, keys) for inner in value]
    # Sentences that name a speed.
    return re.sub(r"[\d.,]+ (recordings a second|min to train)", r"N \1", value) if isinstance(value, str) else value


def bytes_of(folder, path):
    """The bytes of a file, in which a place that the results name has one name for both folders."""
    with open(os.path.join(folder, path), "rb") as file:
        data = file.read()
    place = places[folder]
    return data.replace(place, b"PLACE") if place else data


def weights(folder, path):
    """Header and values of a file of weights: without the length of the header, and its padding, which differ with what it says."""
    with open(os.path.join(folder, path), "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header, values = file.read(length).rstrip(b" "), file.read()
    if places[folder]:
        header = header.replace(places[folder], b"PLACE")
    if os.path.basename(path) == "last.safetensors":
        header = re.sub(rb'\\?"seconds\\?":[0-9.e-]+', b"", header)
    return header, values


def content(folder, path):
    """What has to be equal of a file in a folder, and what was left out of it."""
    name = os.path.basename(path)
    if name.endswith(".safetensors"):
        return weights(folder, path), EXCEPT.get(name, "")
    data = bytes_of(folder, path)
    if name.endswith(".json"):
        # Settings that name a place among the results.
        data = data.replace(os.path.abspath(folder).encode(), b"RESULTS")
    if name in ("run.json", "metrics.json"):
        return without(json.loads(data), COMMANDS), EXCEPT[name]
    if name in ("compare.json", "fit.json"):
        return without(json.loads(data), COMMANDS | MEASURED), EXCEPT[name]
    if name == "compare.svg":
        return without(data.decode(), ()), EXCEPT[name]
    if name == "metrics.jsonl":
        return [without(json.loads(line), {"seconds"}) for line in data.splitlines()], EXCEPT[name]
    return data, ""


def kind(path):
    """What a file counts as."""
    name = os.path.basename(path)
    if name.startswith("shard-"):
        return "shards"
    kinds = {"index.json": "indexes of shards", "clips.safetensors": "lists of clips", "model.safetensors": "models", "best.safetensors": "best epochs",
             "last.safetensors": "training states", "metrics.jsonl": "epochs", "run.json": "run records", "metrics.json": "metrics"}
    if name in kinds:
        return kinds[name]
    top = path.split(os.sep)[0]
    if name == "predictions.csv" or top == "predictions":
        return "predictions"
    if name.endswith(".html"):
        return "pages"
    return {"bench": "anomaly bench", "comparison": "comparison"}.get(top, "manifests and others")


def page(folder, path):
    """A page without what differs from run to run."""
    text = bytes_of(folder, path).decode()
    # The last column of the table of epochs.
    text = re.sub(r'(<tr><th scope="row" class="number">\d+</th>.*)<td class="number">[\d.]+</td></tr>', r"\1</tr>", text)
    text = re.sub(r"barkbird (train|features|augment|evaluate|anomaly|doctor|fit|report|predict)[^<\n]*", "COMMAND", text)
    return re.sub(r"[\d.,]+ (s|min|ms|seconds|minutes)\b", "TIME", text)


parser = argparse.ArgumentParser()
parser.add_argument("--places", nargs=2, default=("", ""))
parser.add_argument("folders", nargs="+")
args = parser.parse_args()
a, b, *only = args.folders
places = {folder: place.encode() for folder, place in zip((a, b), args.places)}
missing = [os.path.join(folder, place) for folder in (a, b) for place in only or [""] if not os.path.exists(os.path.join(folder, place))]
if missing:
    sys.exit(f"error: {', '.join(missing)}: no such file or folder")
names_a, names_b = listed(a, only), listed(b, only)
differ = [f"{path}: only in {folder}" for names, others, folder in ((names_a, names_b, a), (names_b, names_a, b)) for path in sorted(names - others)]
table = collections.defaultdict(lambda: [0, 0, 0, set()])
n_bytes = 0
for path in sorted(names_a & names_b):
    row = table[kind(path)]
    n_bytes += os.path.getsize(os.path.join(a, path))
    row[0] += 1
    if path.endswith(".html"):
        same, left_out = page(a, path) == page(b, path), EXCEPT[".html"]
    else:
        (content_a, left_out), (content_b, _) = content(a, path), content(b, path)
        same = content_a == content_b
    if left_out:
        row[3].add(left_out)
    row[1 if same else 2] += 1
    if not same:
        differ.append(f"{path}: differs")
rows = [("what", "files", "equal", "different", "compared without")]
rows += [(what, str(n), str(same), str(other), ", ".join(sorted(left)) or "(every byte)") for what, (n, same, other, left) in sorted(table.items())]
widths = [max(len(row[i]) for row in rows) for i in range(5)]
for row in rows:
    print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
n_equal = sum(row[1] for row in table.values())
print(f"{n_equal} of {len(names_a | names_b)} files equal, {n_bytes / 1e6:.1f} MB; {len(differ)} different or missing")
print("\n".join(differ[:30]), end="\n" if differ else "")
sys.exit(bool(differ) or not n_equal)
