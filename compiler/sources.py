"""What the file system knows of the sources that this process runs: a key for what was made by them."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from compiler import STARTED

ENGINE: Final = Path(__file__).parent
"""The folder of the compiler."""


@functools.cache
def sources_state(folder: Path) -> str | None:
    """A digest of what the file system knows of the sources in a folder: that of their content takes longer.

    What is written anew, or is put in the place of another file, has another time of change, or number. None
    where one has changed since this process began, which may run what was there before; and where there is no
    such folder, as of modules in an archive.
    """
    try:
        states = sorted(_states(folder))
    except OSError:
        return None
    if any(known.st_ctime > STARTED for _, known in states):
        return None
    return hashlib.sha256("\n".join(state_text(*item) for item in states).encode()).hexdigest()


def _states(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    folders = [str(folder)]
    for path in folders:
        with os.scandir(path) as found:
            for entry in found:
                if entry.name.endswith(".py"):
                    yield entry.path, entry.stat()
                elif entry.is_dir() and entry.name != "__pycache__":
                    folders.append(entry.path)


def state_text(path: str, known: os.stat_result) -> str:
    """What the file system knows of a file."""
    return f"{path} {known.st_size} {known.st_mtime_ns} {known.st_ctime_ns} {known.st_ino}"
