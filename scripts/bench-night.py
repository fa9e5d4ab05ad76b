"""A long recording whose sounds are known, by barkbird and by BirdNET 2.4. Called by bench-night.sh, which says what each file is.

    python bench-night.py BARKBIRD RUN CLIPS.csv OUT BIRDNET --hours 2 --runs 3

With --runs 0 it scores what an earlier call left in OUT. With --alphas it runs barkbird alone, with --events and each alpha.

Each program is asked twice: as it is by default, and with equal settings.

- barkbird, default: `predict --events`. Windows overlap by half.
- BirdNET, default: confidence 0.1, no overlap; windows of a class that touch are one event. The same at 0.25, which is the default of
  the program BirdNET-Analyzer.
- Equal settings: windows that overlap by half, of each model's own length; a window counts for a class where its confidence is 0.5
  or more (barkbird: and its label is the class, with the alpha of its events); windows of a class at most 1 s apart are one event.
  The same code merges both.

BirdNET's labels as classes: `Dog`, `Gray Wolf` (Canis lupus) and `Coyote` are dog; a label is a bird where it has an eBird code of a
bird: the codes of other animals start with `t-`, and what is no species (Engine, Human vocal, Noise) has no scientific name of its
own. Other labels are left out.

A true clip is found where an event of its class overlaps it by 0.5 s or more; an event is right where it overlaps a clip of its class
so. Clips of other labels are sounds that should be in no event. A clip is in the recording once. Intervals are 95 %: Wilson's for precision and recall, and for F1 those of 10,000 bootstrap
samples over clips, each with the events near it. Both take clips as independent: with several clips from one place they are too
narrow.
"""

import argparse
import collections
import csv
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

import numpy
import scipy.signal
import soundfile

CLASSES = ("bird", "dog")
DOGS = ("Dog", "Canis lupus", "Canis latrans")
RATE_HZ, SHORTEST_OVERLAP_S, MAX_GAP_S, CONFIDENCE = 22050, 0.5, 1.0, 0.5
BIRDNET_WINDOW_S, BIRDNET_CONFIDENCE, ANALYZER_CONFIDENCE = 3.0, 0.1, 0.25
BOOTSTRAP, Z = 10_000, 1.959964
SCRIPTS = pathlib.Path(__file__).resolve().parent


def converted(clips, out, splits):
    """The clips as WAV files of one channel, and their table. Clips under half a second cannot be found, and are left out."""
    folder = out / "clips"
    folder.mkdir(exist_ok=True)
    with clips.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if not splits or row["split"] in splits]
    kept = []
    for nth, row in enumerate(rows):
        sound, rate_hz = soundfile.read(clips.parent / row["path"], always_2d=True)
        sound, divisor = sound.mean(axis=1), math.gcd(rate_hz, RATE_HZ)
        if rate_hz != RATE_HZ:
            sound = scipy.signal.resample_poly(sound, RATE_HZ // divisor, rate_hz // divisor)
        if len(sound) < SHORTEST_OVERLAP_S * RATE_HZ or not numpy.abs(sound).max():
            continue
        soundfile.write(folder / f"{nth}.wav", numpy.clip(sound, -1, 1), RATE_HZ, subtype="PCM_16")
        kept.append((f"clips/{nth}.wav", row["label"]))
    with (out / "clips.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("path", "label"), *kept])
    return out / "clips.csv"


def make_night(clips, out, hours):
    """Makes the recording: its path and what is where, (start, end, label)."""
    with clips.open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = {row["label"] for row in rows}
    if not labels >= set(CLASSES):
        sys.exit(f"error: {clips}: expected clips labeled {' and '.join(CLASSES)}, got {', '.join(sorted(labels))}")
    night = out / "night.wav"
    options = ["--hours", str(hours), "--rate", str(RATE_HZ), "--per-hour", repr(len(rows) / hours)]
    subprocess.run([sys.executable, SCRIPTS / "make-night.py", clips, night, *options], check=True)
    with night.with_suffix(".csv").open(newline="") as file:
        return night, [(float(row["start"]), float(row["end"]), row["label"]) for row in csv.DictReader(file)]


def family(pid):
    """A process and those that it started."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in family(int(child)))]


def pss_mib(pid):
    """Memory of a process and its children together, shared pages counted once."""
    total = 0
    for one in family(pid):
        try:
            lines = pathlib.Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def timed(command):
    """Seconds, seconds of processors, largest ru_maxrss and largest sum over processes in MiB."""
    begin, most = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        errors = []
        reader = threading.Thread(target=lambda: errors.extend(process.stderr))
        reader.start()
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            most = max(most, pss_mib(process.pid))
            time.sleep(0.2)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        reader.join()
    if process.returncode:
        sys.exit(f"error: {' '.join(map(str, command))}: exit code {process.returncode}: {''.join(errors[-5:])}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, most


def barkbird_rows(path):
    """Rows of JSON lines, (start, end, class, score), and the settings."""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [(row["start"], row["end"], row["label"], row["score"]) for row in events if row["event"] == "detection"]
    return [row for row in rows if row[2] in CLASSES], events[0]["settings"]


def birdnet_classes(folder):
    """The class of each label of BirdNET, and how many labels are left out."""
    codes = json.loads((folder / "codes.json").read_text())
    classes = {}
    for label in (folder / "labels.txt").read_text().splitlines():
        scientific, common = label.split("_", 1)
        if scientific in DOGS:
            classes[label] = "dog"
        elif scientific != common and not codes[label].startswith("t-"):
            classes[label] = "bird"
        else:
            classes[label] = None
    return classes


def birdnet_rows(path, classes, confidence):
    """Rows of a class, (start, end, class, score, label)."""
    with path.open(newline="") as file:
        rows = [(float(row["start"]), float(row["end"]), row["label"], float(row["confidence"])) for row in csv.DictReader(file)]
    return [(a, b, classes[label], score, label) for a, b, label, score in rows if classes[label] and score >= confidence]


def merged(rows, gap_s):
    """Events of windows: (start, end, class)."""
    events = []
    for name in CLASSES:
        spans = sorted((row[0], row[1]) for row in rows if row[2] == name)
        last = None
        for start, end in spans:
            if last and start - last[1] <= gap_s + 1e-6:
                last[1] = max(last[1], end)
            else:
                last = [start, end, name]
                events.append(last)
    return [tuple(event) for event in events]


def overlap_s(a, b):
    return min(a[1], b[1]) - max(a[0], b[0])


def wilson(k, n):
    if not n:
        return "–"
    share, z2 = k / n, Z * Z / n
    middle, half = (share + z2 / 2) / (1 + z2), Z * math.sqrt(share * (1 - share) / n + z2 / n / 4) / (1 + z2)
    return f"{share:.3f} ({max(0, middle - half):.3f}–{min(1, middle + half):.3f}), {k} of {n}"


def f1(counts):
    n_true, n_found, n_events, n_right = counts
    recall, precision = n_found / n_true if n_true else 0, n_right / n_events if n_events else 0
    return 2 * recall * precision / (recall + precision) if recall + precision else 0


def score(truth, events, name):
    """Precision, recall and F1 of a class as text."""
    units = [[0, 0, 0, 0] for _ in truth]
    for unit, clip in zip(units, truth):
        if clip[2] == name:
            unit[0] = 1
            unit[1] = int(any(event[2] == name and overlap_s(clip, event) >= SHORTEST_OVERLAP_S for event in events))
    for event in events:
        if event[2] == name:
            # An event belongs to the clip that it overlaps most, or that is nearest.
            nearest = max(range(len(truth)), key=lambda nth: overlap_s(truth[nth], event))
            units[nearest][2] += 1
            units[nearest][3] += any(clip[2] == name and overlap_s(clip, event) >= SHORTEST_OVERLAP_S for clip in truth)
    total = [sum(column) for column in zip(*units)]
    draw = random.Random(0)
    samples = sorted(f1([sum(column) for column in zip(*draw.choices(units, k=len(units)))]) for _ in range(BOOTSTRAP))
    low, high = samples[int(0.025 * BOOTSTRAP)], samples[int(0.975 * BOOTSTRAP) - 1]
    return wilson(total[3], total[2]), wilson(total[1], total[0]), f"{f1(total):.3f} ({low:.3f}–{high:.3f})"


def called(clips, events, *classes):
    """How many clips an event of these classes overlaps, and of how many."""
    events = [event for event in events if event[2] in classes]
    return sum(any(overlap_s(clip, event) >= SHORTEST_OVERLAP_S for event in events) for clip in clips), len(clips)


def species(truth, rows):
    """Species of birds that BirdNET names in dogs, each with the number of clips."""
    counts = collections.Counter()
    for clip in truth:
        if clip[2] == "dog":
            counts.update({row[4].split("_")[1] for row in rows if row[2] == "bird" and overlap_s(clip, row) >= SHORTEST_OVERLAP_S})
    return counts


def checked(path, truth, classes, confidence):
    """Of the birds that BirdNET names in dogs, in birds and in other sounds: how often barkbird says dog, bird, neither."""
    counts = {part: collections.Counter() for part in ("dog", "bird", "other")}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if classes[row["species_name"]] != "bird" or float(row["confidence"]) < confidence:
                continue
            span = [sum(float(part) * 60**nth for nth, part in enumerate(reversed(row[name].split(":")))) for name in ("start_time", "end_time")]
            found = {clip[2] if clip[2] in CLASSES else "other" for clip in truth if overlap_s(clip, span) >= SHORTEST_OVERLAP_S}
            # A window over clips of two kinds is neither wrong nor right.
            if len(found) == 1:
                counts[found.pop()][row["barkbird_label"]] += 1
    return counts


def alone(truth, events):
    """Events of either class that overlap no clip."""
    return sum(all(overlap_s(clip, event) <= 0 for clip in truth) for event in events)


def main():
    parser = argparse.ArgumentParser()
    for name in ("run", "clips", "out", "birdnet"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--splits", default="")
    parser.add_argument("--alphas", default="")
    arguments, program = sys.argv[1:], sys.argv[1]
    args = parser.parse_args(arguments[1:])
    out = args.out
    night, truth = make_night(converted(args.clips, out, set(filter(None, args.splits.split(",")))), out, args.hours)
    seconds = 3600 * args.hours
    speeds = []

    def run(name, command, result):
        if not args.runs:
            return
        times = []
        for _ in range(args.runs):
            result.unlink(missing_ok=True)
            times.append(timed(command))
        wall, processor, largest, together = (sorted(column) for column in zip(*times))
        middle = args.runs // 2
        spread = f" ({seconds / wall[-1]:.0f}–{seconds / wall[0]:.0f})" if args.runs > 1 else ""
        speeds.append(
            f"| {name} | {seconds / wall[middle]:.0f}{spread} | {processor[middle]:.0f} | {largest[-1]:.0f} | {together[-1]:.0f} |"
        )
        print(speeds[-1], file=sys.stderr)

    def barkbird(name, *options):
        result = out / f"barkbird-{name}.jsonl"
        command = [program, "predict", args.run, night, "--quiet", "--format", "jsonl", "--overwrite", "--out", result, *options]
        run(f"barkbird, {name}", command, result)
        return barkbird_rows(result)

    def birdnet(name, overlap, confidence):
        result = out / f"birdnet-{name}.csv"
        script = SCRIPTS / "peers/birdnet_night.py"
        run(f"BirdNET, {name}", [sys.executable, script, args.birdnet, night, result, str(overlap), str(confidence)], result)
        return birdnet_rows(result, classes, confidence)

    classes = birdnet_classes(args.birdnet)
    if args.alphas:
        names = [(f"alpha {alpha}", alpha) for alpha in args.alphas.split(",")]
        return show(args, truth, speeds, {f"barkbird, {name}": (barkbird(name, "--events", "--alpha", alpha)[0], None) for name, alpha in names}, [])
    events, settings = barkbird("default", "--events")
    windows, _ = barkbird("equal settings", "--overlap", settings["overlap_s"], "--alpha", settings["alpha"])
    windows = [row for row in windows if row[3] >= CONFIDENCE]
    default = birdnet("default", 0, BIRDNET_CONFIDENCE)
    analyzer = [row for row in default if row[3] >= ANALYZER_CONFIDENCE]
    equal = birdnet("equal settings", BIRDNET_WINDOW_S / 2, CONFIDENCE)
    answers = {
        "barkbird, default": (events, None),
        "BirdNET, default": (merged(default, 0), default),
        "BirdNET, confidence 0.25": (merged(analyzer, 0), analyzer),
        "barkbird, equal settings": (merged(windows, MAX_GAP_S), None),
        "BirdNET, equal settings": (merged(equal, MAX_GAP_S), equal),
    }
    table, package = out / "checked.csv", out / "birdnet-default.package.csv"
    subprocess.run([program, "check", package, args.run, "--mark", "dog", "--recordings", night, "--out", table, "--quiet"], check=True)
    lines = [
        "`barkbird check --mark dog` on the table that BirdNET's own package wrote: rows with a species of birds, by what is there, and "
        "what barkbird says of them.",
        "",
        "| BirdNET's confidence | there is | rows | dog (marked) | bird | neither | unsure |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for confidence in (BIRDNET_CONFIDENCE, ANALYZER_CONFIDENCE):
        for part, said in checked(table, truth, classes, confidence).items():
            cells = " | ".join(str(said[label]) for label in ("dog", "bird", "neither", "unsure"))
            lines.append(f"| {confidence} | {part} | {said.total()} | {cells} |")
    show(args, truth, speeds, answers, lines, classes)


def show(args, truth, speeds, answers, more, classes=None):
    """Prints the tables, and writes them to OUT/night.md."""
    n = collections.Counter(clip[2] for clip in truth)
    lines = [
        f"{args.hours:g} hours, {n['bird']} clips of birds, {n['dog']} of dogs and {len(truth) - n['bird'] - n['dog']} of other sounds, "
        f"each once, over pink noise at -60 dBFS; {os.cpu_count()} cores, load {os.getloadavg()[2]:.1f} in the last 15 minutes; {args.runs} run(s).",
        f"Sounds of {args.clips.parent.name}{', splits ' + args.splits if args.splits else ''}.",
        "The clips are those of CLIPS.csv. Where they are of the set Field, choices of barkbird looked at them: its figures are slightly "
        "too good, and those of BirdNET are not. BirdNET may have been trained on some of these recordings of birds.",
        "",
        "| program | times real time | processor time, s | largest process, MiB | all processes, MiB |",
        "| --- | --- | --- | --- | --- |",
        *speeds,
        "",
        "| program | class | precision | recall | F1 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (found, _) in answers.items():
        lines += [f"| {name} | {label} | {' | '.join(score(truth, found, label))} |" for label in CLASSES]
    if classes:
        counts = collections.Counter(classes.values())
        lines.insert(1, f"Labels of BirdNET: {counts['bird']} birds, {counts['dog']} dogs (Dog, Gray Wolf, Coyote), {counts[None]} others left out.")
    lines += [
        "",
        "| program | events | of these without any clip | dogs called bird | birds called dog | others called dog or bird |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    parts = {label: [clip for clip in truth if clip[2] == label] for label in CLASSES}
    others = [clip for clip in truth if clip[2] not in CLASSES]
    for name, (found, _) in answers.items():
        confused = [called(parts["dog"], found, "bird"), called(parts["bird"], found, "dog"), called(others, found, *CLASSES)]
        confused = [wilson(*counted) for counted in confused]
        lines.append(f"| {name} | {len(found)} | {alone(truth, found)} | {' | '.join(confused)} |")
    for name, (_, rows) in answers.items():
        if rows is not None:
            kinds = species(truth, rows).most_common()
            named = ", ".join(f"{kind} {count}" for kind, count in kinds[:12]) or "none"
            lines += ["", f"{name}: {len(kinds)} species of birds in dogs (with clips of dogs): {named}{', …' if len(kinds) > 12 else ''}."]
    text = "\n".join(lines + ["", *more])
    (args.out / "night.md").write_text(text + "\n")
    print(text)


main()
