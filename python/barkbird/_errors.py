"""What goes wrong, as exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional, Sequence

if TYPE_CHECKING:
    import pandas as pd


class Error(RuntimeError):
    """A command that failed, or a file that is not what it has to be.

    ``str(error)`` is the message of the program: what failed, on which file or value, what was expected.

    Attributes:
        command: The words of the command; empty where no program was run.
        returncode: 1 for an error, 2 for wrong usage, a negative signal number where a signal ended the program, None
            where no program was run.
        warnings: What the program warned of before.
    """

    def __init__(
        self,
        message: str,
        *,
        command: Sequence[str] = (),
        returncode: Optional[int] = None,
        warnings: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.command = list(command)
        self.returncode = returncode
        self.warnings = list(warnings)


class RecordingsError(Error):
    """Some recordings could not be used; raised with ``failed="raise"``.

    Attributes:
        failed: Why, by recording.
        table: The data frame of all other recordings.
    """

    def __init__(self, failed: Dict[str, str], table: pd.DataFrame, *, command: Sequence[str]) -> None:
        first = next(iter(failed.items()))
        count = "1 recording" if len(failed) == 1 else f"{len(failed)} recordings"
        others = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        super().__init__(
            f"{count} could not be used: {first[0]}: {first[1]}{others}",
            command=command,
            returncode=3,
        )
        self.failed = failed
        self.table = table
