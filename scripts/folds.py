"""What the scripts beside it share: balanced accuracy over the predictions of several folds, with its interval."""

import csv
import os
import random

DRAWS = 2000


def groups_in(manifest):
    """The group of each recording of a manifest, by the recording's name."""
    with open(manifest, newline="") as file:
        return {os.path.basename(row["path"]): row["group"] for row in csv.DictReader(file)}


def rows_of(folder, groups):
    """(truth, whether it was met, group) of each prediction in a folder that `barkbird evaluate` wrote."""
    with open(f"{folder}/predictions.csv", newline="") as file:
        return [(row["truth"], row["truth"] == row["label"], groups[os.path.basename(row["path"])]) for row in csv.DictReader(file)]


def balanced(rows):
    """The mean over classes of the share that was met."""
    met = {}
    for truth, right, _ in rows:
        met.setdefault(truth, []).append(right)
    return sum(sum(each) / len(each) for each in met.values()) / len(met)


def accuracy(rows):
    """The share that was met."""
    return sum(right for _, right, _ in rows) / len(rows)


def interval(rows, figure=balanced):
    """95 % of a figure: whole groups drawn with replacement, class by class."""
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
        values.append(figure(sample))
    values.sort()
    return values[int(0.025 * DRAWS)], values[int(0.975 * DRAWS) - 1]
