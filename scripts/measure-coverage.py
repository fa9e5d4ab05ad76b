"""Random halves of the groups, and the table, for measure-coverage.sh."""

import csv
import json
import random
import sys
from collections import defaultdict
from pathlib import Path

CLASSES = ("bird", "dog")


def rows_of(manifest):
    folder = manifest.parent.resolve()
    with open(manifest, newline="") as file:
        return [{**row, "path": str(folder / row["path"])} for row in csv.DictReader(file)]


def write(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "label", "group", "split"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def split(data, out, seed):
    """Half of the groups of each class to fit on, and the others to ask about."""
    animals = [row for row in rows_of(data / "animals/manifest.csv")]
    known = [row for row in animals if row["label"] in CLASSES]
    fitted = set()
    for label in CLASSES:
        groups = sorted({row["group"] for row in known if row["label"] == label})
        random.Random(f"{seed}/{label}").shuffle(groups)
        # Not fewer than 20, where there are so many: a coverage of 0.95 takes 19.
        fitted.update(groups[: max(len(groups) // 2, min(20, len(groups) * 3 // 4))])
    unknown = [row for row in animals if row["split"] == "ood-val"]
    write(out / f"fit-{seed}.csv", [{**row, "split": "train"} for row in known if row["group"] in fitted] + unknown)
    write(out / f"test-{seed}.csv", [{**row, "split": "test"} for row in known if row["group"] not in fitted])
    write(out / f"field-{seed}.csv", rows_of(data / "field/manifest.csv"))


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else float("nan")


def table(out, splits):
    print("| clips | coverage asked | class | clips / groups | covered | one class | two | none |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in ("test", "field"):
        for coverage in ("0.90", "0.95"):
            of_label = defaultdict(lambda: defaultdict(list))
            for seed in range(1, splits + 1):
                group = {row["path"]: row["group"] for row in csv.DictReader(open(out / f"{name}-{seed}.csv", newline=""))}
                answers = json.load(open(out / f"{name}-{seed}-{coverage}.json"))
                always = answers["coverage"]["always_in"]
                if always:
                    print(f"{name} {seed} {coverage}: always in: {always}", file=sys.stderr)
                for one in answers["recordings"]:
                    label = one["truth"] if one["truth"] in CLASSES else "neither"
                    of_label[label][(seed, group[one["path"]])].append(one)
            for label, groups in sorted(of_label.items()):
                sizes = [len(one["set"]) for of_group in groups.values() for one in of_group]
                # A group counts as much as any other, as in the guarantee.
                covered = mean(mean(label in one["set"] for one in of_group) for of_group in groups.values())
                share = lambda size: sizes.count(size) / len(sizes)
                print(
                    f"| {name} | {coverage} | {label} | {len(sizes)} / {len(groups)} "
                    f"| {'' if label == 'neither' else f'{covered:.3f}'} | {share(1):.2f} | {share(2):.2f} | {share(0):.2f} |"
                )


if sys.argv[1] == "split":
    split(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
else:
    table(Path(sys.argv[2]), int(sys.argv[3]))
