"""Whether rows lie in lanes: a vector holds one column of as many rows as it has lanes.

Then rows that are shorter than a vector leave no lane empty, lanes need not be joined, and what is computed
once a row is computed once for all lanes. Where rows lie one behind the other they are turned in registers,
which takes longer than to load them as they are. So it is asked what both ways would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final

from compiler.loops.arguments import FEW
from compiler.loops.language import (
    Count,
    Fold,
    For,
    Join,
    Let,
    Load,
    Number,
    Ref,
    Stmt,
    Store,
    refs,
    written,
)
from compiler.loops.walking import at_most, definitions, inside, is_innermost, loops, row_loop, stride
from compiler.loops.weights import EXPENSIVE, weight

NEAR: Final = 2
"""Vectors of a row beyond which rows are turned only where much is computed for each: their memory comes in
bursts, which takes longer than it saves where it is memory that a kernel waits for."""

LONGEST: Final = 3
"""Vectors of a row beyond which it is not turned at all."""

JOINING: Final = 10.0
"""Instructions for the result of a reduction from those of lanes."""

FINDING: Final = 40.0
"""Of a search."""

WAITING: Final = 3.0
"""How much longer an expensive function of one number takes: its instructions wait for each other."""


def across(body: Sequence[Stmt], lanes: int) -> For | None:
    """The loop over rows whose iterations lie in lanes; None where vectors run along the innermost loops."""
    rows = row_loop(body)
    if rows is None or rows.step != 1:
        return None
    stores = [stmt.ref for stmt in inside(rows) if isinstance(stmt, Store)]
    if any(stride(ref, rows.index) == 0 for ref in stores):
        return None
    inner = [loop for loop in loops(rows.body) if is_innermost(loop)]
    places = [ref for loop in inner for stmt in loop.body for ref in refs(stmt)]
    along = {ref.memory for ref in places if stride(ref, rows.index) == 1}
    within = {ref.memory for ref in places if any(stride(ref, loop.index) == 1 for loop in inner)}
    if _is_short(rows, lanes) or len(along) > len(within):
        return rows
    end = at_most(rows.stop, definitions(body))
    is_many = end is None or end > FEW
    return rows if is_many and _is_longer(rows, lanes) and _pays(rows, lanes) else None


def _passes(rows: For) -> list[For]:
    return [loop for loop in rows.body if isinstance(loop, For)]


def _is_short(rows: For, lanes: int) -> bool:
    """Whether what is in a row is known to fit into a vector."""
    return all(0 < _iterations(loop) <= lanes for loop in _passes(rows))


def _iterations(loop: For) -> int:
    """The iterations of loops inside each other, 0 where they are not known."""
    inner = [stmt for stmt in loop.body if isinstance(stmt, For)]
    return _extent(loop.stop) * max((_iterations(stmt) for stmt in inner), default=1)


def _extent(number: Number) -> int:
    """A number, 0 where it is not known."""
    found = number.extent if isinstance(number, Count) else number
    return found if isinstance(found, int) else 0


def _is_longer(rows: For, lanes: int) -> bool:
    """Whether rows are known to be longer than a vector, not much, and all that they move can be turned."""
    moved = {
        kind: {stmt.ref.memory for stmt in inside(rows) if isinstance(stmt, kind)} for kind in (Load, Store)
    }
    return moved[Load].isdisjoint(moved[Store]) and all(
        is_innermost(loop)
        and 0 < _extent(loop.stop) <= LONGEST * lanes
        and all(_can_turn(stmt.ref, rows, loop) for stmt in loop.body if isinstance(stmt, Load | Store))
        for loop in _passes(rows)
    )


def _can_turn(ref: Ref, rows: For, columns: For) -> bool:
    """Whether a place is the same for all rows, side by side for lanes, or side by side in a row."""
    made = {value for loop in _passes(rows) for stmt in loop.body for value in written(stmt)}
    is_plain = ref.at is None and made.isdisjoint(value for value, _ in ref.terms)
    return is_plain and (stride(ref, rows.index) in (0, 1) or stride(ref, columns.index) == 1)


def _pays(rows: For, lanes: int) -> bool:
    """Whether rows that are turned take less time than those that vectors run along."""
    is_far = any(_extent(loop.stop) > NEAR * lanes for loop in _passes(rows))
    if is_far and not any(isinstance(stmt, Let) and _once(stmt) for stmt in rows.body):
        return False
    along = sum(map(_once, rows.body))
    turned = along / lanes + _turning(rows, lanes)
    for loop in _passes(rows):
        vectors, instructions = _extent(loop.stop) / lanes, sum(map(_instructions, loop.body))
        along += ceil(vectors) * instructions
        turned += vectors * instructions
    return turned < along


def _turning(rows: For, lanes: int) -> float:
    """Instructions that turn what is moved: a round for each power of two, and three to load and store."""
    turned = {
        (stmt.ref.memory, isinstance(stmt, Store)): _extent(loop.stop) / lanes
        for loop in _passes(rows)
        for stmt in loop.body
        if isinstance(stmt, Load | Store) and stride(stmt.ref, rows.index) not in (0, 1)
    }
    return sum(turned.values()) * (lanes.bit_length() + 2)


def _instructions(stmt: Stmt) -> float:
    """Of a statement in a pass over a row, for each vector."""
    match stmt:
        case Let():
            return weight(stmt.atom, stmt.operands)
        case Fold():
            return 6.0 if stmt.reducer.is_search else 3.0
        case _:
            return 1.0


def _once(stmt: Stmt) -> float:
    """What a row needs of its own, unless rows lie in lanes."""
    match stmt:
        case Join():
            return FINDING if stmt.reducer.is_search else JOINING
        case Let():
            instructions = weight(stmt.atom, stmt.operands)
            return WAITING * instructions if instructions > EXPENSIVE else 0.0
        case _:
            return 0.0
