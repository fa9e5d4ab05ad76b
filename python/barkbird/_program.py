"""The program: where it is, and running it."""

from __future__ import annotations

import errno
import functools
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from ._errors import Error
from ._version import __version__

#: One line of ``--progress json``: ``event`` names it, ``payload`` has its fields. docs/predict.md lists them.
Event = Mapping[str, Any]
#: True: a line on stderr; a function: it gets each event; False: nothing.
Progress = Union[bool, Callable[[Event], None]]
#: A path, or the URL of a bucket.
PathLike = Union[str, "os.PathLike[str]"]

#: Warnings of the program have the level WARNING here, its messages INFO. Unless logging is set up, Python shows warnings on
#: stderr.
log = logging.getLogger("barkbird")

#: Exit code where the work is done, except for recordings that could not be used.
INCOMPLETE = 3


@dataclass(frozen=True)
class Completed:
    """A command that has ended well.

    Attributes:
        command: The words of the command.
        returncode: 0, or 3 where some recordings could not be used.
        stdout: What it wrote to standard output; with ``--json`` the result.
        warnings: What it warned of.
        events: Events, except for `progress` and `file_completed`, which are as many as recordings.
    """

    command: List[str]
    returncode: int
    stdout: str
    warnings: List[str] = field(default_factory=list)
    events: List[Event] = field(default_factory=list)

    def json(self) -> Any:
        """Return the result of a command that was run with ``--json``."""
        return json.loads(self.stdout)


@functools.cache
def program() -> str:
    """Return the path of the program.

    The one that was installed with this package comes first, then one on the path, which has to have the same version.

    Raises:
        Error: There is none, or one of another version.
    """
    name = "barkbird" + (sysconfig.get_config_var("EXE") or "")
    for folder in _installed_in():
        if os.access(folder / name, os.X_OK):
            return str(folder / name)
    on_path = shutil.which(name)
    if on_path is None:
        raise Error(f"{name}: no such program beside {sys.executable} or on the path; install it with `pip install barkbird`")
    said = subprocess.run([on_path, "-V"], capture_output=True, text=True, check=False).stdout.split()
    if __version__ not in ("unknown", *said[1:2]):
        raise Error(f"{on_path}: expected version {__version__}, got {' '.join(said[1:2]) or 'no version'}")
    return on_path


def _installed_in() -> Iterator[Path]:
    """Folders that pip puts programs into, the most likely ones first."""
    yield Path(sysconfig.get_path("scripts"))
    # pip install --user
    scheme = "nt_user" if os.name == "nt" else "osx_framework_user" if sys.platform == "darwin" else "posix_user"
    if scheme in sysconfig.get_scheme_names():
        yield Path(sysconfig.get_path("scripts", scheme=scheme))
    # pip install --target
    yield Path(__file__).parent.parent / "bin"


def run(arguments: Sequence[PathLike], *, progress: Progress = False) -> Completed:
    """Run a command, such as ``run(["scan", "recordings", "--out", "manifest.csv"])``.

    Ctrl-C (or an interrupted cell of a notebook) asks the program to stop after the step it is in, so that what is done is
    kept, and then raises KeyboardInterrupt; a second one ends it at once.

    Args:
        arguments: The words after ``barkbird``.
        progress: True shows a line on stderr, a function gets each event.

    Raises:
        Error: The command failed; the message is that of the program.
        KeyboardInterrupt: It was interrupted.
    """
    command = [program(), "--progress", "json", *(os.fspath(word) for word in arguments)]
    with tempfile.TemporaryFile() as stdout:
        process = _start(command, stdout)
        with process:
            try:
                heard = _listen(process, progress)
            except BaseException as error:
                _stop(process, interrupted=isinstance(error, KeyboardInterrupt))
                raise
        stdout.seek(0)
        text = stdout.read().decode("utf-8")
    if process.returncode not in (0, INCOMPLETE):
        raise Error(
            heard.message(process.returncode),
            command=command,
            returncode=process.returncode,
            warnings=heard.warnings,
        )
    return Completed(command, process.returncode, text, heard.warnings, heard.events)


def _start(command: List[str], stdout: Any) -> subprocess.Popen[bytes]:
    """Start in a process group of its own: signals of a terminal reach Python alone, which passes them on once."""
    apart: Dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, **apart)
    except OSError as error:
        advice = "; name a folder or a manifest in place of many files" if error.errno == errno.E2BIG else ""
        raise Error(f"{command[0]}: cannot be started: {error.strerror}{advice}", command=command[:2]) from error


def _stop(process: subprocess.Popen[bytes], *, interrupted: bool) -> None:
    """Ask the program to stop and wait for it; a second Ctrl-C asks once more, which ends it at once."""
    stop = signal.SIGINT if interrupted else signal.SIGTERM
    if sys.platform == "win32":
        stop = signal.CTRL_BREAK_EVENT
    for _ in range(2):
        if process.poll() is None:
            process.send_signal(stop)
        try:
            # Read on, so that it does not wait for us.
            process.communicate()
        except KeyboardInterrupt:
            continue
        return
    process.kill()


@dataclass
class _Heard:
    """What a program said on stderr."""

    events: List[Event] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)
    error: Optional[str] = None
    #: What is not an event: wrong usage, and whatever else there is to know of a crash.
    text: List[str] = field(default_factory=list)

    def message(self, returncode: int) -> str:
        if self.error is not None:
            return self.error
        text = "\n".join(self.text).strip()
        if text:
            return text.removeprefix("error: ")
        return f"the program ended with status {returncode} and said nothing"


def _listen(process: subprocess.Popen[bytes], progress: Progress) -> _Heard:
    """Take events until the program closes stderr."""
    heard = _Heard()
    bar = _Bar() if progress is True else None
    for line in process.stderr or ():
        event = _event(line)
        if event is None:
            heard.text.append(line.decode("utf-8", "replace").rstrip())
            continue
        kind, payload = event["event"], event["payload"]
        if kind not in ("progress", "file_completed"):
            heard.events.append(event)
        if bar is not None:
            bar.show(kind, payload)
        if kind == "warning":
            heard.warnings.append(payload["text"])
            log.warning("%s", payload["text"])
        elif kind == "message":
            log.info("%s", payload["text"])
        elif kind in ("error", "cancelled"):
            heard.error = payload["message"]
        if callable(progress):
            progress(event)
    return heard


def _event(line: bytes) -> Optional[Dict[str, Any]]:
    if not line.startswith(b"{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event and "payload" in event else None


class _Bar:
    """One line on stderr that is written over."""

    def __init__(self) -> None:
        self.width = 0

    def show(self, kind: str, payload: Mapping[str, Any]) -> None:
        text = _line(payload) if kind == "progress" else ""
        if not text and not self.width:
            return
        sys.stderr.write("\r" + text.ljust(self.width) + ("" if text else "\r"))
        sys.stderr.flush()
        self.width = len(text)


def _line(payload: Mapping[str, Any]) -> str:
    """``predict: 12/230, 26 %, 2.6 min left``."""
    batch = payload.get("batch")
    if batch is None:
        return f"{payload['task']}: {payload['done']}/{payload['total']}"
    parts = [f"{payload['task']}: {batch['current']}/{batch['total']}"]
    if batch.get("percent") is not None:
        parts.append(f"{batch['percent']:.0f} %")
    if payload.get("remaining_s") is not None:
        parts.append(f"{payload['remaining_s'] / 60:.1f} min left")
    return ", ".join(parts)
