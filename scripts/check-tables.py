"""Tables of `predict` as other tools read them, beside the JSON lines of the same run. Called by check-tables.sh.

    python check-tables.py TABLES RECORDINGS

TABLES has the folders windows-together, events-together, windows-separate and events-separate. The readers:

    csv               pandas
    parquet           pyarrow
    raven             crowsetta, the format "raven" (OpenSoundscape needs PyTorch)
    audacity          crowsetta, the format "aud-bbox", which has the band in a second line; "aud-seq" where no row has a band
    birdnet           BirdNET-Analyzer's parser (birdnet_analyzer/segments/utils.py), which cuts the segments out of recordings
    birdnet-table     the same
    kaleidoscope      Python's csv, with the columns of Kaleidoscope's id.csv (no open reader of them was found)

Rows are compared in order: path, times to the millisecond, label, and score to the decimals that the format has.
"""

import contextlib
import csv
import importlib
import io
import json
import pathlib
import sys
import types

import crowsetta
import pandas
import pyarrow.parquet

KALEIDOSCOPE = ["INDIR", "FOLDER", "IN FILE", "OFFSET", "DURATION", "TOP1MATCH", "TOP1DIST"]
# How a table is called: with others in a folder, and after the name of its recording.
NAMES = {
    "csv": ("detections.csv", ".csv"),  # windows.csv of windows
    "parquet": ("detections.parquet", ".parquet"),
    "raven": ("detections.selections.txt", ".selections.txt"),
    "audacity": (None, ".txt"),
    "birdnet": ("BirdNET_CombinedTable.csv", ".BirdNET.results.csv"),
    "birdnet-table": ("BirdNET_SelectionTable.txt", ".BirdNET.selection.table.txt"),
    "kaleidoscope": ("id.csv", ".id.csv"),
}
READERS = {
    "csv": "pandas",
    "parquet": "pyarrow",
    "raven": "crowsetta",
    "audacity": "crowsetta",
    "birdnet": "BirdNET-Analyzer",
    "birdnet-table": "BirdNET-Analyzer",
    "kaleidoscope": "csv",
}
# Half of a score's last decimal, and a little for binary fractions.
SCORE = {"csv": 5e-7, "parquet": 0, "raven": 5e-5, "audacity": 5e-3, "birdnet": 5e-5, "birdnet-table": 5e-5, "kaleidoscope": 5e-5}
# Formats that have windows of every label. The others have those of a class.
EVERY_LABEL = ("csv", "parquet")
NO_CLASS = ("neither", "unsure")
EPSILON = 1e-7
TIME_MS = 1e-3


def birdnet_segments():
    """BirdNET-Analyzer's parser. What it imports to cut sounds needs librosa and is not used here."""
    sys.modules["birdnet_analyzer.audio"] = types.ModuleType("birdnet_analyzer.audio")
    segments = importlib.import_module("birdnet_analyzer.segments.utils")
    # What the option --min_conf sets. The default leaves out what is below 0.25; at 0 the header counts as a row of confidence 0.
    segments.cfg.MIN_CONFIDENCE = 1e-6
    return segments


class Reference:
    """The JSON lines: rows, and where each recording starts if they follow each other. `path` is that of the last recording."""

    def __init__(self, path):
        self.rows, self.bands, self.starts_ms, self.path, seconds = [], [], {}, None, 0.0
        events = [json.loads(line) for line in path.read_text().splitlines()]
        if events[-1]["event"] != "finished":
            sys.exit(f"error: {path}: incomplete: its last line is not `finished`")
        for event in events:
            if event["event"] == "recording":
                self.path = event["path"]
                self.starts_ms[self.path] = 1000 * seconds
                seconds += event["seconds"]
            elif event["event"] == "detection":
                self.rows.append((event["path"], 1000 * event["start"], 1000 * event["end"], event["label"], event["score"]))
                self.bands.append(event["low_hz"] is not None)

    def labeled(self):
        """The same without windows that have no class, for formats that leave them out."""
        kept = [(row, band) for row, band in zip(self.rows, self.bands) if row[3] not in NO_CLASS]
        other = object.__new__(Reference)
        other.__dict__ = self.__dict__ | {"rows": [row for row, _ in kept], "bands": [band for _, band in kept]}
        return other


def read_csv(path, reference):
    table = pandas.read_csv(path)
    table = table[table["start"].notna()]
    score = "score" if "score" in table else "probability"
    return [(row["path"], 1000 * row["start"], 1000 * row["end"], row["label"], row[score]) for _, row in table.iterrows()]


def read_parquet(path, reference):
    rows = pyarrow.parquet.read_table(path).to_pylist()
    return [(row["path"], row["start_ms"], row["end_ms"], row["label"], row["score"]) for row in rows]


def read_raven(path, reference):
    if not reference.rows:
        # crowsetta refuses tables without rows.
        return [] if len(path.read_text().splitlines()) == 1 else None
    table = crowsetta.formats.bbox.Raven.from_file(path, annot_col="Label")
    rows = []
    for box, (_, row) in zip(table.to_bbox(), table.df.iterrows()):
        offset_ms, length_ms = 1000 * row["File Offset (s)"], 1000 * (box.offset - box.onset)
        # Where Raven places it when it opens all recordings as one: rounded to a millisecond on both sides.
        expected_ms = reference.starts_ms[row["Begin Path"]] + offset_ms
        if abs(1000 * box.onset - expected_ms) > 1:
            raise ValueError(f"Begin Time (s): expected {expected_ms / 1000:.3f}, got {box.onset}")
        rows.append((row["Begin Path"], offset_ms, offset_ms + length_ms, box.label, row["Score"]))
    return rows


def read_audacity(path, reference):
    if not reference.rows:
        return [] if not path.read_text() else None
    if any(reference.bands):
        rows = [(box.onset, box.offset, box.label) for box in crowsetta.formats.bbox.AudBBox.from_file(path).to_bbox()]
    else:
        track = crowsetta.formats.seq.AudSeq.from_file(path)
        rows = zip(track.start_times, track.end_times, track.labels)
    rows = [(start, end, *label.rsplit(" ", 1)) for start, end, label in rows]
    return [(None, 1000 * start, 1000 * end, label, float(score)) for start, end, label, score in rows]


def read_birdnet(path, reference):
    if path.name in (NAMES["birdnet"][0], NAMES["birdnet-table"][0]):
        found = SEGMENTS.find_segments_from_combined(str(path))
    else:
        # Its caller names the recording.
        found = SEGMENTS.find_segments(reference.path, str(path))
    return [(row["audio"], 1000 * row["start"], 1000 * row["end"], row["species"], row["confidence"]) for row in found]


def read_kaleidoscope(path, reference):
    with path.open(newline="") as file:
        table = csv.DictReader(file)
        if table.fieldnames != KALEIDOSCOPE:
            raise ValueError(f"expected the columns {KALEIDOSCOPE}, got {table.fieldnames}")
        rows = []
        for row in table:
            start_ms = 1000 * float(row["OFFSET"])
            folders = [folder for folder in (row["INDIR"], row["FOLDER"]) if folder]
            sound = "/".join([*folders, row["IN FILE"]])
            rows.append((sound, start_ms, start_ms + 1000 * float(row["DURATION"]), row["TOP1MATCH"], 1 - float(row["TOP1DIST"])))
        return rows


READ = {
    "csv": read_csv,
    "parquet": read_parquet,
    "raven": read_raven,
    "audacity": read_audacity,
    "birdnet": read_birdnet,
    "birdnet-table": read_birdnet,
    "kaleidoscope": read_kaleidoscope,
}


def compare(form, read, reference):
    """Largest differences of times (ms) and scores; a problem as text where there is one."""
    if read is None or len(read) != len(reference.rows):
        return 0, 0, f"expected {len(reference.rows)} rows, got {'others' if read is None else len(read)}"
    most_ms = most_score = 0
    for nth, (got, expected) in enumerate(zip(read, reference.rows), 1):
        names = ("path", "label") if got[0] is not None else ("label",)
        for name, at in (("path", 0), ("label", 3)):
            if name in names and got[at] != expected[at]:
                return most_ms, most_score, f"row {nth}: {name}: expected {expected[at]!r}, got {got[at]!r}"
        most_ms = max(most_ms, abs(got[1] - expected[1]), abs(got[2] - expected[2]))
        most_score = max(most_score, abs(got[4] - expected[4]))
    if most_ms > TIME_MS:
        return most_ms, most_score, f"times differ by {most_ms:.3f} ms"
    if most_score > SCORE[form] + EPSILON:
        return most_ms, most_score, f"scores differ by {most_score:.6f}"
    return most_ms, most_score, None


def check(form, tables):
    """Reads (table, reference) pairs: rows that agree, largest differences, and problems."""
    n_rows, most_ms, most_score, problems = 0, 0, 0, []
    for path, reference in tables:
        try:
            ms, score, problem = compare(form, READ[form](path, reference), reference)
        # Whatever a reader raises is its way to reject a table.
        except Exception as error:
            ms, score, problem = 0, 0, f"rejected: {type(error).__name__}: {error}"
        if problem:
            problems.append((path, problem))
            continue
        n_rows, most_ms, most_score = n_rows + len(reference.rows), max(most_ms, ms), max(most_score, score)
    return n_rows, most_ms, most_score, problems


def unpaired(recordings, tables):
    """Recordings whose tables BirdNET-Analyzer does not find. It is asked folder by folder: of folders in folders it compares names
    after str.strip, which removes letters, and so finds some of them or none."""
    problems = []
    for folder in sorted({path.parent for path in tables.rglob("*.jsonl")}):
        n_tables = len(list(folder.glob("*.jsonl")))
        with contextlib.redirect_stdout(io.StringIO()):
            n_found = len(SEGMENTS.parse_folders(str(recordings / folder.relative_to(tables)), str(folder)))
        if n_found < n_tables:
            problems.append((folder, f"BirdNET-Analyzer found tables of {n_found} recordings, expected {n_tables}"))
    return problems


def main():
    tables, recordings = pathlib.Path(sys.argv[1]), sys.argv[2]
    failed = []
    print("| rows | tables | format | reader | rows read | largest difference: times, ms | scores | |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for rows in ("windows", "events"):
        together = tables / f"{rows}-together"
        one = Reference(together / "detections.jsonl")
        separate = tables / f"{rows}-separate"
        many = [(path.with_suffix(""), Reference(path)) for path in sorted(separate.rglob("*.jsonl"))]
        if sorted(one.rows) != sorted(row for _, reference in many for row in reference.rows):
            failed.append((separate, "separate JSON lines have other rows than those together"))
        for form, (name, ending) in NAMES.items():
            parts = [("one each", [(pathlib.Path(f"{stem}{ending}"), reference) for stem, reference in many])]
            if name:
                name = "windows.csv" if (form, rows) == ("csv", "windows") else name
                parts.insert(0, ("one", [(together / name, one)]))
            for part, pairs in parts:
                if form not in EVERY_LABEL:
                    pairs = [(path, reference.labeled()) for path, reference in pairs]
                n_rows, most_ms, most_score, problems = check(form, pairs)
                failed += problems
                verdict = f"{len(problems)} of {len(pairs)} tables differ" if problems else "equal"
                # Differences of binary fractions are no differences.
                most_ms = most_ms if most_ms > TIME_MS else 0
                print(f"| {rows} | {part} | `{form}` | {READERS[form]} | {n_rows} | {most_ms:.3f} | {most_score:.6f} | {verdict} |")
        failed += unpaired(pathlib.Path(recordings), separate)
    for problem in dict.fromkeys(problem for _, problem in failed):
        path = next(path for path, other in failed if other == problem)
        print(f"{path.relative_to(tables)}: {problem}", file=sys.stderr)
    if failed:
        sys.exit(f"error: {len(failed)} tables are not read as they were meant")


SEGMENTS = birdnet_segments()
main()
