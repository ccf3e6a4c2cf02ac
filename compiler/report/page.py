"""The page: data, template, style and script as one file that loads nothing."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import Any, Final

PARTS: Final = ("page.html", "page.css", "page.js")
"""The files beside this module that are the page without its data."""


def part(name: str) -> str:
    """The text of one of PARTS."""
    return files(__package__ or "compiler.report").joinpath(name).read_text(encoding="utf-8")


def page(data: dict[str, Any], title: str) -> str:
    """A report's page.

    The data stands in a script element that is no code; `<` is escaped in it, so that no text can end it.
    """
    template, style, script = map(part, PARTS)
    payload = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    found = template
    pieces = {"title": escape(title), "style": style, "script": script, "data": payload}
    for name, text in pieces.items():
        head, mark, tail = found.partition(f"{{{{{name}}}}}")
        assert mark, f"the template has no place for {name}"
        found = head + text + tail if name != "data" else head + text + tail
    return found
