"""The version of the installed package, which is that of the program inside."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("barkbird")
except PackageNotFoundError:
    # The sources on the path, without an installation.
    __version__ = "unknown"
