"""What `barkbird compare` wrote, computed again with scikit-learn and SciPy. Called by check-compare.sh.

    python check-compare.py COMPARISON MANIFEST
"""

import collections
import csv
import json
import pathlib
import sys

import numpy as np
from scipy.stats import bootstrap
from sklearn.metrics import balanced_accuracy_score

# Resamples of SciPy; both ends of an interval vary by about this much from one set of resamples to the next.
RESAMPLES, TOLERANCE = 9999, 0.012


def answers(table, classes):
    """Of each recording of a known class: the truth, and the class with the highest mean probability over its windows."""
    windows, truth = collections.defaultdict(list), {}
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["truth"] in classes:
                windows[row["path"]].append([float(row[f"p_{name}"]) for name in classes])
                truth[row["path"]] = row["truth"]
    return {path: (truth[path], classes[int(np.argmax(np.mean(all_windows, axis=0)))]) for path, all_windows in windows.items()}


def main():
    comparison, manifest = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    outcome = json.loads((comparison / "compare.json").read_text())
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        group_of = {row["path"]: row["group"] or row["path"] for row in csv.DictReader(file)}
    models = {}
    for model in outcome["models"]:
        if len(model["runs"]) > 1:
            sys.exit(f"error: {model['name']}: expected one run a model")
        folder = comparison / "models" / model["name"]
        classes = json.loads((folder / "metrics.json").read_text())["classes"]
        models[model["name"]] = answers(folder / "predictions.csv", classes)
    paths = sorted(set.intersection(*(set(of) for of in models.values())))
    truth = np.array([models[outcome["best"]][path][0] for path in paths])
    said = {name: np.array([of[path][1] for path in paths]) for name, of in models.items()}
    names = sorted({group_of[path] for path in paths})
    members = [np.array([nth for nth, path in enumerate(paths) if group_of[path] == name]) for name in names]
    if (len(paths), len(names)) != (outcome["n"], outcome["n_groups"]):
        sys.exit(f"error: expected {outcome['n']} recordings of {outcome['n_groups']} groups, got {len(paths)} of {len(names)}")
    worst = 0.0
    for model in outcome["models"]:
        exact = balanced_accuracy_score(truth, said[model["name"]])
        worst = max(worst, abs(exact - model["balanced_accuracy"]))
    print(f"{len(models)} models, {len(paths)} recordings, {len(names)} groups: balanced accuracies differ by at most {worst:.1e}")
    if worst > 1e-9:
        sys.exit("error: they are not those of scikit-learn")
    failed = False
    for difference in outcome["differences"]:

        def below(groups):
            rows = np.concatenate([members[int(group)] for group in groups])
            scores = [balanced_accuracy_score(truth[rows], said[name][rows]) for name in (outcome["best"], difference["model"])]
            return scores[0] - scores[1]

        result = bootstrap((np.arange(len(names)),), below, n_resamples=RESAMPLES, vectorized=False, method="percentile", rng=0)
        theirs, ours = result.confidence_interval, difference["interval"]
        apart = max(abs(theirs.low - ours[0]), abs(theirs.high - ours[1]))
        print(f"{difference['model']}: below by {difference['below_best']:.3f}; interval {ours[0]:.3f} to {ours[1]:.3f}, SciPy's {theirs.low:.3f} to {theirs.high:.3f}")
        failed |= apart > TOLERANCE
    if failed:
        sys.exit(f"error: an interval differs by more than {TOLERANCE}")


main()
