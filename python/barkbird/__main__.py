"""``python -m barkbird``: the program, with the same arguments."""

from __future__ import annotations

import os
import subprocess
import sys

from ._program import program


def main() -> int:
    """Replace this process by the program; on Windows, wait for it."""
    command = [program(), *sys.argv[1:]]
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
