"""Compares two runs of `barkbird fit` on the same recordings: figures, and the probabilities of predictions.csv.

    python measure-onnx.py RUN RUN

Fails where a probability differs by more than 1e-3.
"""

import csv
import json
import pathlib
import sys

ALLOWED = 1e-3


def probabilities(run):
    with open(run / "test" / "predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name.startswith("p_")]
    return {(row["path"], row["start"], name): float(row[name]) for row in rows for name in columns}


def figures(run):
    fit = json.loads((run / "fit.json").read_text(encoding="utf-8"))
    chosen = next(of for of in fit["choice"]["candidates"] if of["chosen"])
    metrics = fit["test"]
    return {
        "seconds": fit["seconds"],
        "cross-validation, as recorded": chosen["balanced_accuracy"],
        f"cross-validation, {chosen['worst_condition']}": chosen["worst"],
        "test": metrics["balanced_accuracy"],
        "test, loss": metrics["loss"],
        "detector": fit["detector"]["method"],
        "AUROC on ood-val": dict(fit["detector"]["auroc"]).get(fit["detector"]["method"]),
    }


def main():
    runs = [pathlib.Path(run) for run in sys.argv[1:]]
    for run in runs:
        print(run.name, figures(run))
    first, second = map(probabilities, runs)
    if first.keys() != second.keys():
        sys.exit("other clips")
    largest = max(abs(first[key] - second[key]) for key in first)
    print(f"largest difference of {len(first)} probabilities: {largest:.1e} (at most {ALLOWED:.0e})")
    sys.exit("too different" if largest > ALLOWED else 0)


main()
