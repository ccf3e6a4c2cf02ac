"""The path of a page that was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    _Path = Path
else:
    _Path = type(Path())  # before Python 3.12 only the system's own kind of path has subclasses that work


class Written(_Path):
    """A path like any other; a notebook shows the page that is there."""

    __slots__ = ()
