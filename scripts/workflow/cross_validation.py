"""The cross-validation of each model: balanced accuracy over the predictions of all folds, a row for each seed, with its interval. Places may be
paths or URLs of a bucket."""

import argparse
import csv
import io
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))
import buckets
from folds import balanced, interval

parser = argparse.ArgumentParser()
parser.add_argument("manifest")
parser.add_argument("runs")
parser.add_argument("out")
parser.add_argument("--models", nargs="+", required=True)
parser.add_argument("--seeds", nargs="+", required=True)
parser.add_argument("--folds", type=int, required=True)
args = parser.parse_args()


def rows(table):
    return csv.DictReader(io.StringIO(buckets.read(table)))


# By the path as both files have it: folders of classes may use the same names.
groups = {row["path"]: row["group"] for row in rows(args.manifest)}


def rows_of(folder):
    """(truth, whether it was met, group) of each prediction of a fold."""
    return [(row["truth"], row["truth"] == row["label"], groups[row["path"]]) for row in rows(f"{folder}/predictions.csv")]


table = [("model", "seed", "folds", "clips", "groups", "balanced_accuracy", "low", "high")]
for model in args.models:
    for seed in args.seeds:
        clips = []
        for fold in range(args.folds):
            clips += rows_of(f"{args.runs}/{model}-{seed}-fold-{fold}/test")
        low, high = interval(clips)
        figures = [f"{figure:.4f}" for figure in (balanced(clips), low, high)]
        table.append((model, seed, args.folds, len(clips), len({group for _, _, group in clips}), *figures))
text = io.StringIO()
csv.writer(text, lineterminator="\n").writerows(table)
buckets.write(args.out, text.getvalue())
