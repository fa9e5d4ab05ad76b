"""Data sets for measure-sets.sh, and its table.

    python measure-sets.py make DATA OUT
    python measure-sets.py table OUT
"""

import array
import csv
import json
import math
import pathlib
import random
import shutil
import sys
import wave

TEN = {"animals": ("bird", "cat", "cow", "dog", "frog", "sheep"), "field": ("clock_tick", "rain", "sea_waves", "sneezing")}
RATE_HZ = 16_000
N_CLASSES, N_CLIPS = 50, 12


def rows(data, folder):
    """Path, label and group of the recordings of a set."""
    with open(data / folder / "manifest.csv", encoding="utf-8", newline="") as file:
        return [(str(data / folder / row["path"]), row["label"], f"{folder}/{row['group']}") for row in csv.DictReader(file)]


def write(path, of):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "label", "group"), *of])


def made(path, nth, clip):
    """One second of two tones that are of the class, swept and mixed with noise as drawn for the clip."""
    draw = random.Random(nth * 1000 + clip)
    low_hz = 200.0 * 1.06**nth * draw.uniform(0.99, 1.01)
    high_hz, beat_hz = low_hz * (1.5 + nth % 5 * 0.25), 2.0 + nth % 7 * 1.5
    sweep, noise = draw.uniform(-0.02, 0.02), draw.uniform(0.02, 0.1)
    samples = array.array("h")
    for at in range(RATE_HZ):
        t = at / RATE_HZ
        tones = sum(math.sin(2.0 * math.pi * hz * t * (1.0 + sweep * t)) for hz in (low_hz, high_hz))
        value = 0.2 * tones * (0.6 + 0.4 * math.sin(2.0 * math.pi * beat_hz * t)) + noise * draw.gauss(0.0, 1.0)
        samples.append(round(32767 * max(-1.0, min(1.0, value))))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())


def make(data, out):
    field = rows(data, "field")
    write(out / "classes-3.csv", [row for row in field if row[1] in ("rain", "sea_waves", "clock_tick")])
    write(out / "classes-10.csv", [row for folder, labels in TEN.items() for row in rows(data, folder) if row[1] in labels])
    folder = out / "made"
    folder.mkdir(exist_ok=True)
    of_fifty = []
    for nth in range(N_CLASSES):
        for clip in range(N_CLIPS):
            path = folder / f"{nth:02}-{clip:02}.wav"
            if not path.exists():
                made(path, nth, clip)
            of_fifty.append((str(path.resolve()), f"made {nth:02}", f"{nth}-{clip}"))
    write(out / "classes-50.csv", of_fifty)
    pairs = [row for row in rows(data, "animals") if row[1] in ("bird", "dog")]
    by_label = {label: [row for row in pairs if row[1] == label] for label in ("bird", "dog")}
    write(out / "clips-20.csv", [row for of in by_label.values() for row in of[:10]])
    write(out / "one-class.csv", by_label["dog"][:10])
    for label, of in by_label.items():
        (out / "recordings" / label).mkdir(parents=True, exist_ok=True)
        for path, _, _ in of[::3]:
            shutil.copy(path, out / "recordings" / label)


def table(out):
    print("| data set | classes | test clips / groups | balanced accuracy | chosen | hardest stress test | minutes |")
    print("|---|---|---|---|---|---|---|")
    for name in ("classes-3", "classes-10", "classes-50", "no-groups"):
        fit = json.loads((out / name / "fit.json").read_text(encoding="utf-8"))
        test, chosen = fit["test"], next(of for of in fit["choice"]["candidates"] if of["chosen"])
        conditions = test["stress"]["conditions"].items()
        condition, worst = min(conditions, key=lambda of: of[1]["balanced_accuracy"])
        low, high = test["intervals"]["balanced_accuracy"]
        print(
            f"| {name} | {len(test['classes'])} | {test['n']} / {test['n_groups']} "
            f"| {test['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}] | {chosen['name']} "
            f"| {worst['balanced_accuracy']:.3f} ({condition}) | {fit['seconds'] / 60:.1f} |"
        )
    for name in ("clips-20", "one-class"):
        log = (out / f"{name}.log").read_text(encoding="utf-8")
        print(f"\n{name}: {log[log.find('error:'):].strip()}")
    log = (out / "no-groups.log").read_text(encoding="utf-8").splitlines()
    print("\nno-groups:", *[line for line in log if "group" in line], sep="\n  ")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        table(pathlib.Path(sys.argv[2]))
