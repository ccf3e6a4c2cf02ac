"""Where slots stand within their lines: broken where they are too wide, what is new beside its host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from compiler.analysis.parts import Part
from compiler.render.positions import Gaps, place
from compiler.render.positions import Slot as Space
from compiler.report.scopes import Scope
from compiler.report.slots import NOWHERE

COLUMNS: Final = tuple(Part)
_WIDEST: Final = {Part.FORWARD: 340.0, Part.BACKWARD: 340.0, Part.UPDATE: 230.0}
"""Points of a line in each column; what does not fit stands on further lines."""

_GAPS: Final = Gaps(beside=12.0, below=0.0, columns=36.0)
_TALL: Final = 34.0


def break_lines(
    row: list[int],
    column: Sequence[Part],
    width: Sequence[float],
    hosts: Sequence[int],
    scopes: Sequence[Scope],
) -> None:
    """Break lines that are too wide in a column; what is below moves down, scopes too."""
    lines: dict[int, list[int]] = {}
    for number, line in enumerate(row):
        lines.setdefault(line, []).append(number)
    for items in lines.values():
        items.sort(key=lambda number: _place(number, hosts))
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


def _place(number: int, hosts: Sequence[int]) -> tuple[int, int]:
    """Behind its host, for what has one."""
    return (number, -1) if hosts[number] == NOWHERE else (hosts[number], number)


def positions_of(
    row: Sequence[int],
    column: Sequence[Part],
    width: Sequence[float],
    hosts: Sequence[int],
    edges: Iterable[tuple[int, int]],
) -> tuple[list[float], list[tuple[float, float]]]:
    """The centre of each slot in its line, and the edges of the columns."""
    head: list[int] = []
    together: dict[int, list[int]] = {}
    for number, host in enumerate(hosts):
        head.append(head[host] if host != NOWHERE and row[host] == row[number] else number)
        together.setdefault(head[number], []).append(number)
    place_of = {first: k for k, first in enumerate(together)}
    wide = [sum(width[k] + _GAPS.beside for k in items) - _GAPS.beside for items in together.values()]
    spaces = [
        Space(wide[k], _TALL, row[first], COLUMNS.index(column[first])) for first, k in place_of.items()
    ]
    joined = [(place_of[head[a]], place_of[head[b]]) for a, b in edges if head[a] != head[b]]
    found = place(spaces, joined, len(COLUMNS), _GAPS)
    x = [0.0] * len(row)
    for first, items in together.items():
        left = found.x[place_of[first]] - wide[place_of[first]] / 2
        for number in items:
            x[number] = left + width[number] / 2
            left += width[number] + _GAPS.beside
    return x, list(found.columns)
