"""The tables of measure-new-places.sh: OUT SEED..."""

import csv
import json
import sys

out, seeds = sys.argv[1], sys.argv[2:]


def read(seed, name):
    with open(f"{out}/fit-{seed}/{name}") as file:
        return json.load(file)


fits = [read(seed, "fit.json") for seed in seeds]
sets = {name: [read(seed, f"{name}/metrics.json") for seed in seeds] for name in ("test", "field", "field2")}


def spread(values, digits=3):
    low, high = min(values), max(values)
    mean = sum(values) / len(values)
    if f"{low:.{digits}f}" == f"{high:.{digits}f}":
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def figure(metrics, condition):
    return metrics if condition is None else metrics["stress"]["conditions"][condition]


def dogs(metrics, condition):
    of = figure(metrics, condition)
    recall = of["per_class"]["bird"]["recall"] if condition is None else of["recall"]["bird"]
    return 1 - recall


print(f"{len(seeds)} seeds; chosen: {', '.join(sorted({next(c['name'] for c in fit['choice']['candidates'] if c['chosen']) for fit in fits}))}; "
      f"minutes: {spread([fit['seconds'] / 60 for fit in fits], 1)}.\n")
counts = {name: f"{of[0]['n']} clips of {of[0]['n_groups']} groups" for name, of in sets.items()}
print(f"| condition | test ({counts['test']}) | field ({counts['field']}) | field2 ({counts['field2']}), birds called dog |")
print("|---|---|---|---|")
conditions = [None, *[c for c in ("rate_16k", "rate_8k", "rate_6k", "mp3", "telephone", "quieter", "louder", "room", "noise_20db",
                                  "noise_10db", "noise_0db", "loudest_second", "equalized")]]
for condition in conditions:
    cells = [spread([figure(m, condition)["balanced_accuracy"] for m in sets[name]]) for name in ("test", "field")]
    print(f"| {condition or 'as recorded'} | {' | '.join(cells)} | {spread([dogs(m, condition) for m in sets['field2']], 2)} |")
print()
for name in ("test", "field"):
    first = sets[name][0]
    low, high = first["intervals"]["balanced_accuracy"]
    worst = first["stress"]["worst"]
    print(f"Seed {seeds[0]}, {name}: balanced accuracy {first['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}], hardest stress test "
          f"{worst['name']} {worst['balanced_accuracy']:.3f} [{worst['interval'][0]:.3f}, {worst['interval'][1]:.3f}].")
print("\n| unknown sounds | AUROC | rejected at alpha 0.05 | known sounds rejected |")
print("|---|---|---|---|")
for name, split, words in (("test", "ood-test", "cats and donkeys, against test"), ("field", "ood-far", "rain, sea, clocks, sneezes, against field"),
                           ("test", "noises", "noises, against test")):
    of = [m["unknown"] for m in sets[name]]
    print(f"| {words} | {spread([u['sets'][split]['auroc'] for u in of])} | {spread([u['sets'][split]['rejected'] for u in of], 2)} "
          f"| {spread([u['known_rejected'] for u in of], 2)} |")
splits = [fit["detector"]["random_splits"] for fit in fits]
rates = [f"at alpha {rate['alpha']:g} {spread([of['rates'][nth]['mean'] for of in splits])}" for nth, rate in enumerate(splits[0]["rates"])]
print(f"\nKnown sounds rejected when the {splits[0]['groups']} groups of the training and validation clips are split at random "
      f"{splits[0]['random_splits']} times, half to calibrate, half as new recordings: {'; '.join(rates)}.")
print("\n| field2, share of 41 birds | bird | dog | neither | unsure |")
print("|---|---|---|---|---|")
for seed in seeds:
    with open(f"{out}/fit-{seed}/field2/predictions.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["truth"] == "bird"]

    def label(row):
        if row["outlier_p"] and float(row["outlier_p"]) <= 0.05:
            return "neither"
        return row["label"] if float(row["probability"]) >= 0.5 else "unsure"

    labels = [label(row) for row in rows]
    print(f"| seed {seed} | " + " | ".join(f"{labels.count(name) / len(rows):.2f}" for name in ("bird", "dog", "neither", "unsure")) + " |")
