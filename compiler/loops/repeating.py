"""Walks rows that are narrower than vectors as one loop; what rows have alike is repeated in a room.

                                                      for r in 0 .. 64:
                                                          for j in 0 .. 3:
                                                              room[3*r + j] = y[j]
    for i in first .. last:                           t = last - rem(last - first, 64)
        for j in 0 .. 3:                              for i in first .. t by 64:
            z[3*i + j] = x[3*i + j] * y[j]    ->          for j in 0 .. 192:
                                                              z[3*i + j] = x[3*i + j] * room[j]
                                                      for i in t .. last:
                                                          for j in 0 .. 3:
                                                              z[3*i + j] = x[3*i + j] * y[j]

What each row has for all its columns is spread in a room before each block of rows, and so are rows that are
picked by indices, where more is done than to pick them. Then vectors are full: of rows of 3 they hold 16
elements instead of 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.ir.types import BOOL, INT64
from compiler.loops.copying import Copy
from compiler.loops.drafts import Draft, known_extent
from compiler.loops.language import (
    For,
    Let,
    Literal,
    Load,
    Memory,
    Number,
    Ref,
    Stmt,
    Store,
    Value,
    reads,
    written,
)
from compiler.loops.walking import stride
from compiler.loops.weights import weight
from compiler.loops.writing import Writer

BLOCK: Final = 256
"""Elements of a block of rows, about: what is repeated stays in the first cache beside what it meets."""

FULL: Final = 0.75
"""Vectors that are so full are left alone."""

FEW: Final = 4
"""Blocks; a loop that has fewer is left alone."""

MUCH: Final = 8.0
"""Instructions of a map from which on rows that are picked are copied for it."""


@dataclass(frozen=True, slots=True)
class _Nest:
    """A loop over rows whose body is one over columns, and what it loads that rows or columns have alike.

    `picked` are loads by indices, which are among these, and what makes the indices.
    """

    rows: For
    columns: For
    width: int
    alike: Sequence[Load]
    picked: _Picked

    @property
    def indices(self) -> list[Stmt]:
        """What makes the indices, in its order."""
        return [stmt for stmt in self.columns.body if not self.picked.indices.isdisjoint(written(stmt))]


@dataclass(frozen=True, slots=True)
class _Picked:
    """Loads by indices, and the values that only say where they are."""

    loads: Sequence[Load]
    indices: frozenset[Value]


def rows_of_a_block(draft: Draft, lanes: int) -> int:
    """How many rows are walked as one loop; 1 where nothing is gained."""
    nest = _nest(draft.kernel.body, lanes)
    if nest is None:
        return 1
    together = math.lcm(nest.width, lanes) // nest.width
    together *= max(1, BLOCK // (together * nest.width))
    extent = known_extent(nest.rows.stop)
    return 1 if isinstance(extent, int) and extent < FEW * together else together


def repeat(draft: Draft, together: int, lanes: int) -> Draft:
    """The draft, which may be cut, with so many rows as one loop."""
    nest = _nest(draft.kernel.body, lanes) if together > 1 else None
    if nest is None:
        return draft
    writing = _Repeating(nest, together, lanes)
    kernel = replace(
        draft.kernel,
        body=_in_place_of(nest.rows, writing.written(), draft.kernel.body),
        rooms=(*draft.kernel.rooms, *writing.rooms.values()),
    )
    return replace(draft, kernel=kernel)


def _in_place_of(loop: For, written: Sequence[Stmt], body: Iterable[Stmt]) -> tuple[Stmt, ...]:
    """A block with statements in the place of a loop."""
    found: list[Stmt] = []
    for stmt in body:
        if stmt is loop:
            found += written
        elif isinstance(stmt, For):
            found.append(replace(stmt, body=_in_place_of(loop, written, stmt.body)))
        else:
            found.append(stmt)
    return tuple(found)


def _nest(body: Iterable[Stmt], lanes: int) -> _Nest | None:
    """The two innermost loops, if nothing else is in any loop, and rows are narrow and lie side by side."""
    path: list[For] = []
    inside = [stmt for stmt in body if isinstance(stmt, For)]
    while len(inside) == 1 and isinstance(inside[0], For) and not inside[0].carried:
        path.append(inside[0])
        inside = inside[0].body
    if len(path) < 2:
        return None
    *_, rows, columns = path
    width = known_extent(columns.stop)
    if not isinstance(width, int) or not 1 < width < 2 * lanes or columns.start != 0 or rows.step != 1:
        return None
    picked = _picked(columns)
    if picked is None:
        return None
    alike = _alike(rows, columns, width, picked)
    is_full = width / (-(-width // lanes) * lanes) >= FULL
    return _Nest(rows, columns, width, alike, picked) if alike and not is_full else None


def _picked(columns: For) -> _Picked | None:
    """The loads by indices, if indices say nothing else, and much is done with what is picked."""
    made = {value for stmt in columns.body for value in written(stmt)}
    loads = [
        stmt
        for stmt in columns.body
        if isinstance(stmt, Load) and not made.isdisjoint(value for value, _ in stmt.ref.terms)
    ]
    indices = {value for load in loads for value, _ in load.ref.terms if value in made}
    for stmt in reversed(columns.body):
        if not indices.isdisjoint(written(stmt)):
            indices.update(value for value in reads(stmt) if value in made)
    others = [stmt for stmt in columns.body if indices.isdisjoint(written(stmt)) and stmt not in loads]
    if any(not indices.isdisjoint(reads(stmt)) for stmt in others):
        return None
    instructions = sum(weight(stmt.atom, stmt.operands) for stmt in others if isinstance(stmt, Let))
    return None if loads and instructions < MUCH else _Picked(loads, frozenset(indices))


def _alike(rows: For, columns: For, width: int, picked: _Picked) -> Sequence[Load]:
    """The loads that all rows or all columns do; none where the rest is not all rows side by side."""
    found: list[Load] = []
    for stmt in columns.body:
        if isinstance(stmt, Let):
            if not {rows.index, columns.index}.isdisjoint(reads(stmt)):
                return ()
            continue
        if not isinstance(stmt, Load | Store) or stmt.ref.at is not None:
            return ()
        if isinstance(stmt, Load) and stmt.value in picked.indices:
            continue
        if stmt in picked.loads and isinstance(stmt, Load) and stmt.ref.memory.dtype is not BOOL:
            found.append(stmt)
            continue
        far, near = (known_extent(stride(stmt.ref, loop.index)) for loop in (rows, columns))
        if (far, near) in ((width, 1), (0, 0)):
            continue
        if isinstance(stmt, Store) or stmt.ref.memory.dtype is BOOL or 0 not in (far, near):
            return ()
        found.append(stmt)
    return found


class _Repeating:
    """Writes the loops; each load that is alike has a room."""

    def __init__(self, nest: _Nest, together: int, lanes: int) -> None:
        self.nest, self.together = nest, together
        self.wide = together * nest.width
        self.rooms = {load.value: Memory(load.ref.memory.dtype, self.wide + lanes) for load in nest.alike}

    def written(self) -> Sequence[Stmt]:
        """What repeats what all rows have, the blocks of rows, and the rows that are left."""
        rows, writer = self.nest.rows, Writer()
        length = Literal.of(self.together, INT64)
        left = writer.let("rem", INT64, writer.difference(rows.stop, rows.start), length)
        end = writer.difference(rows.stop, left)
        is_of_rows = {
            load.value: load not in self.nest.picked.loads and _is_same(stride(load.ref, rows.index))
            for load in self.nest.alike
        }
        ahead = [self._spread(load) for load in self.nest.alike if is_of_rows[load.value]]
        inside = [self._spread(load) for load in self.nest.alike if not is_of_rows[load.value]]
        blocks = replace(rows, stop=end, step=self.together, body=(*inside, self._wide()))
        last = Copy(is_fresh=True).stmt(replace(rows, start=end))
        return [*writer.blocks[0], *ahead, blocks, last]

    def _wide(self) -> For:
        """The loop over a block of rows."""
        body = [
            Load(stmt.value, Ref(self.rooms[stmt.value], ((self.nest.columns.index, 1),)))
            if isinstance(stmt, Load) and stmt.value in self.rooms
            else stmt
            for stmt in self.nest.columns.body
            if self.nest.picked.indices.isdisjoint(written(stmt))
        ]
        return replace(self.nest.columns, stop=self.wide, body=tuple(body))

    def _spread(self, load: Load) -> For:
        """Writes what is alike to all places of a block; what vectors write too much is written over."""
        nest, row, column = self.nest, Value(INT64), Value(INT64)
        spread = _Spread(nest, row, column)
        before = nest.indices if load in nest.picked.loads else []
        loads = spread.block([*before, load])
        place = Ref(self.rooms[load.value], ((row, nest.width), (column, 1)))
        body = (*loads, Store(place, spread.known[load.value]))
        return For(row, 0, self.together, (For(column, 0, nest.width, body),))


class _Spread(Copy):
    """What is loaded for a row of a block, counted from the block's first."""

    def __init__(self, nest: _Nest, row: Value, column: Value) -> None:
        super().__init__({nest.columns.index: column}, is_fresh=True)
        self.first, self.row = nest.rows.index, row

    def ref(self, ref: Ref) -> Ref:
        """The place, as many rows further."""
        moved, far = super().ref(ref), stride(ref, self.first)
        return moved if _is_same(far) else replace(moved, terms=(*moved.terms, (self.row, far)))


def _is_same(far: Number) -> bool:
    return known_extent(far) == 0
