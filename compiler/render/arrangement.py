"""A picture with everything in its place, as data: for Graphviz, which draws it, and for pages of our own.

Points, from the upper left corner, y downwards. Linear in what is drawn, for any graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from compiler.render.picture import Arrow, Picture
from compiler.render.positions import Slot, heights, place
from compiler.render.routes import Curve, Point, Rect, routes
from compiler.render.rows import framed_rows, rows_of
from compiler.render.sizes import size_of
from compiler.render.stacking import stack
from compiler.render.stubs import stubbed

Edges: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Route:
    """A drawn arrow, its curve (a start, then three points for each Bezier), and where its label stands."""

    arrow: Arrow
    curve: Curve
    label: Point


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Where everything is.

    `picture` has stubs in the places of long arrows; `rects` has each of its boxes by id; `columns` the left
    and right edges of its columns, in order. `frames` has the edges of each frame: left, top, right, bottom.
    At the `headings` there is room for the titles of the columns, again.
    """

    picture: Picture
    rects: Mapping[str, Rect]
    routes: tuple[Route, ...]
    columns: tuple[tuple[float, float], ...]
    frames: Mapping[str, Edges]
    headings: tuple[float, ...]
    width: float
    height: float


def arranged(picture: Picture) -> Arrangement:
    """Every box and arrow of a picture in its place."""
    shown = stubbed(picture, rows_of(picture))
    rows, spans = framed_rows(shown)
    number = {box.id: place for place, box in enumerate(shown.boxes)}
    column = {item.id: place for place, item in enumerate(shown.columns)}
    slots = [Slot(*size_of(box), rows[box.id], column[box.column]) for box in shown.boxes]
    joined = [(number[arrow.tail], number[arrow.head]) for arrow in shown.arrows]
    found = place(slots, joined, len(shown.columns))
    tall = heights(slots, found.lines)
    stacked = stack(tall, _lines_of(spans, slots, found.lines), shown.frames)
    rects = [
        Rect(x, stacked.tops[line] + tall[line] / 2, slot.width, slot.height, line, slot.column)
        for x, line, slot in zip(found.x, found.lines, slots, strict=True)
    ]
    width = found.columns[-1][1] if found.columns else 0.0
    drawn = [arrow for arrow in shown.arrows if arrow.role.is_drawn]
    curves = routes(rects, [(number[arrow.tail], number[arrow.head]) for arrow in drawn])
    return Arrangement(
        shown,
        {box.id: rect for box, rect in zip(shown.boxes, rects, strict=True)},
        tuple(Route(arrow, curve, _middle(curve)) for arrow, curve in zip(drawn, curves, strict=True)),
        found.columns,
        {name: (left, top, width - left, bottom) for name, (left, top, bottom) in stacked.frames.items()},
        stacked.headings,
        width,
        stacked.height,
    )


def _lines_of(
    spans: Mapping[str, tuple[int, int]], slots: Sequence[Slot], lines: Sequence[int]
) -> dict[str, tuple[int, int]]:
    """The first and last line of each frame, from its rows."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for slot, line in zip(slots, lines, strict=True):
        first[slot.row] = min(first.get(slot.row, line), line)
        last[slot.row] = max(last.get(slot.row, line), line)
    return {name: (first[top], last[bottom]) for name, (top, bottom) in spans.items()}


def _middle(curve: Curve) -> Point:
    """The middle of the first piece: beside the box in which the value is made."""
    x, y = (sum(axis) for axis in zip(*(curve[0], *curve[1:3] * 3, curve[3]), strict=True))
    return x / 8, y / 8
