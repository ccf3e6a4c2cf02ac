"""How boxes, arrows and walls look, in Graphviz's attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from compiler.render.markup import SAVED_FILL, body, label_text, tooltip_text
from compiler.render.picture import Arrow, ArrowRole, Box, Flags, Picture, Role

# Hues that colour-blind people tell apart (Okabe and Ito, "Color Universal Design", 2008), darkened for
# borders and lightened for fills; shapes and borders say the same again for paper without colour.
BOXES: Final[Mapping[Role, Mapping[str, str]]] = {
    Role.INPUT: {"shape": "ellipse", "margin": "0.02,0", "color": "#0072B2", "fillcolor": "#D6EAF7"},
    Role.PARAMETER: {"shape": "cylinder", "color": "#B37400", "fillcolor": "#FDEFCF"},
    Role.CONSTANT: {"shape": "note", "margin": "0.12,0.02", "color": "#6E6E6E", "fillcolor": "#EFEFEF"},
    Role.FORWARD: {"style": "filled,rounded", "color": "#4A4A4A", "fillcolor": "#FFFFFF"},
    Role.BACKWARD: {"color": "#9C4A7C", "fillcolor": "#FAE6F1"},
    Role.MIXED: {"color": "#5B4A8A", "fillcolor": "#ECE8F7"},
    Role.UPDATE: {"shape": "component", "margin": "0.14,0.03", "color": "#00785A", "fillcolor": "#DDF3EA"},
}
NEUTRAL: Final = {"style": "filled", "color": "#4A4A4A"}
"""A sample of a fill alone."""

FLAGS: Final[Mapping[Flags, Mapping[str, str]]] = {
    Flags.OUTPUT: {"peripheries": "2"},
    Flags.SAVED: {"penwidth": "2.5"},
    Flags.FOLDED: {"shape": "folder", "style": "filled", "margin": "0.14,0.06"},
    Flags.ASKED: {"penwidth": "4", "color": "#D55E00"},
    Flags.SAME: {"color": "#C4C4C4", "fontcolor": "#8A8A8A", "fillcolor": "#FAFAFA"},
}
SAMPLES: Final[Mapping[Flags, Mapping[str, str]]] = {
    Flags.OUTPUT: {},
    # In a box, only the line of the saved value has the fill.
    Flags.SAVED: {"fillcolor": SAVED_FILL},
    Flags.FOLDED: {},
    Flags.ASKED: {},
    Flags.SAME: {},
}
ARROWS: Final[Mapping[ArrowRole, Mapping[str, str]]] = {
    ArrowRole.VALUE: {"color": "#4A4A4A"},
    ArrowRole.READ: {"color": "#B37400", "style": "dashed"},
    ArrowRole.GRADIENT: {"color": "#9C4A7C", "arrowhead": "empty"},
    ArrowRole.STEP: {"color": "#00785A", "penwidth": "1.6"},
    ArrowRole.GONE: {"color": "#B3261E", "style": "dotted", "penwidth": "1.4", "constraint": "false"},
}
FONT: Final = "Helvetica,Arial,sans-serif"
NODE: Final = {
    "shape": "box", "style": "filled", "height": "0.28", "width": "0.4", "margin": "0.07,0.04",
    "fontname": FONT, "fontsize": "11",
}  # fmt: skip
EDGE: Final = {"arrowsize": "0.6", "fontname": FONT, "fontsize": "9", "fontcolor": "#5A5A5A"}
POINT: Final = {"label": "", "style": "invis", "shape": "point", "width": "0.01", "height": "0.01"}
WALL_COLOR: Final = "#B4BAC0"
FRAME: Final = {
    "style": "rounded,filled", "color": "#C3C9D0", "fillcolor": "#F7F8FA", "fontname": FONT, "fontsize": "12",
    "fontcolor": "#3C4650", "labeljust": "l",
}  # fmt: skip
"""Of an open part of the model."""

WORDS: Final = {"shape": "plaintext", "style": ""}
HEADING: Final = {"shape": "plaintext", "style": "filled", "fillcolor": "#FFFFFFD0", "margin": "0.08,0"}
"""Of the title of a column, over what passes below it."""


def digraph(*attributes: Mapping[str, str]) -> Any:
    """An empty graph of the `graphviz` package, with attributes of its own, of nodes and of edges."""
    import graphviz

    kinds = ("graph_attr", "node_attr", "edge_attr")
    return graphviz.Digraph(**dict(zip(kinds, map(dict, attributes), strict=False)))


def box_attributes(box: Box) -> dict[str, str]:
    """A box's attributes."""
    attributes = dict(BOXES[box.role])
    for flag in box.flags:
        attributes |= FLAGS[flag]
    if box.fill:
        attributes["fillcolor"] = box.fill
    return attributes | {"label": body(box), "tooltip": tooltip_text(box.tooltip)}


def arrow_attributes(arrow: Arrow) -> dict[str, str]:
    """An arrow's attributes."""
    look, tooltip = dict(ARROWS[arrow.role]), tooltip_text(arrow.tooltip)
    if arrow.label:
        # A space on each side keeps the label off the line.
        look["label"] = label_text(f"\N{NO-BREAK SPACE}{arrow.label}\N{NO-BREAK SPACE}")
    return {**look, "tooltip": tooltip, "labeltooltip": tooltip}


def samples(picture: Picture) -> list[tuple[str, Mapping[str, str]]]:
    """The kinds of box that occur: the word of each in the legend, and its look."""
    plain = {"fillcolor": "#FFFFFF"} if picture.fills else {}
    found: list[tuple[str, Mapping[str, str]]] = [(role.value, BOXES[role] | plain) for role in picture.roles]
    found += [(word, NEUTRAL | {"fillcolor": fill}) for fill, word in picture.fills]
    return found + [
        (flag.word, BOXES[Role.FORWARD] | FLAGS[flag] | SAMPLES[flag] | plain) for flag in picture.flags
    ]
