"""An arrangement in Graphviz's language, which draws every box and arrow where we have put it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from compiler.render.arrangement import Arrangement, Route, arranged
from compiler.render.looks import (
    ARROWS,
    EDGE,
    FONT,
    FRAME,
    HEADING,
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
from compiler.render.picture import Picture
from compiler.render.routes import Point
from compiler.render.sizes import text_width

# `nop2` is neato that moves nothing: positions and curves are given. Arrows lie under the boxes.
_GRAPH: Final = {
    "layout": "nop2", "outputorder": "edgesfirst", "pad": "0.15", "tooltip": " ",
    "fontname": FONT, "fontsize": "14",
}  # fmt: skip
_TIP: Final = 6.0
"""Points from an arrow's tip to the end of its line."""

_BESIDE: Final = 4.0
"""Points between an arrow and its label."""

_ABOVE: Final = 7.0
"""Points between a level arrow and the middle of its label."""

_TITLE: Final = 24.0
_LEGEND: Final = 34.0
_NAME: Final = 11.0
"""Points from the upper edge of a frame to the middle of its title."""

_HEADING: Final = 14.0


def pinned_source(picture: Picture) -> str:
    """The picture in Graphviz's language, with the position of everything."""
    arrangement = arranged(picture)
    shown = arrangement.picture
    graph = digraph(_GRAPH, NODE, EDGE)
    _add_frames(graph, arrangement)
    for box in shown.boxes:
        rect = arrangement.rects[box.id]
        size = {"width": f"{rect.width / 72:.3f}", "height": f"{rect.height / 72:.3f}"}
        _node(graph, box.id, pos=_at((rect.x, rect.y)), **box_attributes(box), **size)
    for route in arrangement.routes:
        _draw(graph, route)
    _add_headings(graph, arrangement)
    _add_walls(graph, arrangement)
    _add_legend(graph, arrangement)
    source: str = graph.source
    return source


def _node(graph: Any, name: str, **attributes: str) -> None:
    graph.body.append(f"\t{name} [{_listed(attributes)}]\n")


def _edge(graph: Any, tail: str, head: str, **attributes: str) -> None:
    graph.body.append(f"\t{tail} -> {head} [{_listed(attributes)}]\n")


def _listed(attributes: Mapping[str, str]) -> str:
    """Attributes as `graphviz` writes them, without its looking at each of them from all sides.

    Only labels are markup; backslashes in tooltips come in pairs, so that none escapes a quotation mark.
    """
    pairs = (
        f"{key}={value}" if key == "label" and value[:1] == "<" else f'{key}="{_escaped(value)}"'
        for key, value in attributes.items()
    )
    return " ".join(pairs)


def _escaped(value: str) -> str:
    return value.replace('"', '\\"')


def _at(point: Point) -> str:
    """A point in Graphviz's coordinates, whose y grows upwards."""
    return f"{point[0]:.1f},{-point[1]:.1f}"


def _draw(graph: Any, route: Route) -> None:
    *points, before, (x, y) = route.curve
    dx, dy = x - before[0], y - before[1]
    length = max((dx * dx + dy * dy) ** 0.5, _TIP)
    back = x - dx * _TIP / length, y - dy * _TIP / length
    curve = " ".join(map(_at, [*points, before, back]))
    look = arrow_attributes(route.arrow)
    if route.arrow.label:
        beside = text_width(route.arrow.label, float(EDGE["fontsize"])) / 2 + _BESIDE
        is_level = len({y for _, y in route.curve}) == 1
        shift = (0.0, -_ABOVE) if is_level else (beside, 0.0)
        look["lp"] = _at((route.label[0] + shift[0], route.label[1] + shift[1]))
    _edge(graph, route.arrow.tail, route.arrow.head, pos=f"e,{_at((x, y))} {curve}", **look)


def _add_headings(graph: Any, arrangement: Arrangement) -> None:
    """The picture's title and those of its columns."""
    shown = arrangement.picture
    titles = [
        (f"{column.id}_{number}" if number else column.id, column.title, sum(span) / 2, y)
        for number, y in enumerate((-_TITLE, *arrangement.headings))
        for column, span in _columns(arrangement)
    ]
    if shown.title:
        titles.append(("picture", shown.title, arrangement.width / 2, -2 * _TITLE))
    for name, text, x, y in titles:
        words = {"label": label_text(text), "tooltip": tooltip_text(text)}
        _node(graph, f"title_{name}", pos=_at((x, y)), fontsize=f"{_HEADING:g}", **words, **HEADING)


def _add_frames(graph: Any, arrangement: Arrangement) -> None:
    """Clusters, the outer ones first, of which Graphviz knows the edges."""
    for frame in arrangement.picture.frames:
        left, top, right, bottom = arrangement.frames[frame.id]
        width = text_width(frame.title, float(FRAME["fontsize"]))
        words = {"label": label_text(frame.title), "tooltip": tooltip_text(frame.title)}
        place = {
            "bb": f"{_at((left, bottom))},{_at((right, top))}",
            "lp": _at((left + width / 2 + _BESIDE, top + _NAME)),
            "lwidth": f"{width / 72:.2f}",
            "lheight": "0.2",
        }
        graph.body.append(
            f"\tsubgraph cluster_{frame.id} {{\n\t\tgraph [{_listed({**FRAME, **words, **place})}]\n\t}}\n"
        )


def _columns(arrangement: Arrangement) -> Iterable[tuple[Any, tuple[float, float]]]:
    return zip(arrangement.picture.columns, arrangement.columns, strict=True)


def _add_walls(graph: Any, arrangement: Arrangement) -> None:
    """A dotted line between columns."""
    look = {"arrowhead": "none", "style": "dotted", "color": WALL_COLOR, "tooltip": " "}
    for number, (left, right) in enumerate(zip(arrangement.columns, arrangement.columns[1:], strict=False)):
        x = (left[1] + right[0]) / 2
        _line(graph, f"wall_{number}", (x, -_TITLE), (x, arrangement.height), look)


def _line(graph: Any, name: str, start: Point, end: Point, look: dict[str, str]) -> None:
    """A straight line or arrow between points that nobody sees."""
    for place, point in (("from", start), ("to", end)):
        _node(graph, f"{name}_{place}", pos=_at(point), **POINT)
    thirds = [tuple(a + (b - a) * k / 3 for a, b in zip(start, end, strict=True)) for k in range(4)]
    curve = " ".join(_at((x, y)) for x, y in thirds)
    tip = "" if look.get("arrowhead") == "none" else f"e,{_at((end[0] + _TIP, end[1]))} "
    _edge(graph, f"{name}_from", f"{name}_to", pos=f"{tip}{curve}", **look)


def _add_legend(graph: Any, arrangement: Arrangement) -> None:
    """Under everything else a row with a sample of each kind of box that occurs, then one of arrows."""
    x, y = 0.0, arrangement.height + _LEGEND
    for number, (word, look) in enumerate(samples(arrangement.picture)):
        width = text_width(word, 11) * 1.4 + 24
        _node(graph, f"box_{number}", pos=_at((x + width / 2, y)), label=word, tooltip=word, **look)
        x += width + 12
    x, y = 0.0, y + _LEGEND
    for number, role in enumerate(arrangement.picture.arrow_roles):
        width = text_width(role.value, 11) + 16
        _line(graph, f"arrow_{number}", (x, y), (x + 30, y), {**ARROWS[role], "tooltip": role.value})
        _node(
            graph,
            f"word_{number}",
            pos=_at((x + 42 + width / 2, y)),
            label=role.value,
            tooltip=role.value,
            **WORDS,
        )
        x += 42 + width + 12
