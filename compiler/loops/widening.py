"""Walks rows that are narrower than vectors several at a time, as one wide row; each is added up apart.

    for i in first .. last:                               t = last - rem(last - first, 8)
        for j in 0 .. 2:                                  for i in first .. t by 8:
            s[j] = s[j] + x[2*i + j]                          for j in 0 .. 16:
                                               ->                 s[j] = s[j] + x[2*i + j]
                                                          for i in t .. last:
                                                              for j in 0 .. 2:
                                                                  s[j] = s[j] + x[2*i + j]

A chunk then leaves so many partial results one behind the other, and what joins those of chunks joins these.
Rows lie side by side in all that is read, or have all the same. Wide rows fill vectors, as many as are walked
down at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.drafts import Draft, extent_in
from compiler.loops.interchange import Sum, most_vectors, sums
from compiler.loops.language import (
    Count,
    For,
    Let,
    Literal,
    Load,
    Stmt,
    Store,
    Value,
    operand,
    reads,
    written,
)
from compiler.loops.machine import Machine
from compiler.loops.walking import stride
from compiler.loops.writing import Writer

VECTORS: Final = 4
"""Vectors of a wide row, where registers allow: sums of so many do not wait for each other."""

WIDEST: Final = 32
"""The most vectors of a wide row. Those that are not walked down at once are walked in blocks of rows."""

WIDEST_ALIKE: Final = 8
"""Where rows meet what all of them have, too: each lane of a wide row picks its own."""

FEW: Final = 4
"""Wide rows; a kernel that has fewer is left alone."""


def rows_at_once(draft: Draft, machine: Machine, lanes: int) -> int:
    """How many rows become one; 1 where that is not possible, or gains nothing."""
    found = _nest(draft)
    if found is None:
        return 1
    rows, columns = found
    sides = sums(rows, columns)
    width, most = extent_in(columns.stop), most_vectors(columns, sides, machine)
    if not isinstance(width, int) or width < 1:
        return 1
    vectors = math.lcm(width, lanes) // lanes
    if vectors > (WIDEST_ALIKE if _meets_what_is_alike(rows, columns, sides) else WIDEST):
        return 1
    together = vectors * max(1, min(VECTORS, most) // vectors) * lanes // width
    extent = extent_in(draft.first)
    return 1 if isinstance(extent, int) and extent < FEW * together else together


def widen(draft: Draft, together: int) -> Draft:
    """The draft, which is cut, with so many rows as one."""
    if together == 1:
        return draft
    found = _nest(draft)
    assert found is not None
    rows, columns = found
    wide = Count(extent_in(columns.stop) * together)
    body: list[Stmt] = []
    for stmt in draft.kernel.body:
        if stmt is rows:
            body += _in_two(rows, columns, wide, together)
        elif isinstance(stmt, For):
            body.append(replace(stmt, stop=wide))
        else:
            body.append(stmt)
    partials = tuple(replace(item, rows=together) for item in draft.partials)
    return replace(draft, kernel=replace(draft.kernel, body=tuple(body)), partials=partials)


def _nest(draft: Draft) -> tuple[For, For] | None:
    """The loop over rows that chunks share and that over columns, if they add up all that the kernel has."""
    nests = [stmt for stmt in draft.kernel.body if isinstance(stmt, For) and isinstance(stmt.body[0], For)]
    if len(nests) != 1 or len(nests[0].body) != 1:
        return None
    (rows,) = nests
    columns = rows.body[0]
    assert isinstance(columns, For)
    found = sums(rows, columns)
    others = [stmt for stmt in draft.kernel.body if isinstance(stmt, For) and stmt is not rows]
    is_all = len(found) == len(draft.partials) > 0 and all(item.is_split for item in draft.partials)
    if not is_all or any(stmt.stop is not columns.stop for stmt in others):
        return None
    is_dense = all(_is_dense(item, columns) for item in found)
    return (rows, columns) if is_dense and _is_one_row(rows, columns, found) else None


def _is_dense(item: Sum, columns: For) -> bool:
    """Whether what is added up lies as the columns do."""
    return stride(item.store.ref, columns.index) == 1


def _is_one_row(rows: For, columns: For, found: Sequence[Sum]) -> bool:
    """Whether rows lie side by side in what is read and stored, or are the same in what is read."""
    sides = {id(stmt) for item in found for stmt in (item.load, item.store)}
    if any(isinstance(stmt, Load) and _is_picked(stmt, columns) for stmt in columns.body):
        return False
    for stmt in columns.body:
        if isinstance(stmt, Let) and rows.index in reads(stmt):
            return False
        if isinstance(stmt, Load | Store) and id(stmt) not in sides:
            far, near = (extent_in(stride(stmt.ref, loop.index)) for loop in (rows, columns))
            if far not in (0, near * extent_in(columns.stop)):
                return False
    return True


def _meets_what_is_alike(rows: For, columns: For, found: Sequence[Sum]) -> bool:
    """Whether something is loaded that all rows have, beside what they are added to."""
    sides = {id(item.load) for item in found}
    loads = [stmt for stmt in columns.body if isinstance(stmt, Load) and id(stmt) not in sides]
    return any(stride(load.ref, rows.index) == 0 for load in loads)


def _is_picked(load: Load, columns: For) -> bool:
    """Whether an index says what is read."""
    made = {value for stmt in columns.body for value in written(stmt)}
    return not made.isdisjoint(value for value, _ in load.ref.terms)


def _in_two(rows: For, columns: For, wide: Count, together: int) -> Sequence[Stmt]:
    """The wide rows, and the rows that are left."""
    writer = Writer()
    left = writer.let("rem", INT64, writer.difference(rows.stop, rows.start), Literal.of(together, INT64))
    end = writer.difference(rows.stop, left)
    last = Copy(is_fresh=True).stmt(replace(rows, start=end))
    body = _wide(rows, columns)
    whole = replace(rows, stop=end, step=together, body=(replace(columns, stop=wide, body=body),))
    return [*writer.blocks[0], whole, last]


def _wide(rows: For, columns: For) -> tuple[Stmt, ...]:
    """The body of a wide row: what all rows have is that of the column."""
    column = Value(INT64)
    alike = Copy({columns.index: column})
    sides = [stmt.ref for stmt in columns.body if isinstance(stmt, Store)]
    found: list[Stmt] = []
    for stmt in columns.body:
        is_same = isinstance(stmt, Load) and stride(stmt.ref, rows.index) == 0 and stmt.ref not in sides
        found.append(alike.stmt(stmt) if isinstance(stmt, Let) or is_same else stmt)
    if any(column in reads(stmt) for stmt in found):
        found.insert(0, Let(column, "rem", (columns.index, operand(columns.stop))))
    return tuple(found)
