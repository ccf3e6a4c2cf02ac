"""From a picture to Graphviz's language, through the `graphviz` package.

Boxes stand on the rows of `compiler.render.rows`, so forward arrows lead down and gradients up. Between the
columns runs a wall of hidden points, one on each row, and every box stands on its own side of it. Frames
(Graphviz's clusters) would not do: it orders them as it likes, and some versions crash on arrows between.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from compiler.render.looks import (
    ARROWS,
    EDGE,
    FONT,
    NODE,
    POINT,
    WALL_COLOR,
    WORDS,
    arrow_attributes,
    box_attributes,
    digraph,
    samples,
)
from compiler.render.markup import label_text, tooltip_text
from compiler.render.picture import Arrow, ArrowRole, Column, Picture
from compiler.render.pinned import pinned_source
from compiler.render.rows import rows_of, upper_and_lower
from compiler.render.sizes import size_of
from compiler.render.stacking import BELOW, LEAST, PAGE

SMALL: Final = 600
"""Boxes and rows crossed by arrows that `dot` lays out in about a second."""

_GRAPH: Final = {
    "nodesep": "0.18", "ranksep": "0.2", "pad": "0.15", "mclimit": "8", "tooltip": " ",
    "fontname": FONT, "fontsize": "14",
}  # fmt: skip
_WALL: Final = {"weight": "100", "arrowhead": "none", "style": "dotted", "color": WALL_COLOR, "tooltip": " "}


def dot_source(picture: Picture) -> str:
    """The picture in Graphviz's language, laid out by `dot` or, where that takes long, by us.

    Equal pictures give equal bytes.
    """
    return _free_source(picture) if is_small(picture) else pinned_source(picture)


def is_small(picture: Picture) -> bool:
    """Whether `dot` is quick, and has no frames: its time grows with boxes and rows crossed, squared."""
    if picture.frames:
        return False
    rows = rows_of(picture)
    crossed = sum(abs(rows[arrow.head] - rows[arrow.tail]) for arrow in picture.arrows)
    return len(picture.boxes) + crossed <= SMALL


def _free_source(picture: Picture) -> str:
    title = {"label": label_text(picture.title), "labelloc": "t"} if picture.title else {}
    graph = digraph(_GRAPH | title, NODE, EDGE)
    for box in picture.boxes:
        graph.node(box.id, **box_attributes(box))
    last = _add_rows(graph, picture)
    for arrow in picture.arrows:
        if arrow.role.is_drawn:
            _draw(graph, arrow)
    _add_legend(graph, picture, last)
    source: str = graph.source
    return source


def _draw(graph: Any, arrow: Arrow) -> None:
    look = arrow_attributes(arrow)
    if arrow.role is ArrowRole.GRADIENT:
        # Graphviz wants the upper end first; the arrow is then drawn from back to front.
        look = {"dir": "back", "arrowtail": look.pop("arrowhead"), **look}
    graph.edge(*upper_and_lower(arrow), **look)


def _add_rows(graph: Any, picture: Picture) -> str:
    """Put boxes on their rows and on their sides of the walls. Returns a point on the last row.

    The columns' titles have rows of their own, the first one above all boxes, and one on each screen.
    """
    rows, headings = _with_headings(picture)
    count = max((*rows.values(), -1)) + 1
    standing: list[dict[str, list[str]]] = [{} for _ in range(count)]
    for box in picture.boxes:
        standing[rows[box.id]].setdefault(box.column, []).append(box.id)
    _add_titles(graph, picture, 0, 0)
    for number, row in enumerate(headings, start=1):
        _add_titles(graph, picture, row + 1, number)
    for row, boxes in enumerate(standing, start=1):
        if row - 1 not in headings:
            graph.subgraph(_row(picture.columns, row, boxes))
    for place, column in enumerate(picture.columns):
        hidden = {"style": "invis"} if place == 0 else {}
        for row in range(count):
            graph.edge(_wall(column, row), _wall(column, row + 1), **(_WALL | hidden))
    _tie_loose_boxes(graph, picture, rows, count)
    return _wall(picture.columns[0], count) if picture.columns else ""


def _with_headings(picture: Picture) -> tuple[dict[str, int], list[int]]:
    """The row of each box, and rows between them for titles: one on each screen."""
    rows = rows_of(picture)
    tall = [0.0] * (max(rows.values(), default=-1) + 1)
    for box in picture.boxes:
        tall[rows[box.id]] = max(tall[rows[box.id]], size_of(box)[1])
    moved: list[int] = []
    headings: list[int] = []
    height, rest = 0.0, sum(tall) + BELOW * len(tall)
    for row, points in enumerate(tall):
        if height > PAGE and rest > LEAST:
            headings.append(row + len(headings))
            height = 0.0
        moved.append(row + len(headings))
        height += points + BELOW
        rest -= points + BELOW
    return {box: moved[row] for box, row in rows.items()}, headings


def _tie_loose_boxes(graph: Any, picture: Picture, rows: Mapping[str, int], count: int) -> None:
    """Tie boxes to which no arrow leads from above, or below, to the wall there.

    Graphviz sorts a row by what its boxes are joined to on the row above or below. Where a box is joined to
    nothing, others may pass it, and the wall may be among them.
    """
    ends = [upper_and_lower(arrow) for arrow in picture.arrows if arrow.role.is_drawn]
    hanging, standing = {lower for _, lower in ends}, {upper for upper, _ in ends}
    columns = {column.id: column for column in picture.columns}
    for box in picture.boxes:
        column, row = columns[box.column], rows[box.id] + 1
        if box.id not in hanging:
            graph.edge(_wall(column, row - 1), box.id, style="invis", weight="0")
        if box.id not in standing and row < count:
            graph.edge(box.id, _wall(column, row + 1), style="invis", weight="0")


def _wall(column: Column, row: int) -> str:
    """The point of the wall to the left of a column."""
    return f"wall_{column.id}_{row}"


def _row(columns: tuple[Column, ...], row: int, boxes: Mapping[str, list[str]]) -> Any:
    """The boxes of one row and its points: a box is right of its column's wall and left of the next."""
    level = digraph({"rank": "same"})
    for column in columns:
        level.node(_wall(column, row), **POINT)
        for box in boxes.get(column.id, ()):
            level.edge(_wall(column, row), box, style="invis")
    for left, right in pairwise(columns):
        level.edge(_wall(left, row), _wall(right, row), style="invis")
        for box in boxes.get(left.id, ()):
            level.edge(box, _wall(right, row), style="invis")
    return level


def _add_titles(graph: Any, picture: Picture, row: int, number: int) -> None:
    """The columns' titles, on a row of their own."""
    mark = f"_{number}" if number else ""
    titles = {column.id: [f"title_{column.id}{mark}"] for column in picture.columns}
    for column in picture.columns:
        words = {"label": label_text(column.title), "tooltip": tooltip_text(column.title)}
        graph.node(*titles[column.id], fontsize="14", **words, **WORDS)
    graph.subgraph(_row(picture.columns, row, titles))


def _add_legend(graph: Any, picture: Picture, last: str) -> None:
    """Under everything else a row with a sample of each kind of box that occurs, then one of arrows."""
    for row, keys in (_box_samples(picture), _arrow_samples(picture)):
        for left, right in pairwise(keys):
            row.edge(left, right, style="invis")
        if keys:
            graph.subgraph(row)
            graph.edge(last, keys[0], style="invis")
            last = keys[0]


def _box_samples(picture: Picture) -> tuple[Any, list[str]]:
    row, keys = digraph({"rank": "same"}), list[str]()
    for word, look in samples(picture):
        keys.append(f"box_{len(keys)}")
        row.node(keys[-1], label=word, tooltip=word, **look)
    return row, keys


def _arrow_samples(picture: Picture) -> tuple[Any, list[str]]:
    row, keys = digraph({"rank": "same"}), list[str]()
    for role in picture.arrow_roles:
        keys += [f"from_{len(keys)}", f"to_{len(keys)}"]
        row.node(keys[-2], **POINT)
        row.node(keys[-1], label=role.value, tooltip=role.value, **WORDS)
        row.edge(*keys[-2:], tooltip=role.value, minlen="2", **ARROWS[role])
    return row, keys
