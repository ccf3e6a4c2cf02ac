"""From a picture to Graphviz's language, through the `graphviz` package.

Forward arrows lead down and gradients up: an arrow of the backward part is written from its head to its tail
and drawn back to front, so that one ranking from top to bottom puts a backward op beside the
forward values it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from compiler.render.markup import body, quoted_text
from compiler.render.picture import Arrow, ArrowRole, Box, Cluster, Flags, Part, Picture, Role

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
_BETWEEN_PARTS: Final = {"minlen": "0", "tailport": "e", "headport": "w"}
_ARROWS: Final[Mapping[ArrowRole, Mapping[str, str]]] = {
    ArrowRole.VALUE: {"color": "#4A4A4A"},
    ArrowRole.READ: {"color": "#B37400", "style": "dashed", **_BETWEEN_PARTS},
    ArrowRole.GRADIENT: {"color": "#9C4A7C", "dir": "back"},
    ArrowRole.STEP: {"color": "#00785A", "penwidth": "1.5", **_BETWEEN_PARTS},
    ArrowRole.LEVEL: {"style": "invis", "minlen": "0"},
    ArrowRole.BELOW: {"style": "invis"},
}
_FILLS: Final[Mapping[Part, str]] = {
    Part.FORWARD: "#F6F8FA",
    Part.BACKWARD: "#FCF6F9",
    Part.UPDATE: "#F3FAF7",
    Part.KERNEL: "#FFFFFF",
    Part.WHOLE: "#FFFFFF",
}
_FRAME: Final = "#C4C9CE"
_FONT: Final = "Helvetica,Arial,sans-serif"
_GRAPH: Final = {
    "newrank": "true", "nodesep": "0.18", "ranksep": "0.2", "pad": "0.15", "tooltip": " ",
    "fontname": _FONT, "fontsize": "13",
}  # fmt: skip
_NODE: Final = {
    "shape": "box", "style": "filled", "height": "0.28", "width": "0.4", "margin": "0.07,0.04",
    "fontname": _FONT, "fontsize": "11",
}  # fmt: skip
_EDGE: Final = {"arrowsize": "0.6", "fontname": _FONT, "fontsize": "9", "fontcolor": "#5A5A5A"}
_HIDDEN: Final = {"style": "invis", "shape": "point", "width": "0.01", "height": "0.01"}
_BESIDE: Final = (Part.FORWARD, Part.BACKWARD, Part.UPDATE)


def dot_source(picture: Picture) -> str:
    """The picture in Graphviz's language. Equal pictures give equal bytes."""
    title = {"label": quoted_text(picture.title), "labelloc": "t"} if picture.title else {}
    graph = _digraph(None, _GRAPH | title, _NODE, _EDGE)
    inside: dict[str | None, Any] = {None: graph}
    for cluster in picture.clusters:
        inside[cluster.id] = _frame(cluster)
    for box in picture.boxes:
        inside[box.cluster].node(box.id, **_box_attributes(box))
    # Graphviz keeps the order of the parts only where it reads it before them.
    graph.subgraph(_side_by_side(picture, inside))
    for cluster in reversed(picture.clusters):
        inside[cluster.parent].subgraph(inside[cluster.id])
    for arrow in picture.arrows:
        _draw(graph, arrow)
    _add_legend(graph, picture)
    return graph.source


def _digraph(name: str | None, *attributes: Mapping[str, str]) -> Any:
    import graphviz

    kinds = ("graph_attr", "node_attr", "edge_attr")
    return graphviz.Digraph(name, **dict(zip(kinds, map(dict, attributes), strict=False)))


def _frame(cluster: Cluster) -> Any:
    attributes = {"label": quoted_text(cluster.title), "bgcolor": _FILLS[cluster.part], "color": _FRAME}
    return _digraph(
        f"cluster_{cluster.id}", {**attributes, "style": "rounded", "tooltip": quoted_text(cluster.title)}
    )


def _box_attributes(box: Box) -> dict[str, str]:
    attributes = dict(_BOXES[box.role])
    for flag in box.flags:
        attributes |= _FLAGS[flag]
    return {**attributes, "label": f"<{body(box)}>", "tooltip": quoted_text(box.tooltip)}


def _draw(graph: Any, arrow: Arrow) -> None:
    ends = (arrow.head, arrow.tail) if arrow.role is ArrowRole.GRADIENT else (arrow.tail, arrow.head)
    tooltip = quoted_text(arrow.tooltip)
    # A space on each side keeps the label off the line.
    label = (
        {"label": quoted_text(f"\N{NO-BREAK SPACE}{arrow.label}\N{NO-BREAK SPACE}")} if arrow.label else {}
    )
    hint = {"tooltip": tooltip, "labeltooltip": tooltip} if arrow.role.is_drawn else {}
    graph.edge(*ends, **_ARROWS[arrow.role], **label, **hint)


def _side_by_side(picture: Picture, inside: Mapping[str | None, Any]) -> Any:
    """A row of hidden points, one in each part, which keeps the parts in order from left to right."""
    row = _digraph(None, {"rank": "same"})
    points = [f"at_{cluster.id}" for cluster in picture.clusters if cluster.part in _BESIDE]
    for point in points:
        inside[point.removeprefix("at_")].node(point, label="", **_HIDDEN)
    for left, right in pairwise(points):
        row.edge(left, right, style="invis")
    return row


def _add_legend(graph: Any, picture: Picture) -> None:
    """A row under everything else: a sample of each kind of box and arrow that occurs."""
    frame = _digraph(
        "cluster_legend", {"label": "", "color": _FRAME, "style": "rounded", "tooltip": "legend"}
    )
    samples = [(role.value, _BOXES[role]) for role in picture.roles]
    samples += [(flag.word, _BOXES[Role.FORWARD] | _FLAGS[flag]) for flag in picture.flags]
    row: list[str] = []
    for word, attributes in samples:
        row.append(f"key_{len(row)}")
        frame.node(row[-1], label=word, tooltip=word, **attributes)
    for role in picture.arrow_roles:
        row += [f"key_{len(row)}", f"key_{len(row) + 1}"]
        look = {key: value for key, value in _ARROWS[role].items() if key in ("color", "style", "penwidth")}
        frame.node(row[-2], label="", **_HIDDEN)
        frame.node(row[-1], label=role.value, tooltip=role.value, shape="plaintext", style="")
        frame.edge(*row[-2:], tooltip=role.value, minlen="2", **look)
    graph.subgraph(frame)
    _put_below(graph, picture, row)


def _put_below(graph: Any, picture: Picture, row: Sequence[str]) -> None:
    """The legend's nodes in order on one height, under every box that has nothing else under it."""
    level = _digraph(None, {"rank": "same"})
    for left, right in pairwise(row):
        level.edge(left, right, style="invis")
    graph.subgraph(level)
    above = {arrow.head if arrow.role is ArrowRole.GRADIENT else arrow.tail for arrow in picture.arrows}
    for box in picture.boxes:
        if box.id not in above and row:
            graph.edge(box.id, row[len(row) // 2], style="invis", weight="0")
