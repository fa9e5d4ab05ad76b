"""Recordings to data frames."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Literal, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import pandas as pd

from ._errors import Error, RecordingsError
from ._program import Completed, PathLike, Progress, run

#: The index of both tables: the recording, and seconds in it.
INDEX = ["file", "start_time", "end_time"]
#: Columns of `predict` that are no classes, as far as the program writes them.
_BESIDE = ["label", "outlier_p", "set", "evidence", "channel", "truth", "note"]
_CLASS_PREFIX = "p_"

Inputs = Union[PathLike, Sequence[PathLike]]
Failed = Literal["warn", "raise"]


def predict(
    model: PathLike,
    inputs: Inputs,
    *,
    layout: Literal["barkbird", "opensoundscape"] = "barkbird",
    failed: Failed = "warn",
    per_recording: bool = False,
    overlap: Optional[float] = None,
    unsure_below: Optional[float] = None,
    reject: Optional[str] = None,
    alpha: Optional[float] = None,
    coverage: Optional[float] = None,
    evidence: bool = False,
    out: Optional[PathLike] = None,
    resume: bool = False,
    overwrite: bool = False,
    device: Optional[str] = None,
    threads: Optional[int] = None,
    arguments: Sequence[str] = (),
    progress: Progress = False,
) -> pd.DataFrame:
    """Classify recordings: a row a window, a column a class.

    The index is (``file``, ``start_time``, ``end_time``), times in seconds from the start of the recording. The columns of
    the classes come first, in the order of the model, and hold probabilities (float64, 0 to 1, six decimals; a row adds up to
    1). Then follow:

    - ``label``: a class, ``"unsure"`` or ``"neither"``. Read it before the probabilities: those of a sound of no class add up
      to 1, too. docs/predict.md says how it is chosen.
    - ``outlier_p``: the share of known sounds that are at least as unusual, 0 to 1; NaN for a model without a detector.
    - ``set``: with `coverage`, a tuple of the classes that it may be.
    - ``evidence``: with `evidence`, a list of pairs (class of the pretrained network, probability).
    - ``channel``: from 0, or <NA> for mixed channels.
    - ``truth``: the label of a manifest, or None.
    - ``note``: damage of the recording, or None.

    ``attrs`` of the frame has ``classes`` (names), ``failed`` (why, by recording that could not be used) and ``provenance``
    (program, model, SHA-256, settings).

    Args:
        model: Folder of a run, or a model file.
        inputs: A recording, a folder, a manifest (CSV), or several of them; URLs of buckets, too.
        layout: "opensoundscape" leaves out all columns that are not classes, and with them `neither` and `unsure`.
        failed: "warn" logs recordings that could not be used and lists them in ``attrs``; "raise" raises RecordingsError,
            which has the table of all others.
        per_recording: A row a recording.
        overlap: Overlap of consecutive windows in seconds.
        unsure_below: Minimum probability of a class.
        reject: Detector of unknown sounds: a method that the model has, "auto" or "none".
        alpha: Maximum false-rejection rate.
        coverage: Probability with which ``set`` has the true class (a model of `barkbird fit`).
        evidence: Name the strongest of the pretrained network's own classes.
        out: Keep the table (CSV) in this file; beside it is the journal by which `resume` goes on after an interruption.
        resume: Go on where a run with the same `out` was broken off.
        overwrite: Begin again where one was broken off.
        device: "auto", "cpu", "cuda", "cuda:N" or "metal".
        threads: Number of threads.
        arguments: More words of the command line, such as ``["--memory", "512"]``.
        progress: True shows a line on stderr, a function gets each event of docs/predict.md.

    Raises:
        Error: Nothing could be classified; the message is that of the program.
        RecordingsError: With ``failed="raise"``.
        KeyboardInterrupt: It was interrupted.
    """
    flags = _flags(
        per_recording=per_recording,
        overlap=overlap,
        unsure_below=unsure_below,
        reject=reject,
        alpha=alpha,
        coverage=coverage,
        evidence=evidence,
        resume=resume,
        overwrite=overwrite,
        device=device,
        threads=threads,
    )
    with tempfile.TemporaryDirectory() as work:
        path = _path(out, work, "windows.csv")
        words = [*flags, "--format", "csv", "--out", os.fspath(path), *arguments]
        completed = _predict(model, inputs, words, progress)
        table, reasons = _windows(path, layout)
        table.attrs["provenance"] = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    return _checked(table, reasons, failed, completed)


def predict_events(
    model: PathLike,
    inputs: Inputs,
    *,
    failed: Failed = "warn",
    threshold: Union[float, Mapping[str, float], None] = None,
    target_precision: Optional[float] = None,
    low: Optional[float] = None,
    smooth: Optional[int] = None,
    max_gap: Optional[float] = None,
    min_length: Optional[float] = None,
    overlap: Optional[float] = None,
    reject: Optional[str] = None,
    alpha: Optional[float] = None,
    out: Optional[PathLike] = None,
    resume: bool = False,
    overwrite: bool = False,
    device: Optional[str] = None,
    threads: Optional[int] = None,
    arguments: Sequence[str] = (),
    progress: Progress = False,
) -> pd.DataFrame:
    """Find the stretches of recordings in which a class sounds: a row an event.

    The index is (``file``, ``start_time``, ``end_time``), times in seconds from the start of the recording. The columns are
    ``label`` (a class), ``score`` and ``mean`` (highest and mean probability), ``outlier_p`` (small for an unknown sound),
    ``share`` (of the event's windows whose own label is its class), ``low_hz`` and ``high_hz`` (the band of the model in Hz),
    ``channel`` (from 0, or <NA> for mixed channels), ``recording_s`` (length of the recording in seconds), ``recorded`` (real
    time of the start), ``latitude`` and ``longitude`` (degrees), and ``note`` (damage). docs/tables.md says how
    events are made.

    ``attrs`` of the frame has ``recordings`` (seconds by recording, those without events, too), ``failed`` (why, by recording
    that could not be used) and ``provenance``.

    Args:
        model: Folder of a run, or a model file.
        inputs: A recording, a folder, a manifest (CSV), or several of them; URLs of buckets, too.
        failed: As for `predict`.
        threshold: Score that an event reaches somewhere, for all classes or by class.
        target_precision: In its place: the thresholds with this precision on held-out clips (a model of `barkbird fit`).
        low: Share of the threshold below which an event ends.
        smooth: Stretches between window borders that a score is averaged over, an odd number.
        max_gap: Longest gap in seconds between two events of a class that become one.
        min_length: Shortest event in seconds.
        overlap: Overlap of consecutive windows in seconds; half a window if not given.
        reject: Detector of unknown sounds: a method that the model has, "auto" or "none".
        alpha: Maximum false-rejection rate of a window.
        out: Keep the table (JSON lines) in this file; beside it is the journal by which `resume` goes on.
        resume: Go on where a run with the same `out` was broken off.
        overwrite: Begin again where one was broken off.
        device: "auto", "cpu", "cuda", "cuda:N" or "metal".
        threads: Number of threads.
        arguments: More words of the command line.
        progress: True shows a line on stderr, a function gets each event of docs/predict.md.

    Raises:
        Error: Nothing could be classified; the message is that of the program.
        RecordingsError: With ``failed="raise"``.
        KeyboardInterrupt: It was interrupted.
    """
    if isinstance(threshold, Mapping):
        threshold_text: Optional[str] = ",".join(f"{name}={value}" for name, value in threshold.items())
    else:
        threshold_text = None if threshold is None else str(threshold)
    flags = _flags(
        events=True,
        threshold=threshold_text,
        target_precision=target_precision,
        low=low,
        smooth=smooth,
        max_gap=max_gap,
        min_length=min_length,
        overlap=overlap,
        reject=reject,
        alpha=alpha,
        resume=resume,
        overwrite=overwrite,
        device=device,
        threads=threads,
    )
    with tempfile.TemporaryDirectory() as work:
        path = _path(out, work, "events.jsonl")
        words = [*flags, "--format", "jsonl", "--out", os.fspath(path), *arguments]
        completed = _predict(model, inputs, words, progress)
        table, reasons = _events(path)
    return _checked(table, reasons, failed, completed)


def _path(out: Optional[PathLike], work: str, name: str) -> Path:
    if out is not None and "://" in os.fspath(out):
        raise Error(f"{os.fspath(out)}: expected a file of this machine; barkbird.run(['predict', ...]) writes to a bucket")
    return Path(work, name) if out is None else Path(out)


def _flags(**options: Union[bool, float, str, None]) -> List[str]:
    """``overlap=1.5`` to ``--overlap=1.5``; False and None are left out."""
    words = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            words.append(f"{flag}={value}")
    return words


def _predict(model: PathLike, inputs: Inputs, words: Sequence[str], progress: Progress) -> Completed:
    paths = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    if not paths:
        raise Error("inputs: none; expected a recording, a folder, a manifest, or several of them")
    # Standard input is for a terminal.
    if any(os.fspath(path) == "-" for path in paths):
        raise Error("-: standard input cannot be read from Python; write the recording to a file")
    return run(["predict", *words, "--", model, *paths], progress=progress)


def _checked(table: pd.DataFrame, reasons: Dict[str, str], failed: Failed, completed: Completed) -> pd.DataFrame:
    table.attrs["failed"] = reasons
    if reasons and failed == "raise":
        raise RecordingsError(reasons, table, command=completed.command)
    return table


def _windows(path: Path, layout: str) -> Tuple[pd.DataFrame, Dict[str, str]]:
    """The CSV of windows as a data frame, and why recordings could not be used."""
    # No name of a file or class may become "not known", nor a number.
    rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    skipped = rows["start"] == ""
    reasons = dict(zip(rows.loc[skipped, "path"], rows.loc[skipped, "note"]))
    rows = rows[~skipped].reset_index(drop=True)
    columns = [name for name in rows.columns if name.startswith(_CLASS_PREFIX)]
    classes = [name[len(_CLASS_PREFIX) :] for name in columns]
    index = pd.MultiIndex.from_arrays([rows["path"], _numbers(rows["start"]), _numbers(rows["end"])], names=INDEX)
    table = pd.DataFrame({name: _numbers(rows[column]) for name, column in zip(classes, columns)})
    if layout == "barkbird":
        beside = {name: _BESIDE_AS.get(name, _text)(rows[name]) for name in _BESIDE if name in rows}
        for name in beside:
            if name in classes:
                raise Error(f'{name}: a class has the name of another column; ask for layout="opensoundscape"')
        table = table.assign(**beside)
    table.index = index
    table.attrs["classes"] = classes
    return table, reasons


def _events(path: Path) -> Tuple[pd.DataFrame, Dict[str, str]]:
    """The JSON lines of events as a data frame, and why recordings could not be used."""
    rows: List[Dict[str, Any]] = []
    recordings: Dict[str, float] = {}
    reasons: Dict[str, str] = {}
    provenance: Dict[str, Any] = {}
    finished = False
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            kind = row.pop("event")
            if kind == "detection":
                rows.append(row)
            elif kind == "recording":
                recordings[row["path"]] = row["seconds"]
            elif kind == "skipped":
                reasons[row["path"]] = row["reason"]
            elif kind == "provenance":
                provenance = row
            elif kind == "finished":
                finished = True
    if not finished:
        raise Error(f"{path}: incomplete: it has no line `finished`")
    table = pd.DataFrame(rows, columns=["path", "start", "end", *_EVENT_COLUMNS])
    table = table.astype({name: kind for name, kind in _EVENT_COLUMNS.items() if kind != "object"})
    table = table.astype({"start": "float64", "end": "float64"})
    for name, kind in _EVENT_COLUMNS.items():
        if kind == "object":
            table[name] = _none(table[name])
    table = table.set_index(["path", "start", "end"]).rename_axis(INDEX)
    table.attrs["recordings"] = {file: seconds for file, seconds in recordings.items() if file not in reasons}
    table.attrs["provenance"] = provenance
    return table, reasons


#: Columns of events, and their types.
_EVENT_COLUMNS = {
    "label": "object",
    "score": "float64",
    "mean": "float64",
    "outlier_p": "float64",
    "share": "float64",
    "low_hz": "float64",
    "high_hz": "float64",
    "channel": "Int64",
    "recording_s": "float64",
    "recorded": "object",
    "latitude": "float64",
    "longitude": "float64",
    "note": "object",
}


def _numbers(column: pd.Series[str]) -> pd.Series[float]:
    """Decimals to the nearest float64; an empty field is NaN."""
    numbers: pd.Series[float] = column.where(column != "", "nan").astype(np.float64)
    return numbers


def _text(column: pd.Series[str]) -> pd.Series[Any]:
    return _none(column.where(column != "", None))


def _none(column: pd.Series[Any]) -> pd.Series[Any]:
    """Text as Python strings, None for what is not there, whatever the version of pandas makes of text."""
    values = [value if isinstance(value, str) else None for value in column]
    return pd.Series(values, index=column.index, dtype=object)


def _channels(column: pd.Series[str]) -> pd.Series[Any]:
    return _numbers(column).astype("Int64")


def _sets(column: pd.Series[str]) -> pd.Series[Any]:
    return pd.Series([tuple(text.split("|")) if text else () for text in column], index=column.index, dtype=object)


def _pairs(column: pd.Series[str]) -> pd.Series[Any]:
    """``Bark 0.82; Crow 0.11`` to pairs."""
    cells = []
    for text in column:
        pairs = [pair.rpartition(" ") for pair in text.split("; ")] if text else []
        cells.append([(name, float(value)) for name, _, value in pairs])
    return pd.Series(cells, index=column.index, dtype=object)


#: What is made of a column that is no text.
_BESIDE_AS = {"outlier_p": _numbers, "set": _sets, "evidence": _pairs, "channel": _channels}
