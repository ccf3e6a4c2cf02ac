"""The arrows between boxes: one for each value and box that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from compiler.analysis.parts import Part, Parts
from compiler.ir.node import Node
from compiler.render.groups import Group
from compiler.render.labels import label
from compiler.render.picture import Arrow, ArrowRole
from compiler.render.view import View

MOST_SAID: Final = 6
"""Values that the tooltip of one arrow names."""


def arrows_of(view: View, groups: Sequence[Group], ids: Mapping[Node, str]) -> list[Arrow]:
    """All arrows of a picture, those among them that only say what stands below what."""
    return [*_values(view, groups, ids), *_below(view, ids), *_column(view, groups, ids)]


def _values(view: View, groups: Iterable[Group], ids: Mapping[Node, str]) -> list[Arrow]:
    """One arrow for each value and box that reads it; a type that no box says stands on the first.

    The box of an update names the parameter it reads and what the updates share, so no arrow does. Between
    folded parts, and between kernels, all values of one role have one arrow.
    """
    arrows: list[Arrow] = []
    group_of = {node: group for group in groups for node in group.nodes}
    said = {node for group in groups for node in group.nodes if node is not group.last}
    for group in groups:
        head = ids[group.last]
        changed = {item for node in group.nodes for item in view.updated.get(node, ())}
        is_step = _computes(group) and view.parts.part[group.last] is Part.UPDATE
        bundles: dict[tuple[str, ArrowRole], list[Node]] = {}
        for operand in dict.fromkeys(operand for node in group.nodes for operand in node.operands):
            if ids.get(operand, head) == head or (is_step and operand in changed):
                continue
            if group.is_update and not group.kernels and operand in view.parts.owner:
                continue
            role = _role(view.parts, operand, group.last)
            tail = group_of[operand]
            if group.is_folded or tail.is_folded or (group.kernels and tail.kernels):
                bundles.setdefault((ids[operand], role), []).append(operand)
                continue
            text = str(operand.type) if operand not in said and view.is_on_arrow(operand) else ""
            said.add(operand)
            arrows.append(Arrow(ids[operand], head, role, text, _hint(view, operand)))
        arrows += [_bundle(view, tail, head, role, values) for (tail, role), values in bundles.items()]
    return arrows


def _bundle(view: View, tail: str, head: str, role: ArrowRole, values: Sequence[Node]) -> Arrow:
    """One arrow for several values, with the type that all have, or their number."""
    types = {str(node.type) for node in values}
    count = f"{len(values)} values" if len(values) > 1 else ""
    text = (types.pop() if len(types) == 1 else "", count)
    hints = [_hint(view, node) for node in values[:MOST_SAID]]
    more = [f"and {len(values) - MOST_SAID} more"] if len(values) > MOST_SAID else []
    is_said = any(view.is_on_arrow(node) for node in values)
    return Arrow(tail, head, role, ", ".join(filter(None, text)) if is_said else "", "\n".join(hints + more))


def _hint(view: View, node: Node) -> str:
    return f"{label(node, view.names)} : {node.type}"


def _role(parts: Parts, tail: Node, head: Node) -> ArrowRole:
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
    for node in ids:
        of = node.origin.of
        is_free = all(part[operand] is not Part.FORWARD for operand in node.operands)
        if part[node] is not Part.BACKWARD or not is_free or of is None or of not in ids:
            continue
        if part[of] is Part.FORWARD and ids[of] != ids[node]:
            found.append(Arrow(ids[of], ids[node], ArrowRole.BELOW))
    return list(dict.fromkeys(found))


def _column(view: View, groups: Iterable[Group], ids: Mapping[Node, str]) -> list[Arrow]:
    """Updates stand one under the other, kernels as they run, but for those beside their layers."""
    steps = [group for group in groups if group.is_update or view.parts.part[group.last] is Part.UPDATE]
    free = [group for group in steps if not group.frame and not group.family and _computes(group)]
    free.sort(key=lambda group: group.kernels[0].number if group.kernels else -1)
    found = [ids[group.last] for group in free]
    return [Arrow(above, below, ArrowRole.BELOW) for above, below in pairwise(found)]


def _computes(group: Group) -> bool:
    """Whether a box is one of several ops that says what it updates."""
    return group.is_update or bool(group.kernels)
