"""Pages as files: the data inside them, and the path of one that was written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.errors import ArgumentError

if TYPE_CHECKING:
    _Path = Path
else:
    _Path = type(Path())  # before Python 3.12 only the system's own kind of path has subclasses that work


class Written(_Path):
    """A path like any other; a notebook shows the page that is there."""

    __slots__ = ()


def page_path(path: str | os.PathLike[str]) -> Written:
    """The path of a page. Raises ArgumentError for one that does not end as pages do."""
    found = Written(path)
    if found.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"a page is written to a file that ends in .html or .htm, not to {str(path)!r}")
    return found


def written(text: str, path: str | os.PathLike[str]) -> Written:
    """Writes a page, and returns its path. Halves of surrogate pairs, which are no characters, are `?`.

    Raises as `page_path`.
    """
    found = page_path(path)
    found.write_text(text, encoding="utf-8", errors="replace")
    return found


def payload(data: Mapping[str, Any]) -> str:
    """Data as they stand in a script element that is no code: no text in them can end it.

    Raises ValueError for NaN and infinities, which a browser does not read.
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")
