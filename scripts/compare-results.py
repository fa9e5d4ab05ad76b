"""Compares two folders of results, tensors and figures bit for bit:

    python3 scripts/compare-results.py BEFORE AFTER

What only AFTER has is no difference. Headers, the wording of findings and names that have changed since 0.1 may differ. Of
the texts of `doctor`, the numbers are compared. Prints what differs; its exit status is 1 if anything does. Needs Python only.
"""

import csv
import json
import re
import struct
import sys
from pathlib import Path

# Names of 0.1 that have changed, as they are in keys, columns and values.
NAMES = {
    "at_talks_threshold": "at_baseline_threshold",
    "caught": "detected",
    "false_alarms": "false_rejections",
    "learned_from_strangers": "learned_from_unknowns",
    "n_strangers": "n_unknowns",
    "partings": "random_splits",
    "stranger": "unknown",
    "stranger_groups": "unknown_groups",
    "strangers": "unknowns",
}
PARTS = {"normalised": "normalized", "third_class": "background_class", "trunk": "backbone"}  # spelling: as written
# What is new since 0.1, or is no figure.
IGNORED = {"channel", "command", "descriptions", "model_sha256", "note", "seconds", "version"}
# Sentences for people: their numbers are compared.
SENTENCES = {"evidence", "sentence", "summary", "suggestion", "warnings"}


def renamed(text):
    text = NAMES.get(text, text)
    for old, new in PARTS.items():
        text = text.replace(old, new)
    return text


def numbers(value):
    return sorted(re.findall(r"\d+(?:\.\d+)?", json.dumps(value, ensure_ascii=False)))


def normal(value):
    """The value under the names of now."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in IGNORED}
        return {renamed(key): numbers(item) if key in SENTENCES else normal(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    return renamed(value) if isinstance(value, str) else value


def tensors(path):
    """Name to type, shape and bytes."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    header.pop("__metadata__", None)
    return {renamed(name): (t["dtype"], t["shape"], body[slice(*t["data_offsets"])]) for name, t in header.items()}


def rows(path):
    with path.open(newline="") as file:
        return [normal(row) for row in csv.DictReader(file)]


def lines(path):
    return [normal(json.loads(line)) for line in path.read_text().splitlines()]


def document(path):
    return normal(json.loads(path.read_text()))


READERS = {
    ".safetensors": tensors,
    ".csv": rows,
    ".jsonl": lines,
    ".json": document,
    ".wav": Path.read_bytes,
}


def where(before, after, at=""):
    """The first place where two values differ. A key that only the second has is new and no difference."""
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = [(before[key], after.get(key), f"{at}.{key}") for key in before]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(*pair, f"{at}[{nth}]") for nth, pair in enumerate(zip(before, after))]
    else:
        return None if before == after else f"{at or 'the file'}: {str(before)[:80]} / {str(after)[:80]}"
    return next((found for pair in pairs if (found := where(*pair))), None)


def main():
    before, after = map(Path, sys.argv[1:3])
    compared = differ = 0
    for path in sorted(before.rglob("*")):
        name = path.relative_to(before)
        read = READERS.get(path.suffix)
        if read is None or "cache" in name.parts or path.name in ("index.json", "run.json"):
            continue
        compared += 1
        other = after / name
        found = where(read(path), read(other)) if other.exists() else "missing"
        if found:
            differ += 1
            print(f"{name} differs: {found}")
    print(f"{compared} files compared, {differ} differ")
    if compared == 0:
        sys.exit(f"{before}: no results")
    sys.exit(1 if differ else 0)


main()
