"""How much room text takes, without a font at hand: Helvetica's widths (Adobe's metrics) and a margin."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from compiler.render.markup import visible
from compiler.render.picture import Box, Caption, Flags, Line, Role, Style, Text

POINTS: Final = {Style.TITLE: 11.0, Style.PLAIN: 10.0, Style.FAINT: 9.0, Style.MARK: 9.0}
"""The size of each style's letters."""

# Thousandths of the size for the characters from the space to the tilde.
_WIDTHS: Final = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_OTHER: Final = 600
_WIDE: Final = 1000
_BOLD: Final = 1.08
_MARGIN: Final = 1.1
"""Fonts in Helvetica's place are a little wider."""

_TALL: Final = 1.4
_LINE: Final = 1.2
"""The height of a line for letters of size 1."""

_CELL: Final = 3.0
"""Points around a piece of text in a box, and between the columns of its statements."""

_PLAIN: Final = (1.0, 10.0, 6.0)
_FOLDED: Final = (1.0, 22.0, 16.0)
_FRAMES: Final = {
    Role.INPUT: (1.42, 4.0, 8.0),
    Role.PARAMETER: (1.0, 10.0, 16.0),
    Role.CONSTANT: (1.0, 18.0, 6.0),
    Role.UPDATE: (1.0, 22.0, 6.0),
}
"""By how much the shape of a box is wider than its text, and points beside and above it."""


@lru_cache(maxsize=1 << 14)
def text_width(text: str, points: float) -> float:
    """Points that a line of text takes, a little generously."""
    units = sum(map(_width, visible(text)))
    return units * points * _MARGIN / 1000


def _width(character: str) -> int:
    place = ord(character) - 32
    if 0 <= place < len(_WIDTHS):
        return _WIDTHS[place]
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER


def size_of(box: Box) -> tuple[float, float]:
    """Width and height of a box in points."""
    columns = [0.0, 0.0, 0.0]
    widest = height = 0.0
    for line in box.lines:
        cells = _cells(line)
        height += max(points for _, points in cells) * _LINE + _CELL
        if isinstance(line, Caption):
            widest = max(widest, cells[0][0])
        else:
            columns = [max(old, width) for old, (width, _) in zip(columns, cells, strict=True)]
    wider, beside, above = _FOLDED if Flags.FOLDED in box.flags else _FRAMES.get(box.role, _PLAIN)
    return max(max(widest, sum(columns)) * wider + beside, 30.0), max(height + above, 20.0)


def _cells(line: Line) -> list[tuple[float, float]]:
    """Width and size of letters of each cell of a line."""
    if isinstance(line, Caption):
        return [_cell(line.pieces)]
    return [_cell((line.name,)), _cell(line.what), _cell((Text(line.type, Style.FAINT),))]


def _cell(pieces: tuple[Text, ...]) -> tuple[float, float]:
    width, tall = _CELL * len(pieces), 9.0
    for text, style in ((piece.text, piece.style) for piece in pieces):
        width += text_width(text, POINTS[style]) * (_BOLD if style is Style.TITLE else 1)
        # What Helvetica has no letter for comes from a taller font.
        tall = max(tall, POINTS[style] * (1 if text.replace("…", "").isascii() else _TALL))
    return width, tall
