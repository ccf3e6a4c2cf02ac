"""Where slots stand on the page: an outline of scopes, each a frame of lines, that folds without a layout.

Every line belongs to one scope, and a scope's lines are consecutive, so folding one takes lines out and moves
what is below: nothing else. Within a scope the rows are those of any drawing (`compiler.render.rows`):
forward down, backward up beside it, updates in a column of their own; positions within a line are those of
`compiler.render.positions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from compiler.render.positions import Gaps, place
from compiler.render.positions import Slot as Space
from compiler.render.rows import rows_of
from compiler.render.sizes import text_width
from compiler.report.slots import Slots

COLUMNS: Final = tuple(Part)
LONGEST: Final = 30
"""The largest number of characters of an expression in a box."""

_WIDEST: Final = {Part.FORWARD: 340.0, Part.BACKWARD: 340.0, Part.UPDATE: 230.0}
"""Points of a line in each column; what does not fit stands on further lines."""

_GAPS: Final = Gaps(beside=12.0, below=0.0, columns=36.0)
_PADDING: Final = 18.0
_TALL: Final = 34.0


@dataclass(slots=True)
class Scope:
    """A part of the model: its lines from `first` to `last`, and the scope around it."""

    path: Path
    parent: int
    first: int = 0
    last: int = -1


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


def outline_of(slots: Slots) -> Outline:
    """The outline of all slots. Linear in slots and what they read, but for sorting."""
    column = _columns(slots)
    tree = tree_of(_members(slots, column))
    trees = sorted(tree.walk(), key=lambda item: item.number)
    scopes = [Scope(item.path, item.parent) for item in trees]
    scope = _scope_of(slots, tree)
    lines, spans = lines_of(tree, lambda run: _rows(slots, run, column))
    row = [lines[number] for number in range(len(slots.all))]
    for number, item in enumerate(scopes):
        item.first, item.last = spans[number]
    width = [_width(slots, number) for number in range(len(slots.all))]
    _break(row, column, width, scopes)
    spaces = [Space(width[k], _TALL, row[k], COLUMNS.index(column[k])) for k in range(len(slots.all))]
    edges = [
        (read, slot.number)
        for slot in slots.all
        for read in slot.states[0].reads
        if scope[read] == scope[slot.number]
    ]
    found = place(spaces, edges, len(COLUMNS), _GAPS)
    count = max(row, default=-1) + 1
    return Outline(scopes, scope, column, row, list(found.x), width, list(found.columns), count)


def short_expression(node: Node, names: Names) -> str:
    """What stands in a box under the op's name: the index formula, or the type of a leaf."""
    return shortened(str(node.type) if node.op.has(Trait.LEAF) else expression(node, names), LONGEST)


def _columns(slots: Slots) -> list[Part]:
    """The part of each slot in the stage in which it is born."""
    parts = {stage.graph: parts_of(stage.graph).part for stage in slots.stages}
    return [parts[slots.stages[slot.born].graph][slot.first] for slot in slots.all]


def _members(slots: Slots, column: Sequence[Part]) -> list[Member]:
    """Slots as what folds: each in the scope in which it was made."""
    scopes = [slot.first.origin.scope for slot in slots.all]
    paths = paths_of(scopes)
    found: list[Member] = []
    for slot, scope in zip(slots.all, scopes, strict=True):
        of, op = slot.first.origin.of, slot.first.op
        kind = Kind.GRADIENT if column[slot.number] is Part.BACKWARD else Kind.PLAIN
        if op.has(Trait.LEAF):
            kind = Kind.INPUT if isinstance(op, Input) else Kind.LEAF
        path = () if scope is None else paths[scope]
        found.append(Member(path, slot.states[0].reads, kind, None if of is None else slots.of.get(of)))
    return found


def _scope_of(slots: Slots, tree: Tree) -> list[int]:
    """The number of the scope of each slot."""
    found = [0] * len(slots.all)
    for item in tree.walk():
        for number in item.items:
            if isinstance(number, int):
                found[number] = item.number
    return found


def _rows(slots: Slots, run: Sequence[int], column: Sequence[Part]) -> dict[int, int]:
    """The row of each slot of a run, from 0."""
    inside = set(run)
    boxes = tuple(Box(str(k), (), node_role(slots.all[k].first, column[k]), column[k].value) for k in run)
    arrows = tuple(_arrows(slots, run, inside, column))
    rows = rows_of(Picture(tuple(Column(part.value, "") for part in COLUMNS), boxes, arrows))
    used = {row: place for place, row in enumerate(sorted(set(rows.values())))}
    return {int(key): used[row] for key, row in rows.items()}


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


def _break(row: list[int], column: Sequence[Part], width: Sequence[float], scopes: Sequence[Scope]) -> None:
    """Break lines that are too wide in a column; what is below moves down, scopes too."""
    lines: dict[int, list[int]] = {}
    for number, line in enumerate(row):
        lines.setdefault(line, []).append(number)
    moved: dict[int, int] = {}
    next_line = 0
    for line in sorted(lines):
        moved[line] = next_line
        room: dict[Part, tuple[int, float]] = {}
        for number in lines[line]:
            at, used = room.get(column[number], (0, 0.0))
            if used and used + width[number] > _WIDEST[column[number]]:
                at, used = at + 1, 0.0
            room[column[number]] = at, used + width[number] + _GAPS.beside
            row[number] = next_line + at
        next_line += 1 + max(at for at, _ in room.values())
    ends: Mapping[int, int] = {
        line: start - 1 for line, start in zip([*sorted(lines)][1:], [*moved.values()][1:], strict=True)
    }
    for scope in scopes:
        scope.first = moved.get(scope.first, next_line)
        scope.last = ends.get(scope.last + 1, next_line - 1)
