"""What the tests need: a finished demo, and recordings that cannot be used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterator

import pytest

import barkbird


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--demo", type=Path, help="folder of a finished `barkbird demo` (default: one is made, for a minute)")


@pytest.fixture(scope="session")
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished demo."""
    given = request.config.getoption("--demo")
    if given is not None:
        return Path(given).resolve()
    folder = tmp_path_factory.mktemp("made") / "demo"
    barkbird.run(["demo", "--out", folder])
    return folder


@pytest.fixture
def model(demo: Path) -> Path:
    """Return the run of the demo."""
    return demo / "run"


@pytest.fixture
def recordings(demo: Path, tmp_path: Path) -> Iterator[Path]:
    """Go to a folder with `in/`: a dog, a bird, one cut short, one that is no sound."""
    folder = tmp_path / "in"
    folder.mkdir()
    for label in ("dog", "bird"):
        shutil.copy(min((demo / "sounds" / label).iterdir()), folder / f"{label}.wav")
    (folder / "cut.wav").write_bytes((folder / "dog.wav").read_bytes()[:30_000])
    (folder / "NA.wav").write_bytes(b"no sound\n")
    before = Path.cwd()
    os.chdir(tmp_path)
    yield folder
    os.chdir(before)
