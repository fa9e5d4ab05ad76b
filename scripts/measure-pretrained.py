"""The table of measure-pretrained.sh: measure-pretrained.py OUT WAYS SEEDS."""

import csv
import json
import os
import random
import sys

out, ways, seeds = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
DRAWS = 2000


def rows_of(run, name, groups):
    """(truth, whether it was met, group) of each prediction."""
    with open(f"{run}/{name}/predictions.csv", newline="") as file:
        return [(row["truth"], row["truth"] == row["label"], groups[os.path.basename(row["path"])]) for row in csv.DictReader(file)]


def balanced(rows):
    met = {}
    for truth, right, _ in rows:
        met.setdefault(truth, []).append(right)
    return sum(sum(each) / len(each) for each in met.values()) / len(met)


def interval(rows):
    """95 %: whole groups drawn with replacement, class by class."""
    members = {}
    for row in rows:
        members.setdefault(row[0], {}).setdefault(row[2], []).append(row)
    draw, values = random.Random(0), []
    for _ in range(DRAWS):
        sample = []
        for groups in members.values():
            groups = list(groups.values())
            for group in draw.choices(groups, k=len(groups)):
                sample += group
        values.append(balanced(sample))
    values.sort()
    return values[int(0.025 * DRAWS)], values[int(0.975 * DRAWS) - 1]


def groups_in(manifest):
    with open(manifest, newline="") as file:
        return {os.path.basename(row["path"]): row["group"] for row in csv.DictReader(file)}


def shown(metrics):
    low, high = metrics["intervals"]["balanced_accuracy"]
    return f"{metrics['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]"


groups = groups_in(f"{out}/folds.csv")
print("| model | seed | test | field | minutes | 5 folds, by group | the five models on field, mean (least to greatest) | minutes a fold |")
print("|---|---|---|---|---|---|---|---|")
counts = set()
for way in ways:
    for seed in seeds:
        run = f"{out}/{way}-{seed}"
        test, field = (json.load(open(f"{run}/{name}/metrics.json")) for name in ("test", "field"))

        def minutes(of):
            began, ended = map(float, open(f"{of}/clock").read().split())
            return (ended - began) / 60

        cells = [way, seed, shown(test), shown(field), f"{minutes(run):.1f}"]
        counts.add(f"test: {test['n']} clips of {test['n_groups']} groups; field: {field['n']} of {field['n_groups']}")
        folds = [f"{run}-fold-{fold}" for fold in range(5)]
        if all(os.path.exists(f"{fold}/field/metrics.json") for fold in folds):
            rows = [row for fold in folds for row in rows_of(fold, "test", groups)]
            low, high = interval(rows)
            away = [json.load(open(f"{fold}/field/metrics.json"))["balanced_accuracy"] for fold in folds]
            spent = sum(map(minutes, folds)) / len(folds)
            counts.add(f"folds: {len(rows)} of {len({row[2] for row in rows})}")
            cells += [f"{balanced(rows):.3f} [{low:.3f}, {high:.3f}]", f"{sum(away) / 5:.3f} ({min(away):.3f} to {max(away):.3f})", f"{spent:.1f}"]
        else:
            cells += ["", "", ""]
        print("| " + " | ".join(cells) + " |")
print("\nBalanced accuracy, 95 % interval by group.", "; ".join(sorted(counts)) + ".")
