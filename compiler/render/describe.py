"""From a graph to a picture: which boxes there are, what stands in them, and which arrows join them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from compiler.analysis.parts import Part, Parts, parts_of
from compiler.ir.graph import Graph
from compiler.ir.naming import Names
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.render.groups import Group, groups_of
from compiler.render.labels import count_ops, expression, label, shortened, tooltip
from compiler.render.picture import (
    Arrow,
    ArrowRole,
    Box,
    Caption,
    Column,
    Flags,
    Line,
    Picture,
    Role,
    Statement,
    Style,
    Text,
)


@dataclass(frozen=True, slots=True)
class View:
    """A graph with everything that is asked of it while it is described."""

    graph: Graph
    names: Names
    parts: Parts
    updated: Mapping[Node, list[Node]]
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
    `groups` makes one box, under a label, of nodes that run together, with a line for each; `marks` adds
    words such as `in place` to a node's line.
    """
    view = _view(graph, marks or {})
    found = groups_of(graph, view.parts, groups or {}, detail)
    ids = {node: f"n{number}" for number, group in enumerate(found) for node in group.nodes}
    boxes = [_box(view, group, ids[group.last]) for group in found]
    arrows = [*_arrows(view, found, ids), *_below(view, ids), *_column(found, ids)]
    occurring = {box.column for box in boxes}
    columns = tuple(Column(part.value, part.value) for part in Part if part.value in occurring)
    return Picture(columns, tuple(boxes), tuple(arrows), title)


def _view(graph: Graph, marks: Mapping[Node, str]) -> View:
    updated: dict[Node, list[Node]] = {}
    for parameter, value in graph.updates:
        updated.setdefault(value, []).append(parameter)
    return View(graph, graph.names, parts_of(graph), updated, marks, frozenset(graph.outputs))


def _box(view: View, group: Group, id: str) -> Box:
    if group.is_update:
        return _update_box(view, group, id)
    flags = Flags.NONE
    for flag, nodes in ((Flags.OUTPUT, view.outputs), (Flags.SAVED, view.parts.saved)):
        flags |= flag if any(node in nodes for node in group.nodes) else Flags.NONE
    said = "\n\n".join(tooltip(node, view.names) for node in group.nodes)
    column = view.parts.part[group.last].value
    return Box(id, tuple(_lines(view, group)), _role(view, group.last), column, flags, said)


def _role(view: View, node: Node) -> Role:
    if node.op.has(Trait.LEAF):
        return {"input": Role.INPUT, "parameter": Role.PARAMETER}.get(node.op.name, Role.CONSTANT)
    return {Part.BACKWARD: Role.BACKWARD, Part.UPDATE: Role.UPDATE}.get(view.parts.part[node], Role.FORWARD)


def _lines(view: View, group: Group) -> list[Line]:
    if group.label:
        head = Caption((Text(shortened(group.label), Style.TITLE),))
        return [head, *(_statement(view, group, node) for node in group.nodes)]
    if not group.last.op.has(Trait.LEAF):
        return [_statement(view, group, node) for node in group.nodes]
    node, value = group.last, shortened(expression(group.last, view.names))
    head = Caption((_name(view, node), *((Text(value),) if value else ())))
    marks = _marks(view, group, node)
    return [head, Caption((Text(str(node.type), Style.FAINT),)), *([Caption(marks)] if marks else [])]


def _statement(view: View, group: Group, node: Node) -> Statement:
    """What a node is called, what it does, and its type where no arrow says it."""
    is_said = node is group.last and _is_on_arrow(view, node)
    what = (*_operation(view, node), *_marks(view, group, node))
    return Statement(_name(view, node), what, "" if is_said else str(node.type), node in view.parts.saved)


def _is_on_arrow(view: View, node: Node) -> bool:
    """Whether an arrow says a value's type; else its box does: for a leaf, and a finished gradient."""
    part = view.parts.part
    is_step = part[node] is not Part.UPDATE
    readers = [user for user in view.graph.users[node] if not (is_step and part[user] is Part.UPDATE)]
    return bool(readers) and not node.op.has(Trait.LEAF)


def _name(view: View, node: Node) -> Text:
    return Text(shortened(label(node, view.names)), Style.FAINT if node.name is None else Style.TITLE)


def _operation(view: View, node: Node) -> tuple[Text, ...]:
    """The op's name and its expression, which may begin with the name: `exp(x)`."""
    text, name = shortened(expression(node, view.names)), shortened(node.op.name)
    rest = text.removeprefix(name)
    if rest != text and rest[:1] in ("(", "["):
        return Text(name, Style.TITLE), Text(rest)
    return Text(name, Style.TITLE), Text(f" {text}")


def _marks(view: View, group: Group, node: Node) -> tuple[Text, ...]:
    """What else to say of a node: that it is a next value, an output inside a kernel, a caller's mark."""
    said = [f"next {label(item, view.names)}" for item in view.updated.get(node, ())]
    said += ["output"] if node in view.outputs and node is not group.last else []
    said += [view.marks[node]] if node in view.marks else []
    return (Text(shortened(f"  {', '.join(said)}"), Style.MARK),) if said else ()


def _update_box(view: View, group: Group, id: str) -> Box:
    names = view.names
    changed = [item for node in group.nodes for item in view.updated.get(node, ())]
    owner = () if group.owner is None else (Text(shortened(label(group.owner, names)), Style.TITLE),)
    lines = [Caption((Text("update of" if owner else "shared by updates"), *owner))]
    also = ", ".join(label(item, names) for item in changed if item is not group.owner)
    lines += [Caption((Text(shortened(f"and of {also}"), Style.FAINT),))] if also else []
    lines.append(Caption((Text(shortened(count_ops(group.nodes))),)))
    marks = ", ".join(dict.fromkeys(view.marks[node] for node in group.nodes if node in view.marks))
    lines += [Caption((Text(shortened(marks), Style.MARK),))] if marks else []
    said = "\n".join(tooltip(node, names).partition("\n")[0] for node in group.nodes)
    return Box(id, tuple(lines), Role.UPDATE, Part.UPDATE.value, Flags.NONE, said)


def _arrows(view: View, groups: Iterable[Group], ids: Mapping[Node, str]) -> list[Arrow]:
    """One arrow for each value and box that reads it; a type that no box says stands on the first.

    The box of an update names the parameter it reads and what the updates share, so no arrow does.
    """
    arrows: list[Arrow] = []
    said = {node for group in groups for node in group.nodes if node is not group.last}
    for group in groups:
        head = ids[group.last]
        for operand in dict.fromkeys(operand for node in group.nodes for operand in node.operands):
            is_named = operand is group.owner or (group.is_update and operand in view.parts.owner)
            if ids[operand] == head or is_named:
                continue
            text = str(operand.type) if operand not in said and _is_on_arrow(view, operand) else ""
            said.add(operand)
            hint = f"{label(operand, view.names)} : {operand.type}"
            arrows.append(Arrow(ids[operand], head, _arrow_role(view.parts, operand, group.last), text, hint))
    return arrows


def _arrow_role(parts: Parts, tail: Node, head: Node) -> ArrowRole:
    match parts.part[tail], parts.part[head]:
        case Part.FORWARD | Part.BACKWARD, Part.UPDATE:
            return ArrowRole.STEP
        case Part.FORWARD, Part.BACKWARD:
            return ArrowRole.READ
        case Part.BACKWARD, Part.BACKWARD:
            return ArrowRole.GRADIENT
        case _:
            return ArrowRole.VALUE


def _below(view: View, ids: Mapping[Node, str]) -> list[Arrow]:
    """Backward nodes that read no forward value stand lower than what they are the gradient of."""
    part = view.parts.part
    found: list[Arrow] = []
    for node in view.graph.nodes:
        of = node.origin.of
        is_free = all(part[operand] is not Part.FORWARD for operand in node.operands)
        if part[node] is Part.BACKWARD and is_free and of is not None and part.get(of) is Part.FORWARD:
            found.append(Arrow(ids[of], ids[node], ArrowRole.BELOW))
    return list(dict.fromkeys(found))


def _column(groups: Iterable[Group], ids: Mapping[Node, str]) -> list[Arrow]:
    """Updates stand one under the other."""
    steps = [ids[group.last] for group in groups if group.is_update]
    return [Arrow(above, below, ArrowRole.BELOW) for above, below in pairwise(steps)]
