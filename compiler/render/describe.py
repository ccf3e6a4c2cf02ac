"""From a graph to a picture: which boxes there are, in which frames, and which arrows join them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from compiler.analysis.parts import Part
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.render.arrows import arrows_of
from compiler.render.boxes import box_of
from compiler.render.groups import Kernel, groups_of
from compiler.render.nearby import neighbourhood
from compiler.render.opening import folded
from compiler.render.options import Show
from compiler.render.picture import Column, Flags, Frame, Picture
from compiler.render.view import View


def describe(
    graph: Graph,
    show: Show | None = None,
    *,
    detail: bool = False,
    groups: Mapping[str, Iterable[Node]] | None = None,
    kernels: Sequence[Kernel] = (),
    marks: Mapping[Node, str] | None = None,
    stored: frozenset[Node] | None = None,
    title: str = "",
) -> Picture:
    """The picture of a graph.

    The arithmetic of each parameter's update is one box, and so is straight-line code, except with `detail`.
    `groups`, or `kernels`, make one box, under a label, of nodes that run together, with a line for each;
    `marks` adds words such as `in place` to a node's line; `stored` are the values that are kept in memory
    where not all are. Raises ArgumentError for parts of the model that the graph does not have.
    """
    show = show or Show(detail)
    view = View.of(graph, marks or {}, stored)
    given = [
        *kernels,
        *(Kernel(label, tuple(nodes), k) for k, (label, nodes) in enumerate((groups or {}).items())),
    ]
    is_detailed = show.detail or show.around is not None
    found, frames = groups_of(graph, view.parts, given, is_detailed), tuple[Frame, ...]()
    asked = None
    if show.around is not None:
        found, asked, view = neighbourhood(view, found, show.around, show.radius)
    elif not show.detail or show.open or show.depth is not None:
        found, frames = folded(graph, view.parts, found, show.open, show.depth, show.is_framed)
    ids = {node: f"n{number}" for number, group in enumerate(found) for node in group.nodes}
    boxes = [box_of(view, group, ids[group.last], show.colouring) for group in found]
    if asked is not None:
        boxes = [
            replace(box, flags=box.flags | Flags.ASKED) if box.id == ids[asked] else box for box in boxes
        ]
    occurring = {box.column for box in boxes}
    columns = tuple(Column(part.value, part.value) for part in Part if part.value in occurring)
    used = {box.fill for box in boxes}
    fills = () if show.colouring is None else show.colouring.occurring(used)
    return Picture(columns, tuple(boxes), tuple(arrows_of(view, found, ids)), title, frames, fills)
