"""From a picture to Graphviz's language, through the `graphviz` package.

Boxes stand on the rows of `compiler.render.rows`, so forward arrows lead down and gradients up. Between the
columns runs a wall of hidden points, one on each row, and every box stands on its own side of it. Frames
(Graphviz's clusters) would not do: it orders them as it likes, and some versions crash on arrows between.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from compiler.render.markup import SAVED_FILL, body, label_text, tooltip_text
from compiler.render.picture import Arrow, ArrowRole, Box, Column, Flags, Picture, Role
from compiler.render.rows import rows_of, upper_and_lower

# Hues that colour-blind people tell apart (Okabe and Ito, "Color Universal Design", 2008), darkened for
# borders and lightened for fills; shapes and borders say the same again for paper without colour.
_BOXES: Final[Mapping[Role, Mapping[str, str]]] = {
    Role.INPUT: {"shape": "ellipse", "margin": "0.02,0", "color": "#0072B2", "fillcolor": "#D6EAF7"},
    Role.PARAMETER: {"shape": "cylinder", "color": "#B37400", "fillcolor": "#FDEFCF"},
    Role.CONSTANT: {"shape": "note", "margin": "0.12,0.02", "color": "#6E6E6E", "fillcolor": "#EFEFEF"},
    Role.FORWARD: {"style": "filled,rounded", "color": "#4A4A4A", "fillcolor": "#FFFFFF"},
    Role.BACKWARD: {"color": "#9C4A7C", "fillcolor": "#FAE6F1"},
    Role.UPDATE: {"shape": "component", "margin": "0.14,0.03", "color": "#00785A", "fillcolor": "#DDF3EA"},
}
_FLAGS: Final[Mapping[Flags, Mapping[str, str]]] = {
    Flags.OUTPUT: {"peripheries": "2"},
    Flags.SAVED: {"penwidth": "2.5"},
}
_SAMPLES: Final[Mapping[Flags, Mapping[str, str]]] = {
    Flags.OUTPUT: {},
    # In a box, only the line of the saved value has the fill.
    Flags.SAVED: {"fillcolor": SAVED_FILL},
}
_ARROWS: Final[Mapping[ArrowRole, Mapping[str, str]]] = {
    ArrowRole.VALUE: {"color": "#4A4A4A"},
    ArrowRole.READ: {"color": "#B37400", "style": "dashed"},
    ArrowRole.GRADIENT: {"color": "#9C4A7C", "arrowhead": "empty"},
    ArrowRole.STEP: {"color": "#00785A", "penwidth": "1.6"},
}
_FONT: Final = "Helvetica,Arial,sans-serif"
_GRAPH: Final = {
    "nodesep": "0.18", "ranksep": "0.2", "pad": "0.15", "mclimit": "8", "tooltip": " ",
    "fontname": _FONT, "fontsize": "14",
}  # fmt: skip
_NODE: Final = {
    "shape": "box", "style": "filled", "height": "0.28", "width": "0.4", "margin": "0.07,0.04",
    "fontname": _FONT, "fontsize": "11",
}  # fmt: skip
_EDGE: Final = {"arrowsize": "0.6", "fontname": _FONT, "fontsize": "9", "fontcolor": "#5A5A5A"}
_POINT: Final = {"label": "", "style": "invis", "shape": "point", "width": "0.01", "height": "0.01"}
_WALL: Final = {"weight": "100", "arrowhead": "none", "style": "dotted", "color": "#B4BAC0", "tooltip": " "}
_WORDS: Final = {"shape": "plaintext", "style": ""}


def dot_source(picture: Picture) -> str:
    """The picture in Graphviz's language. Equal pictures give equal bytes."""
    title = {"label": label_text(picture.title), "labelloc": "t"} if picture.title else {}
    graph = _digraph(_GRAPH | title, _NODE, _EDGE)
    for box in picture.boxes:
        graph.node(box.id, **_box_attributes(box))
    last = _add_rows(graph, picture)
    for arrow in picture.arrows:
        if arrow.role.is_drawn:
            _draw(graph, arrow)
    _add_legend(graph, picture, last)
    source: str = graph.source
    return source


def _digraph(*attributes: Mapping[str, str]) -> Any:
    import graphviz

    kinds = ("graph_attr", "node_attr", "edge_attr")
    return graphviz.Digraph(**dict(zip(kinds, map(dict, attributes), strict=False)))


def _box_attributes(box: Box) -> dict[str, str]:
    attributes = dict(_BOXES[box.role])
    for flag in box.flags:
        attributes |= _FLAGS[flag]
    return attributes | {"label": body(box), "tooltip": tooltip_text(box.tooltip)}


def _draw(graph: Any, arrow: Arrow) -> None:
    look, tooltip = dict(_ARROWS[arrow.role]), tooltip_text(arrow.tooltip)
    if arrow.role is ArrowRole.GRADIENT:
        # Graphviz wants the upper end first; the arrow is then drawn from back to front.
        look = {"dir": "back", "arrowtail": look.pop("arrowhead"), **look}
    if arrow.label:
        # A space on each side keeps the label off the line.
        look["label"] = label_text(f"\N{NO-BREAK SPACE}{arrow.label}\N{NO-BREAK SPACE}")
    graph.edge(*upper_and_lower(arrow), tooltip=tooltip, labeltooltip=tooltip, **look)


def _add_rows(graph: Any, picture: Picture) -> str:
    """Put boxes on their rows and on their sides of the walls. Returns a point on the last row."""
    rows = rows_of(picture)
    count = max(rows.values(), default=-1) + 1
    standing: list[dict[str, list[str]]] = [{} for _ in range(count)]
    for box in picture.boxes:
        standing[rows[box.id]].setdefault(box.column, []).append(box.id)
    _add_titles(graph, picture)
    for row, boxes in enumerate(standing, start=1):
        graph.subgraph(_row(picture.columns, row, boxes))
    for place, column in enumerate(picture.columns):
        hidden = {"style": "invis"} if place == 0 else {}
        for row in range(count):
            graph.edge(_wall(column, row), _wall(column, row + 1), **(_WALL | hidden))
    _tie_loose_boxes(graph, picture, rows, count)
    return _wall(picture.columns[0], count) if picture.columns else ""


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
    level = _digraph({"rank": "same"})
    for column in columns:
        level.node(_wall(column, row), **_POINT)
        for box in boxes.get(column.id, ()):
            level.edge(_wall(column, row), box, style="invis")
    for left, right in pairwise(columns):
        level.edge(_wall(left, row), _wall(right, row), style="invis")
        for box in boxes.get(left.id, ()):
            level.edge(box, _wall(right, row), style="invis")
    return level


def _add_titles(graph: Any, picture: Picture) -> None:
    """The columns' titles, on a row above all boxes."""
    titles = {column.id: [f"title_{column.id}"] for column in picture.columns}
    for column in picture.columns:
        words = {"label": label_text(column.title), "tooltip": tooltip_text(column.title)}
        graph.node(*titles[column.id], fontsize="14", **words, **_WORDS)
    graph.subgraph(_row(picture.columns, 0, titles))


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
    row, keys = _digraph({"rank": "same"}), list[str]()
    samples = [(role.value, _BOXES[role]) for role in picture.roles]
    samples += [(flag.word, _BOXES[Role.FORWARD] | _FLAGS[flag] | _SAMPLES[flag]) for flag in picture.flags]
    for word, look in samples:
        keys.append(f"box_{len(keys)}")
        row.node(keys[-1], label=word, tooltip=word, **look)
    return row, keys


def _arrow_samples(picture: Picture) -> tuple[Any, list[str]]:
    row, keys = _digraph({"rank": "same"}), list[str]()
    for role in picture.arrow_roles:
        keys += [f"from_{len(keys)}", f"to_{len(keys)}"]
        row.node(keys[-2], **_POINT)
        row.node(keys[-1], label=role.value, tooltip=role.value, **_WORDS)
        row.edge(*keys[-2:], tooltip=role.value, minlen="2", **_ARROWS[role])
    return row, keys
