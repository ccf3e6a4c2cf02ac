"""The neighbourhood of a node: what is up to so many arrows away, whichever way they lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from compiler.errors import ArgumentError
from compiler.ir.node import Node
from compiler.render.groups import Group
from compiler.render.view import View


def neighbourhood(
    view: View, groups: Sequence[Group], around: Node, radius: int
) -> tuple[list[Group], Node, View]:
    """The boxes near that of a node, a node of that box, and the view with marks where arrows are cut.

    Raises ArgumentError for a negative radius.
    """
    if radius < 0:
        raise ArgumentError(f"a neighbourhood reaches 0 arrows or more, not {radius!r}")
    group_of = {node: number for number, group in enumerate(groups) for node in group.nodes}
    joined = _joined(view, groups, group_of)
    centre = group_of[around]
    near = {centre: 0}
    ring = [centre]
    for number in ring:
        fresh = [other for other in joined[number] if other not in near] if near[number] < radius else []
        near |= dict.fromkeys(fresh, near[number] + 1)
        ring += fresh
    found = [groups[number] for number in sorted(near)]
    return found, around, replace(view, marks={**view.marks, **_cut(view, found)})


def _joined(view: View, groups: Sequence[Group], group_of: Mapping[Node, int]) -> list[list[int]]:
    joined: list[dict[int, None]] = [{} for _ in groups]
    for node in view.graph.nodes:
        for operand in node.operands:
            one, other = group_of[node], group_of[operand]
            if one != other:
                joined[one][other] = None
                joined[other][one] = None
    return [list(found) for found in joined]


def _cut(view: View, groups: Sequence[Group]) -> dict[Node, str]:
    """For each node with readers that are not drawn how many they are."""
    shown = {node for group in groups for node in group.nodes}
    marks: dict[Node, str] = {}
    for node in shown:
        count = len(set(view.graph.users[node]) - shown)
        if count:
            said = [view.marks[node]] if node in view.marks else []
            marks[node] = ", ".join([*said, f"{count} more reader{'' if count == 1 else 's'}"])
    return marks
