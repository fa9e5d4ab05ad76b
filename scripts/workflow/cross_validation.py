"""The cross-validation of each model: balanced accuracy over the predictions of all folds, a row for each seed, with its interval."""

import argparse
import csv
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
from folds import balanced, interval

parser = argparse.ArgumentParser()
parser.add_argument("manifest")
parser.add_argument("runs")
parser.add_argument("out")
parser.add_argument("--models", nargs="+", required=True)
parser.add_argument("--seeds", nargs="+", required=True)
parser.add_argument("--folds", type=int, required=True)
args = parser.parse_args()

# By the path as both files have it: folders of classes may use the same names.
with open(args.manifest, newline="") as file:
    groups = {row["path"]: row["group"] for row in csv.DictReader(file)}


def rows_of(folder):
    """(truth, whether it was met, group) of each prediction of a fold."""
    with open(f"{folder}/predictions.csv", newline="") as file:
        return [(row["truth"], row["truth"] == row["label"], groups[row["path"]]) for row in csv.DictReader(file)]


table = [("model", "seed", "folds", "clips", "groups", "balanced_accuracy", "low", "high")]
for model in args.models:
    for seed in args.seeds:
        rows = []
        for fold in range(args.folds):
            rows += rows_of(f"{args.runs}/{model}-{seed}-fold-{fold}/test")
        low, high = interval(rows)
        figures = [f"{figure:.4f}" for figure in (balanced(rows), low, high)]
        table.append((model, seed, args.folds, len(rows), len({group for _, _, group in rows}), *figures))
temporary = f"{args.out}.tmp"
with open(temporary, "w", newline="") as file:
    csv.writer(file, lineterminator="\n").writerows(table)
os.replace(temporary, args.out)
