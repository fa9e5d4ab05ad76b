"""Recordings to data frames."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import barkbird


def test_windows_are_indexed_by_file_and_times(model: Path, recordings: Path) -> None:
    table = barkbird.predict(model, recordings)
    assert table.index.names == ["file", "start_time", "end_time"]
    assert list(table.columns) == ["bird", "dog", "label", "outlier_p", "channel", "truth", "note"]
    assert table.attrs["classes"] == ["bird", "dog"]
    files = table.index.get_level_values("file")
    assert set(files) == {f"{recordings}/{name}.wav" for name in ("dog", "bird", "cut")}
    assert np.allclose(table[["bird", "dog"]].sum(axis=1), 1.0, atol=2e-6)
    assert [str(table[name].dtype) for name in ("bird", "outlier_p", "channel")] == ["float64", "float64", "Int64"]
    assert table.loc[f"{recordings}/dog.wav"]["label"].tolist() == ["dog"]
    cut = table.loc[f"{recordings}/cut.wav"].iloc[0]
    assert "cut short" in cut["note"]
    assert table.loc[f"{recordings}/dog.wav"].iloc[0]["note"] is None
    start, end = table.loc[f"{recordings}/cut.wav"].index[0]
    assert start == 0.0
    assert 0.3 < end < 0.4
    assert table.attrs["provenance"]["model"] == str(model / "model.safetensors")


def test_values_are_those_of_the_program(model: Path, recordings: Path) -> None:
    table = barkbird.predict(model, recordings / "dog.wav", overlap=1)
    said = barkbird.run(["predict", model, recordings / "dog.wav", "--overlap", "1", "--format", "json"]).json()
    assert len(table) == len(said["predictions"])
    rows = table.reset_index().to_dict("records")
    for row, other in zip(rows, said["predictions"]):
        file, start, end = row["file"], row["start_time"], row["end_time"]
        assert (file, row["label"]) == (other["path"], other["label"])
        assert abs(start - other["start"]) <= 5e-4
        assert abs(end - other["end"]) <= 5e-4
        assert abs(row["dog"] - other["probabilities"]["dog"]) <= 1e-6
        assert abs(row["outlier_p"] - other["outlier_p"]) <= 1e-6


def test_recordings_that_cannot_be_used_do_not_vanish(model: Path, recordings: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="barkbird"):
        table = barkbird.predict(model, recordings)
    bad = f"{recordings}/NA.wav"
    assert list(table.attrs["failed"]) == [bad]
    assert "not a sound file" in table.attrs["failed"][bad]
    assert f"{bad}: not a sound file" in caplog.text
    with pytest.raises(barkbird.RecordingsError, match=r"1 recording could not be used: .*not a sound file") as raised:
        barkbird.predict(model, recordings, failed="raise")
    assert raised.value.failed == table.attrs["failed"]
    pd.testing.assert_frame_equal(raised.value.table, table)
    with pytest.raises(barkbird.RecordingsError):
        barkbird.predict_events(model, recordings, failed="raise")
    with pytest.raises(barkbird.Error, match="none of the 1 recordings could be used") as nothing:
        barkbird.predict(model, recordings / "NA.wav")
    assert "not a sound file" in nothing.value.warnings[0]


def test_the_layout_of_opensoundscape_has_classes_alone(model: Path, recordings: Path) -> None:
    table = barkbird.predict(model, [recordings / "dog.wav", recordings / "bird.wav"], layout="opensoundscape")
    assert list(table.columns) == ["bird", "dog"]
    assert table.to_numpy().dtype == float
    assert table.index.names == ["file", "start_time", "end_time"]
    one = barkbird.predict(model, recordings / "dog.wav", per_recording=True)
    assert len(one) == 1


def test_a_class_with_the_name_of_a_column_is_refused(tmp_path: Path) -> None:
    from barkbird._predict import _windows  # noqa: PLC0415

    header = "path,start,end,channel,label,probability,outlier_p,p_note,p_dog,set,evidence,truth,note\n"
    row = 'NA,0.000,1.500,1,dog,0.75,,0.25,0.75,note|dog,"Bow-wow, bark 0.82; Crow 0.1",NA,\n'
    table = tmp_path / "t.csv"
    table.write_text(header + row + "b.wav,,,,,,,,,,,,empty\n")
    with pytest.raises(barkbird.Error, match=r'note: a class has the name of another column; ask for layout="opens'):
        _windows(table, "barkbird")
    windows, failed = _windows(table, "opensoundscape")
    assert windows.index.tolist() == [("NA", 0.0, 1.5)]
    assert failed == {"b.wav": "empty"}
    table.write_text(header.replace("p_note", "p_cat") + row)
    windows, _ = _windows(table, "barkbird")
    first = windows.iloc[0]
    assert first["set"] == ("note", "dog")
    assert first["evidence"] == [("Bow-wow, bark", 0.82), ("Crow", 0.1)]
    assert (first["channel"], first["truth"]) == (1, "NA")
    assert np.isnan(first["outlier_p"])


def test_events_have_their_columns_and_all_recordings(model: Path, recordings: Path) -> None:
    table = barkbird.predict_events(model, recordings, threshold={"dog": 0.6}, max_gap=1.0)
    assert table.index.names == ["file", "start_time", "end_time"]
    assert set(table["label"]) == {"dog", "bird"}
    assert set(table.attrs["recordings"]) == {f"{recordings}/{name}.wav" for name in ("dog", "bird", "cut")}
    assert list(table.attrs["failed"]) == [f"{recordings}/NA.wav"]
    settings = json.loads(table.attrs["provenance"]["settings"]["events"])
    assert (settings["thresholds"], settings["max_gap_s"]) == ({"dog": 0.6}, 1.0)
    assert (table["score"] >= table["mean"]).all()
    assert [str(table[name].dtype) for name in ("low_hz", "channel")] == ["float64", "Int64"]
    assert table["note"].tolist()[0] is None
    none = barkbird.predict_events(model, recordings / "dog.wav", threshold={"dog": 1.0, "bird": 1.0}, reject="none")
    assert none.empty
    assert list(none.columns) == list(table.columns)
    assert len(none.attrs["recordings"]) == 1


def test_a_table_is_kept_where_it_is_named(model: Path, recordings: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    table = barkbird.predict(model, recordings / "dog.wav", out=kept)
    assert len(kept.read_text().splitlines()) == 1 + len(table)
    with pytest.raises(barkbird.Error, match=r"s3://bucket/t\.csv: expected a file of this machine"):
        barkbird.predict(model, recordings / "dog.wav", out="s3://bucket/t.csv")


def test_an_interrupted_run_goes_on(demo: Path, model: Path, tmp_path: Path) -> None:
    def interrupt(event: barkbird.Event) -> None:
        if event["event"] == "file_completed":
            raise KeyboardInterrupt

    kept = tmp_path / "kept.csv"
    with pytest.raises(KeyboardInterrupt):
        barkbird.predict(model, demo / "sounds", out=kept, progress=interrupt)
    assert not kept.exists()
    assert (tmp_path / "kept.csv.journal").exists()
    done = []
    table = barkbird.predict(model, demo / "sounds", out=kept, resume=True, progress=lambda event: done.append(event["event"]))
    assert 0 < done.count("file_completed") < len(table)
    whole = tmp_path / "whole.csv"
    barkbird.predict(model, demo / "sounds", out=whole)
    assert kept.read_bytes() == whole.read_bytes()


def test_inputs_that_are_none_are_refused(model: Path) -> None:
    with pytest.raises(barkbird.Error, match="inputs: none"):
        barkbird.predict(model, [])
    with pytest.raises(barkbird.Error, match="standard input"):
        barkbird.predict(model, ["-"])
