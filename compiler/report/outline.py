"""Where slots stand on the page: an outline of scopes, each a frame of lines, that folds without a layout.

Every line belongs to one scope, and a scope's lines are consecutive, so folding one takes lines out and moves
what is below: nothing else. Within a scope the rows are those of any drawing (`compiler.render.rows`):
forward down, backward up beside it, updates in a column of their own; positions within a line are those of
`compiler.render.positions`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.analysis.parts import Part, parts_of
from compiler.ir.naming import Names
from compiler.ir.node import Node
from compiler.ir.op import Input, Trait
from compiler.ir.scope import Path, paths_of
from compiler.render.boxes import node_role
from compiler.render.folding import Kind, Member, Tree, lines_of, tree_of
from compiler.render.labels import expression, op_word, shortened
from compiler.render.picture import Arrow, ArrowRole, Box, Column, Picture
from compiler.render.rows import rows_of
from compiler.render.sizes import text_width
from compiler.report.lines import COLUMNS, break_lines, positions_of
from compiler.report.repeats import with_repeats
from compiler.report.scopes import Scope
from compiler.report.slots import NOWHERE, Slots

LONGEST: Final = 30
"""The largest number of characters of an expression in a box."""

_PADDING: Final = 18.0


@dataclass(slots=True)
class Outline:
    """The scopes, the root first, and for each slot its scope, column, line, centre and width (points)."""

    scopes: list[Scope]
    scope: list[int]
    column: list[Part]
    line: list[int]
    x: list[float]
    width: list[float]
    columns: list[tuple[float, float]]
    lines: int


def outline_of(slots: Slots, paths: Sequence[Path] | None = None) -> Outline:
    """The outline of all slots. Linear in slots and what they read, but for sorting.

    `paths` has the part of the model of each slot, if not those of one model through its passes.
    """
    column = _columns(slots)
    members = _members(slots, column, _paths(slots) if paths is None else paths)
    tree = tree_of(members)
    trees = sorted(tree.walk(), key=lambda item: item.number)
    scopes = [Scope(item.path, item.parent) for item in trees]
    scope = _scope_of(slots, tree)
    hosts = [_host(slots, number, column, members) for number in range(len(slots.all))]
    lines, spans = lines_of(tree, lambda run: _rows(slots, run, column, hosts))
    row = [lines[number] for number in range(len(slots.all))]
    for number, item in enumerate(scopes):
        item.first, item.last = spans[number]
    width = [_width(slots, number) for number in range(len(slots.all))]
    break_lines(row, column, width, hosts, scopes)
    edges = [
        (read, slot.number)
        for slot in slots.all
        for read in slot.states[0].reads
        if scope[read] == scope[slot.number]
    ]
    x, columns = positions_of(row, column, width, hosts, edges)
    scopes, renumbered = with_repeats(scopes, tree, lambda number: _key(slots, number, column))
    scope = [renumbered[number] for number in scope]
    count = max(row, default=-1) + 1
    return Outline(scopes, scope, column, row, x, width, columns, count)


def _key(slots: Slots, number: int, column: Sequence[Part]) -> Hashable:
    """What a slot is known by where parts are compared; None for gradients and what passes have made."""
    slot = slots.all[number]
    if slot.born or column[number] is Part.BACKWARD:
        return None
    return slot.first.op.name, slot.first.type


def short_expression(node: Node, names: Names) -> str:
    """What stands in a box under the op's name: the index formula, or the type of a leaf."""
    return shortened(str(node.type) if node.op.has(Trait.LEAF) else expression(node, names), LONGEST)


def _columns(slots: Slots) -> list[Part]:
    """The part of each slot in the stage in which it is born."""
    parts = {stage.graph: parts_of(stage.graph).part for stage in slots.stages}
    return [parts[slots.stages[slot.born].graph][slot.first] for slot in slots.all]


def _paths(slots: Slots) -> list[Path]:
    """The part in which each slot was made; parts of one name are numbered over all stages."""
    scopes = [slot.first.origin.scope for slot in slots.all]
    paths = paths_of(scopes)
    return [() if scope is None else paths[scope] for scope in scopes]


def _members(slots: Slots, column: Sequence[Part], paths: Sequence[Path]) -> list[Member]:
    """Slots as what folds: each in the scope in which it was made."""
    found: list[Member] = []
    for slot, path in zip(slots.all, paths, strict=True):
        of, op = slot.first.origin.of, slot.first.op
        kind = Kind.GRADIENT if column[slot.number] is Part.BACKWARD else Kind.PLAIN
        if op.has(Trait.LEAF):
            kind = Kind.INPUT if isinstance(op, Input) else Kind.LEAF
        beside = None if of is None else slots.of.get(of)
        if slot.beside != NOWHERE and found[slot.beside].path == path:
            kind, beside = Kind.GRADIENT, slot.beside
        found.append(Member(path, slot.states[0].reads, kind, beside))
    return found


def _scope_of(slots: Slots, tree: Tree) -> list[int]:
    """The number of the scope of each slot."""
    found = [0] * len(slots.all)
    for item in tree.walk():
        for number in item.items:
            if isinstance(number, int):
                found[number] = item.number
    return found


def _rows(slots: Slots, run: Sequence[int], column: Sequence[Part], hosts: Sequence[int]) -> dict[int, int]:
    """The row of each slot of a run, from 0."""
    inside = set(run)
    boxes = tuple(Box(str(k), (), node_role(slots.all[k].first, column[k]), column[k].value) for k in run)
    arrows = tuple(_arrows(slots, run, inside, column))
    rows = rows_of(Picture(tuple(Column(part.value, "") for part in COLUMNS), boxes, arrows))
    for number in run:
        if hosts[number] in inside:
            rows[str(number)] = rows[str(hosts[number])]
    used = {row: place for place, row in enumerate(sorted(set(rows.values())))}
    return {int(key): used[row] for key, row in rows.items()}


def _host(slots: Slots, number: int, column: Sequence[Part], members: Sequence[Member]) -> int:
    """The slot beside which a new one stands: that of what it replaces, in the same scope and column."""
    beside = slots.all[number].beside
    if beside == NOWHERE or column[beside] is not column[number]:
        return NOWHERE
    return beside if members[beside].path == members[number].path else NOWHERE


def _arrows(slots: Slots, run: Sequence[int], inside: set[int], column: Sequence[Part]) -> Iterable[Arrow]:
    for number in run:
        for read in dict.fromkeys(slots.all[number].states[0].reads):
            if read in inside:
                is_gradient = column[read] is column[number] is Part.BACKWARD
                role = ArrowRole.GRADIENT if is_gradient else ArrowRole.VALUE
                yield Arrow(str(read), str(number), role)
        of = slots.all[number].first.origin.of
        beside = slots.of.get(of) if of is not None else None
        if beside in inside and column[number] is Part.BACKWARD and column[beside] is Part.FORWARD:
            yield Arrow(str(beside), str(number), ArrowRole.BELOW)


def _width(slots: Slots, number: int) -> float:
    """Room for the longest text of any state."""
    widest = 0.0
    for state in slots.all[number].states:
        names = slots.stages[state.stage].graph.names
        title = f"{op_word(state.node)} {shortened(names.values[state.node], LONGEST)}"
        widest = max(
            widest, text_width(title, 11.0) * 1.06, text_width(short_expression(state.node, names), 10.0)
        )
    return widest + _PADDING
