"""Finding and running the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import List

import pytest

import barkbird
from barkbird import _program


def test_errors_have_the_message_of_the_program() -> None:
    with pytest.raises(barkbird.Error) as raised:
        barkbird.predict("no-such-run", "a.wav")
    assert str(raised.value).startswith("no-such-run: no such run")
    assert raised.value.returncode == 1
    assert raised.value.command[3] == "predict"
    with pytest.raises(barkbird.Error, match="unexpected argument '--bogus' found") as wrong:
        barkbird.run(["predict", "--bogus"])
    assert wrong.value.returncode == 2


def test_results_messages_and_progress_come_through(tmp_path: Path) -> None:
    seen: List[str] = []
    arguments = ["synth", "--out", str(tmp_path / "sounds"), "--clips", "8", "--json"]
    completed = barkbird.run(arguments, progress=lambda event: seen.append(event["event"]))
    assert completed.returncode == 0
    assert sum(completed.json()["clips"].values()) == 8
    assert "message" in seen
    assert [event["event"] for event in completed.events] == [kind for kind in seen if kind != "progress"]


def test_progress_is_a_line(model: Path, recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    barkbird.predict(model, recordings, progress=True)
    shown = capsys.readouterr().err
    assert "predict: 4/4, 100 %" in shown
    assert shown.endswith("\r")


def test_an_error_in_a_function_of_the_caller_ends_the_program(model: Path, recordings: Path) -> None:
    def fails(event: barkbird.Event) -> None:
        raise ValueError(event["event"])

    with pytest.raises(ValueError, match="pipeline_started"):
        barkbird.predict(model, recordings, progress=fails)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT between processes")
def test_an_interruption_reaches_the_program_once(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import barkbird, sys
        begun = lambda event: print(event["event"], flush=True)
        try:
            barkbird.run(["demo", "--out", {str(tmp_path / "demo")!r}], progress=begun)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """)
    command = [sys.executable, "-u", "-c", script]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    time.sleep(1.0)
    # As a terminal does: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert rest.splitlines()[-1] == "interrupted"
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    # The program has ended, too: nobody writes to its folder any more.
    before = sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*"))
    time.sleep(0.5)
    assert sorted(path.stat().st_mtime_ns for path in tmp_path.rglob("*")) == before


def test_a_program_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = Path(barkbird.program()).name
    monkeypatch.setattr(_program, "_installed_in", lambda: iter([tmp_path / "nowhere"]))
    monkeypatch.setenv("PATH", str(tmp_path))
    _program.program.cache_clear()
    with pytest.raises(barkbird.Error, match=r"no such program beside .* or on the path; install it with `pip install"):
        barkbird.program()
    if os.name != "nt":
        (tmp_path / name).write_text("#!/bin/sh\necho barkbird 0.0.1\n")
        (tmp_path / name).chmod(0o755)
        monkeypatch.setattr(_program, "__version__", "0.1.0")
        with pytest.raises(barkbird.Error, match=r"expected version 0\.1\.0, got 0\.0\.1"):
            barkbird.program()
        monkeypatch.setattr(_program, "__version__", "0.0.1")
        assert barkbird.program() == str(tmp_path / name)
    _program.program.cache_clear()


def test_the_module_is_the_program() -> None:
    command = [sys.executable, "-m", "barkbird", "-V"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split()[0] == "barkbird"
    if barkbird.__version__ != "unknown":
        assert said.split()[1] == barkbird.__version__
