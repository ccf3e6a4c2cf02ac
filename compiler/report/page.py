"""The page: data, template, style and script as one file that loads nothing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

_MARK: Final = re.compile(r"\{\{(\w+)\}\}")
"""Where a piece stands in the template, which is read once: what stands in a piece is never replaced."""

PARTS: Final = ("page.html", "page.css", "page.js")
"""The files beside this module that are the page without its data."""


def part(name: str) -> str:
    """The text of one of PARTS."""
    return files(__package__ or "compiler.report").joinpath(name).read_text(encoding="utf-8")


def page(data: Mapping[str, Any]) -> str:
    """A report's page.

    The data stands in a script element that is no code; `<` is escaped in it, so that no text can end it.
    """
    payload = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    pieces = {
        "title": escape(data["title"]),
        "style": part("page.css"),
        "script": part("page.js"),
        "data": payload,
    }
    return filled(part("page.html"), pieces)


def filled(template: str, pieces: Mapping[str, str]) -> str:
    """A template with a piece for each `{{name}}` in it. Raises KeyError for one without a piece."""
    return _MARK.sub(lambda match: pieces[match[1]], template)


def write_report(data: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Writes the page of a report and returns its path."""
    written = Path(path)
    written.write_text(page(data), encoding="utf-8")
    return written
