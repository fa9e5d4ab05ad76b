"""Shards and model files, beside the package safetensors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import barkbird


def test_shards_are_what_safetensors_reads(demo: Path) -> None:
    shards = barkbird.load_shards(demo / "features")
    shards.verify()
    assert shards.schema == "spectrogram/1"
    assert shards.classes == ["bird", "dog"]
    assert sum(len(shard) for shard in shards) == shards.n_clips
    for shard in shards:
        other = load_file(shard.path)
        assert set(other) == set(shard.arrays)
        for name, array in shard.arrays.items():
            assert array.dtype == other[name].dtype
            assert np.array_equal(array, other[name])
            assert not array.flags.writeable
            assert array.base is not None
    joined = shards.arrays()
    assert len(joined["mel"]) == shards.n_clips
    assert len(shards[0:2]) == 2


def test_the_table_says_where_each_clip_is(demo: Path) -> None:
    shards = barkbird.load_shards(demo / "features")
    table = shards.table()
    assert len(table) == shards.n_clips
    assert table["id"].is_unique
    assert set(table["label"].dropna()) == {"bird", "dog"}
    parts = {split: shards.arrays(split) for split in shards.splits}
    counts = table["split"].value_counts()
    assert {split: len(part["label"]) for split, part in parts.items()} == {split: counts[split] for split in shards.splits}
    last = table.iloc[-1]
    shard = shards[last["shard"]]
    assert shard.clips[last["row"]]["id"] == last["id"]
    assert shard.arrays["frames"][last["row"]] == last["frames"]
    with pytest.raises(barkbird.Error, match="split nothing: expected one of"):
        shards.arrays("nothing")


def test_embeddings_are_read_too(demo: Path, tmp_path: Path) -> None:
    barkbird.run(["embed", demo / "run", "--features", demo / "features", "--out", tmp_path / "embeddings"])
    shards = barkbird.load_shards(tmp_path / "embeddings")
    arrays = shards.arrays("test")
    assert shards.schema == "embedding/1"
    assert arrays["embedding"].shape[0] == arrays["logits"].shape[0] == len(arrays["label"])
    assert arrays["logits"].shape[1] == 2
    right = arrays["logits"].argmax(axis=1) == arrays["label"]
    assert right.mean() > 0.8


def test_a_model_is_read(demo: Path) -> None:
    model = barkbird.load_model(demo / "run")
    assert model.path == demo / "run" / "model.safetensors"
    assert (model.classes, model.architecture["kind"]) == (["bird", "dog"], "cnn")
    assert model.front_end["spectrogram"]["kind"]["mel"]["n_mels"] == len(model.header["normalization"]["mean"])
    other = load_file(model.path)
    assert {**model.weights, **model.detectors}.keys() == other.keys()
    assert all(np.array_equal(array, other[name]) for name, array in model.weights.items())
    assert model.detectors
    assert model.temperature is None or model.temperature > 0


def test_files_that_are_not_as_they_should_be_are_errors(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(barkbird.Error, match=r"index\.json: cannot be read: .*; expected a folder that a stage"):
        barkbird.load_shards(tmp_path)
    folder = tmp_path / "features"
    shutil.copytree(demo / "features", folder, ignore=shutil.ignore_patterns("cache"))
    first = folder / "shard-00000.safetensors"
    whole = first.read_bytes()
    first.write_bytes(whole[:-1])
    with pytest.raises(barkbird.Error, match=rf"shard-00000.safetensors: expected {len(whole)} bytes, got {len(whole) - 1}"):
        barkbird.load_shards(folder)[0]
    first.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(barkbird.Error, match="expected SHA-256"):
        barkbird.load_shards(folder).verify()
    first.write_bytes(b"\xff" * len(whole))
    with pytest.raises(barkbird.Error, match="expected a safetensors file"):
        barkbird.load_shards(folder)[0]
    with pytest.raises(barkbird.Error, match="metadata `model`"):
        barkbird.load_model(folder / "shard-00001.safetensors")
    with pytest.raises(barkbird.Error, match="cannot be read"):
        barkbird.load_model(tmp_path / "none.safetensors")
    for text in (
        b"[]",
        b'{"__metadata__": 3}',
        b'{"__metadata__":{"model":"{}"},"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4]}}',
        b'{"__metadata__":{"model":"{}"},"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}',
        b'{"__metadata__":{"model":"[]"}}',
        b'{"__metadata__":{"model":"{\\"schema\\":\\"model/1\\"}"}}',
    ):
        bad = tmp_path / "bad.safetensors"
        bad.write_bytes(len(text).to_bytes(8, "little") + text + b"1234")
        with pytest.raises(barkbird.Error, match=r"bad\.safetensors: "):
            barkbird.load_model(bad)
    index = json.loads((folder / "index.json").read_text())
    for change, expected in (
        (
            {"shards": [{**index["shards"][0], "file": "../elsewhere"}]},
            r"expected shard-00000\.safetensors, got \.\./elsewhere",
        ),
        ({"n_clips": 3}, r"expected 3 clips, got \d+ in its shards"),
        ({"shards": 3}, "expected the index of a folder of shards"),
        ({"schema": "spectrogram/9"}, "expected schema spectrogram/1 or embedding/1, got spectrogram/9"),
    ):
        (folder / "index.json").write_text(json.dumps({**index, **change}))
        with pytest.raises(barkbird.Error, match=expected):
            barkbird.load_shards(folder)
    (folder / "index.json").write_text("[" * 100_000)
    with pytest.raises(barkbird.Error, match="expected JSON"):
        barkbird.load_shards(folder)
    (tmp_path / "short").write_bytes(b"abc")
    with pytest.raises(barkbird.Error, match="expected a safetensors file"):
        barkbird.load_model(tmp_path / "short")
