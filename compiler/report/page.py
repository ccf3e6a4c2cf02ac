"""The page: data, template, style and script as one file that loads nothing.

The script is written as modules, one job a file, in the folder `web`. `script_of` makes one text of the
module that begins and all that it imports: each is a function behind those that it imports, and what it
exports stands in `rooms`, under its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from compiler.report.written import payload, written

_MARK: Final = re.compile(r"\{\{(\w+)\}\}")
"""Where a piece stands in the template, which is read once: what stands in a piece is never replaced."""

_IMPORT: Final = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:const|class|function\*?) ([\w$]+))", re.MULTILINE)

_COMMENT: Final = re.compile(r"^ *//.*\n", re.MULTILINE)
"""Lines of comments stay in the package: a page is at most 100 kB without its data."""

PAGES: Final = ("report", "sides")
"""The pages: each a template and a module that begins it."""


def part(name: str) -> str:
    """The text of a file of the folder `web`."""
    return files(__package__ or "compiler.report").joinpath("web", name).read_text(encoding="utf-8")


def modules_of(name: str) -> dict[str, str]:
    """The modules that one needs, itself the last, each behind those that it imports; their texts."""
    texts: dict[str, str] = {}
    pending = [name]
    while pending:
        text = part(f"{pending[-1]}.js")
        missing = [item for _, item in _IMPORT.findall(text) if item not in texts]
        if set(missing) & set(pending):
            raise ValueError(f"{pending[-1]}.js imports what imports it: {', '.join(missing)}")
        if missing:
            pending.append(missing[0])
        else:
            texts[pending.pop()] = text
    return texts


def script_of(name: str) -> str:
    """A module and all that it imports as one script."""
    rooms = (_room(*item) for item in modules_of(name).items())
    return "\n".join(['"use strict";', "const rooms = {};", *rooms])


def _room(name: str, text: str) -> str:
    exported = ", ".join(_EXPORT.findall(text))
    body = _COMMENT.sub("", _EXPORT.sub("", _IMPORT.sub(r"const \1 = rooms.\2;", text)))
    return f"rooms.{name} = (() => {{\n{body}return {{ {exported} }};\n}})();"


def page(data: Mapping[str, Any], name: str = "report") -> str:
    """One of PAGES with its data. Raises as `payload`."""
    pieces = {
        "title": escape(data["title"]),
        "style": part("page.css"),
        "script": script_of(name),
        "data": payload(data),
    }
    return filled(part(f"{name}.html"), pieces)


def filled(template: str, pieces: Mapping[str, str]) -> str:
    """A template with a piece for each `{{name}}` in it. Raises KeyError for one without a piece."""
    return _MARK.sub(lambda match: pieces[match[1]], template)


def write_page(data: Mapping[str, Any], path: str | os.PathLike[str], name: str = "report") -> Path:
    """Writes one of PAGES and returns its path."""
    return written(page(data, name), path)
