"""The table of measure-pretrained.sh: measure-pretrained.py OUT CONFIGS SEEDS."""

import json
import os
import sys

from folds import balanced, groups_in, interval, rows_of

out, configs, seeds = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()


def shown(metrics):
    low, high = metrics["intervals"]["balanced_accuracy"]
    return f"{metrics['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]"


groups = groups_in(f"{out}/folds.csv")
print("| model | seed | test | field | minutes | 5 folds, by group | the five models on field, mean (least to greatest) | minutes a fold |")
print("|---|---|---|---|---|---|---|---|")
counts = set()
for config in configs:
    for seed in seeds:
        run = f"{out}/{config}-{seed}"
        test, field = (json.load(open(f"{run}/{name}/metrics.json")) for name in ("test", "field"))

        def minutes(of):
            began, ended = map(float, open(f"{of}/clock").read().split())
            return (ended - began) / 60

        cells = [config, seed, shown(test), shown(field), f"{minutes(run):.1f}"]
        counts.add(f"test: {test['n']} clips of {test['n_groups']} groups; field: {field['n']} of {field['n_groups']}")
        folds = [f"{run}-fold-{fold}" for fold in range(5)]
        if all(os.path.exists(f"{fold}/field/metrics.json") for fold in folds):
            rows = [row for fold in folds for row in rows_of(f"{fold}/test", groups)]
            low, high = interval(rows)
            away = [json.load(open(f"{fold}/field/metrics.json"))["balanced_accuracy"] for fold in folds]
            spent = sum(map(minutes, folds)) / len(folds)
            counts.add(f"folds: {len(rows)} of {len({row[2] for row in rows})}")
            cells += [f"{balanced(rows):.3f} [{low:.3f}, {high:.3f}]", f"{sum(away) / 5:.3f} ({min(away):.3f} to {max(away):.3f})", f"{spent:.1f}"]
        else:
            cells += ["", "", ""]
        print("| " + " | ".join(cells) + " |")
print("\nBalanced accuracy, 95 % interval by group.", "; ".join(sorted(counts)) + ".")
