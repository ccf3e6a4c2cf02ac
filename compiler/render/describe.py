"""From a graph to a picture: which boxes there are, what stands in them, and which arrows join them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.ir.printing import Names, names_of
from compiler.render.groups import Group, collapsed_groups, single_groups
from compiler.render.labels import count_ops, expression, label, shortened, tooltip
from compiler.render.parts import Parts, parts_of
from compiler.render.picture import (
    Arrow,
    ArrowRole,
    Box,
    Cluster,
    Flags,
    Line,
    Part,
    Picture,
    Role,
    Style,
    Text,
)


@dataclass(frozen=True, slots=True)
class View:
    """A graph with everything that is asked of it while it is described."""

    graph: Graph
    names: Names
    parts: Parts
    updated: Mapping[Node, tuple[Node, ...]]
    """For each next value the parameters that get it."""
    marks: Mapping[Node, str]
    outputs: frozenset[Node]


def describe(
    graph: Graph,
    *,
    detail: bool = False,
    groups: Mapping[str, Iterable[Node]] | None = None,
    marks: Mapping[Node, str] | None = None,
    title: str = "",
) -> Picture:
    """The picture of a graph.

    The arithmetic of each parameter's update is one box, and so is straight-line code, except with `detail`.
    `groups` draws a frame under a label around nodes that run together (a node is in one group at most), and
    `marks` adds a line such as `in place` to a node's box.
    """
    marks, groups = marks or {}, {name: tuple(nodes) for name, nodes in (groups or {}).items()}
    view = _view(graph, marks)
    frames = _frames(view, groups)
    found = single_groups(graph) if detail else collapsed_groups(graph, view.parts, frames, marks)
    ids = {node: f"n{number}" for number, group in enumerate(found) for node in group.nodes}
    boxes = [_box(view, group, ids[group.last], frames) for group in found]
    arrows = [*_arrows(view, found, ids), *_levels(view, ids), *_column(found, ids)]
    return Picture(tuple(boxes), tuple(arrows), _clusters(view, list(groups), frames), title)


def _view(graph: Graph, marks: Mapping[Node, str]) -> View:
    updated: dict[Node, tuple[Node, ...]] = {}
    for parameter, value in graph.updates:
        updated[value] = (*updated.get(value, ()), parameter)
    return View(graph, names_of(graph), parts_of(graph), updated, marks, frozenset(graph.outputs))


def _frames(view: View, groups: Mapping[str, Iterable[Node]]) -> dict[Node, str]:
    """For each node of a group the id of its frame. A group has a frame in each part where it has members."""
    return {
        node: f"{view.parts.part[node].value}_{number}"
        for number, nodes in enumerate(groups.values())
        for node in nodes
        if node in view.parts.part
    }


def _clusters(view: View, labels: list[str], frames: Mapping[Node, str]) -> tuple[Cluster, ...]:
    occurring = set(view.parts.part.values())
    outer = [Cluster(part.value, part.value, part) for part in Part if part in occurring]
    part_of = {frames[node]: view.parts.part[node].value for node in view.graph.nodes if node in frames}
    inner = [
        Cluster(id, labels[int(id.rpartition("_")[2])], Part.KERNEL, part) for id, part in part_of.items()
    ]
    return (*outer, *inner)


def _box(view: View, group: Group, id: str, frames: Mapping[Node, str]) -> Box:
    if group.is_update:
        return _update_box(view, group, id)
    node = group.last
    is_output, is_saved = node in view.outputs, node in view.parts.saved
    flags = (Flags.OUTPUT if is_output else Flags.NONE) | (Flags.SAVED if is_saved else Flags.NONE)
    said = "\n\n".join(tooltip(node, view.names) for node in group.nodes)
    lines = _leaf_lines(view, node) if node.op.has(Trait.LEAF) else _op_lines(view, group)
    return Box(
        id,
        (*lines, *_marks(view, node)),
        _role(view, node),
        flags,
        said,
        frames.get(node, view.parts.part[node].value),
    )


def _role(view: View, node: Node) -> Role:
    if node.op.has(Trait.LEAF):
        return {"input": Role.INPUT, "parameter": Role.PARAMETER}.get(node.op.name, Role.CONSTANT)
    return {Part.BACKWARD: Role.BACKWARD, Part.UPDATE: Role.UPDATE}.get(view.parts.part[node], Role.FORWARD)


def _leaf_lines(view: View, node: Node) -> list[Line]:
    value = shortened(expression(node, view.names))
    head = [_reference(view, node), *([Text(value)] if value else [])]
    return [tuple(head), (Text(str(node.type), Style.FAINT),)]


def _op_lines(view: View, group: Group) -> list[Line]:
    """A line an op: what it is called, what it does, and its type where no arrow says it."""
    lines: list[Line] = []
    for node in group.nodes:
        is_said = node is group.last and _is_on_arrow(view, node)
        type_ = Text("" if is_said else str(node.type), Style.FAINT)
        lines.append((_reference(view, node), *_operation(view, node), type_))
    return lines


def _is_on_arrow(view: View, node: Node) -> bool:
    """Whether an arrow says a value's type; else its box does: for a leaf, and a finished gradient."""
    is_step = view.parts.part[node] is not Part.UPDATE
    readers = [
        user for user in view.graph.users[node] if not (is_step and view.parts.part[user] is Part.UPDATE)
    ]
    return bool(readers) and not node.op.has(Trait.LEAF)


def _reference(view: View, node: Node) -> Text:
    return Text(label(node, view.names), Style.FAINT if node.name is None else Style.TITLE)


def _operation(view: View, node: Node) -> tuple[Text, ...]:
    """The op's name and its expression, which may begin with the name: `exp(x)`."""
    text, name = shortened(expression(node, view.names)), node.op.name
    rest = text.removeprefix(name)
    if rest != text and rest[:1] in ("(", "["):
        return Text(name, Style.OP), Text(rest)
    return Text(name, Style.OP), Text(f" {text}")


def _marks(view: View, node: Node) -> list[Line]:
    said = [
        *(f"next {label(item, view.names)}" for item in view.updated.get(node, ())),
        view.marks.get(node, ""),
    ]
    return [(Text(mark, Style.MARK),) for mark in said if mark]


def _update_box(view: View, group: Group, id: str) -> Box:
    names = view.names
    changed = [item for node in group.nodes for item in view.updated.get(node, ())]
    head = "shared by updates" if group.owner is None else "update of"
    lines: list[Line] = [
        (Text(head), *([Text(label(group.owner, names), Style.TITLE)] if group.owner else []))
    ]
    also = ", ".join(label(item, names) for item in changed if item is not group.owner)
    lines += [(Text(shortened(f"and of {also}"), Style.FAINT),)] if also else []
    lines.append((Text(shortened(count_ops(group.nodes))),))
    marks = ", ".join(dict.fromkeys(view.marks[node] for node in group.nodes if node in view.marks))
    lines += [(Text(shortened(marks), Style.MARK),)] if marks else []
    said = "\n".join(tooltip(node, names).partition("\n")[0] for node in group.nodes)
    return Box(id, tuple(lines), Role.UPDATE, Flags.NONE, said, Part.UPDATE.value)


def _arrows(view: View, groups: Iterable[Group], ids: Mapping[Node, str]) -> list[Arrow]:
    """One arrow for each value and box that reads it; the first from each op says the value's type.

    The box of an update names the parameter it reads and what the updates share, so no arrow does.
    """
    arrows: list[Arrow] = []
    said: set[Node] = set()
    for group in groups:
        head = ids[group.last]
        read = dict.fromkeys(operand for node in group.nodes for operand in node.operands)
        for operand in read:
            is_named = operand is group.owner or (group.is_update and operand in view.parts.owner)
            if ids[operand] == head or is_named:
                continue
            role = _arrow_role(view.parts, operand, group.last)
            text = str(operand.type) if operand not in said and _is_on_arrow(view, operand) else ""
            said.add(operand)
            arrows.append(
                Arrow(ids[operand], head, role, text, f"{label(operand, view.names)} : {operand.type}")
            )
    return arrows


def _arrow_role(parts: Parts, tail: Node, head: Node) -> ArrowRole:
    if parts.part[head] is Part.UPDATE:
        return ArrowRole.STEP
    if parts.part[head] is Part.FORWARD:
        return ArrowRole.VALUE
    return ArrowRole.GRADIENT if parts.part[tail] is Part.BACKWARD else ArrowRole.READ


def _levels(view: View, ids: Mapping[Node, str]) -> list[Arrow]:
    """Backward nodes that read no forward value stand no higher than what they are the gradient of."""
    part = view.parts.part
    found: list[Arrow] = []
    for node in view.graph.nodes:
        of = node.origin.of
        is_free = all(part[operand] is not Part.FORWARD for operand in node.operands)
        if part[node] is Part.BACKWARD and is_free and of is not None and part.get(of) is Part.FORWARD:
            found.append(Arrow(ids[of], ids[node], ArrowRole.LEVEL))
    return list(dict.fromkeys(found))


def _column(groups: Iterable[Group], ids: Mapping[Node, str]) -> list[Arrow]:
    """Collapsed updates stand one under the other."""
    steps = [ids[group.last] for group in groups if group.is_update]
    return [Arrow(above, below, ArrowRole.BELOW) for above, below in pairwise(steps)]
