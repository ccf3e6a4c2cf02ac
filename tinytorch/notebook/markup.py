"""Data as HTML: tables, rows of labels, pictures that fit the page, texts that unfold.

Nothing here knows what it shows. Colours are the page's own, so that dark pages stay dark; pictures lie on
white paper. Everything is one element with its style inside: no script, nothing loaded from elsewhere.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from compiler.ir.formula.mathml import mathml
from compiler.schedule.tables import Table

_OURS: Final = ".tinytorch.tinytorch.tinytorch"
"""The class, three times: a notebook's rules for what cells show name two classes and an element."""

_RULES: Final = (
    ("", "overflow-x: auto; font-size: 0.9em; line-height: 1.4"),
    ("p", "margin: 0.3em 0"),
    ("table", "border-collapse: collapse; margin: 0.4em 0; display: table; width: auto; font-size: inherit"),
    ("tr", "background: transparent"),
    (
        "tr > *",
        "padding: 0.15em 0.7em; text-align: right; vertical-align: top; border: 0; white-space: nowrap",
    ),
    ("tr > *", "font-variant-numeric: tabular-nums"),
    ("thead th", "border-bottom: 1px solid #8888; font-weight: 600"),
    ("tbody tr + tr > *", "border-top: 1px solid #8883"),
    (".left", "text-align: left; white-space: pre-wrap"),
    ("tr > :first-child", "white-space: pre"),
    ("caption", "caption-side: top; text-align: left; padding: 0.3em 0.7em; color: inherit"),
    (
        "figure",
        "margin: 0.4em 0; padding: 0.5em; background: #fff; border-radius: 4px; box-sizing: border-box",
    ),
    ("figure", "width: fit-content; max-width: 100%; max-height: 90vh; overflow: auto"),
    ("figure a", "text-decoration: none; color: inherit"),
    ("figure svg", "display: block; max-width: 100%; height: auto"),
    ("iframe", "width: 100%; height: 80vh; border: 1px solid #8888; border-radius: 4px"),
    ("pre", "margin: 0.3em 0; padding: 0; background: transparent; border: 0; color: inherit"),
    ("pre", "white-space: pre; overflow-x: auto; font-family: monospace; font-size: 0.95em"),
    ("summary", "cursor: pointer"),
    ("math", "font-size: 1.1em"),
)
"""What holds inside our element, and for it."""

STYLE: Final = "".join(f"{_OURS} {selector}{{{rule}}}\n" for selector, rule in _RULES)

_ROOT: Final = re.compile(r"<svg\b[^>]*>")
_WIDTH: Final = re.compile(r'\swidth="([\d.]+)pt"')
_PLACED: Final = re.compile(r'\s(?:width|height|style)="[^"]*"')
"""How large the root of a picture says it is, in points, and what it says of its place."""
_POINT: Final = 4 / 3
"""Pixels in a point."""


def page(*parts: str) -> str:
    """The parts below each other, as one element with its style."""
    return f'<div class="tinytorch"><style>{STYLE}</style>{"".join(parts)}</div>'


def escape(text: object) -> str:
    """Text as HTML."""
    return html.escape(str(text))


def line(text: object) -> str:
    """A line of text."""
    return f"<p>{escape(text)}</p>"


def heading(text: object) -> str:
    """A line that says what follows."""
    return f"<p><strong>{escape(text)}</strong></p>"


def table(shown: Table) -> str:
    """A table with its title above it and its notes below."""
    title = f"<caption>{escape(shown.title)}</caption>" if shown.title else ""
    head = _row(shown.headings, shown.left, "th")
    body = "".join(_row(row, shown.left, "td") for row in shown.rows)
    notes = "".join(map(line, shown.notes))
    return f"<table>{title}<thead>{head}</thead><tbody>{body}</tbody></table>{notes}"


def _row(cells: Sequence[str], left: int, tag: str) -> str:
    found = [
        f"<{tag}{_LEFT if place < left else ''}>{escape(cell)}</{tag}>" for place, cell in enumerate(cells)
    ]
    return f"<tr>{''.join(found)}</tr>"


_LEFT: Final = ' class="left"'


def labels(rows: Iterable[tuple[str, str]]) -> str:
    """A table of two columns: what it is, and it itself, which is HTML already."""
    found = [f"<tr><th>{escape(label)}</th><td{_LEFT}>{shown}</td></tr>" for label, shown in rows]
    return f"<table><tbody>{''.join(found)}</tbody></table>"


def mathematics(latex: str) -> str:
    """A formula, which the browser sets."""
    return mathml(latex)


def code(text: object) -> str:
    """Text in columns."""
    return f"<pre>{escape(text)}</pre>"


def folded(title: object, body: str) -> str:
    """A line that unfolds what is under it."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def framed(document: str, title: str) -> str:
    """A whole page inside this one, which neither can disturb."""
    return f'<iframe title="{escape(title)}" srcdoc="{escape(document)}"></iframe>'


def picture(svg: str, title: str) -> str:
    """A picture at its own size where the page is wide enough, with a scroll bar if it is tall.

    `title` is what a screen reader says.
    """

    def fitted(match: re.Match[str]) -> str:
        width = _WIDTH.search(match[0])
        shown = f' width="{float(width[1]) * _POINT:.0f}"' if width is not None else ""
        root = _PLACED.sub("", match[0]).removeprefix("<svg")
        return f'<svg role="img" aria-label="{escape(title)}"{shown}{root}'

    return f"<figure>{_ROOT.sub(fitted, svg, count=1)}</figure>"
