"""Prints a table of what `measure_saliency` wrote: python measure-saliency.py RESULT.json..."""
import json
import sys
from pathlib import Path


def shown(figures, key, digits):
    low, high = figures[f"{key}_interval"]
    return f"{figures[key]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


print("| run | split | clips / groups | method | masked | drop of probability: map | random | loudest | "
      "drop of log-odds: map | random | loudest | map - random | map - loudest | verdicts changed: map | random | loudest |")
print("|" + "---|" * 16)
for path in sys.argv[1:]:
    result = json.loads(Path(path).read_text())
    for of in result["shares"]:
        p, odds, changed = of["probability"], of["log_odds"], of["changed"]
        cells = [Path(result["run"]).name, result["split"], f"{result['n']} / {result['n_groups']}", result["method"],
                 f"{of['share']:.0%}", shown(p, "map", 3), f"{p['random']:.3f}", f"{p['loudest']:.3f}", f"{odds['map']:.2f}",
                 f"{odds['random']:.2f}", f"{odds['loudest']:.2f}", shown(odds, "map_minus_random", 2),
                 shown(odds, "map_minus_loudest", 2)]
        print("| " + " | ".join(cells + [f"{changed[key]:.3f}" for key in ("map", "random", "loudest")]) + " |")
