"""Walks several vectors of columns down the rows at once.

    for j in 0 .. 32 in vectors of 16:                    for j in 0 .. 32 by 32 in vectors of 16:
        for i in 0 .. n:  carrying s = 0.0                    for i in 0 .. n:  carrying s = 0.0, t = 0.0
            s = s + x[i,j]                        ->              s = s + x[i,j]
        y[j] = s                                                  t = t + x[i,j+16]
                                                              y[j] = s
                                                              y[j+16] = t

Memory is then read by more than one line of a row, and the sums do not wait for each other. What one vector
adds up does not change. Vectors are as many as registers hold the states of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeGuard

from compiler.ir.types import FLOAT64, INT64
from compiler.loops.arguments import FEW
from compiler.loops.copying import Copy
from compiler.loops.language import For, If, Kernel, Let, Literal, Load, Stmt, Store, Value
from compiler.loops.machine import Machine
from compiler.loops.peeling import whole_end
from compiler.loops.walking import at_most, definitions, is_innermost
from compiler.loops.weights import weight
from compiler.loops.writing import Writer

LONG: Final = 96.0
"""Instructions of an iteration beyond which it is not made longer."""


WIDENED: Final = (6, 4)
"""Vectors of sums of widened floats where vectors are computed in two halves: all, or some of many."""


def at_once(machine: Machine, states: int, body: Sequence[Stmt], vectors: int = 0) -> int:
    """The most vectors that are walked at once, of so many (0: not known).

    A state of each takes two registers, and a third is left; in two halves it takes four.
    """
    registers = machine.vector_registers
    lets = [stmt for stmt in body if isinstance(stmt, Let)]
    instructions = sum(weight(stmt.atom, stmt.operands) for stmt in lets) + len(body) - len(lets)
    most = registers // 4 if registers > 16 else 5
    if machine.adds_where_it_converts and any(_widens(stmt) for stmt in lets):
        all_of_few, some = WIDENED
        most = all_of_few if 0 < vectors <= all_of_few else some
    return max(1, min(most // states, int(LONG / instructions)))


def vectors_in(columns: For, lanes: int) -> int | None:
    """How many whole vectors of columns there are; None where that is not known."""
    start, stop = columns.start, columns.stop
    return (stop - start) // lanes if isinstance(start, int) and isinstance(stop, int) else None


def _widens(let: Let) -> bool:
    return let.atom == "cast" and let.value.dtype is FLOAT64


def jam(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel with loops of vectors over a loop of rows walked by several vectors."""
    return replace(kernel, body=_block(kernel.body, machine, definitions(kernel.body)))


def _block(body: Sequence[Stmt], machine: Machine, known: Mapping[Value, Stmt]) -> tuple[Stmt, ...]:
    return tuple(item for stmt in body for item in _jammed(stmt, machine, known))


def _jammed(stmt: Stmt, machine: Machine, known: Mapping[Value, Stmt]) -> Sequence[Stmt]:
    match stmt:
        case For() if (rows := _rows(stmt)) is not None and not _has_few(stmt, known):
            most = at_once(machine, len(rows.carried), rows.body, vectors_in(stmt, stmt.lanes) or 0)
            return _strips(stmt, rows, most)
        case For():
            return [replace(stmt, body=_block(stmt.body, machine, known))]
        case If():
            then, otherwise = (_block(block, machine, known) for block in (stmt.then, stmt.otherwise))
            return [replace(stmt, then=then, otherwise=otherwise)]
        case _:
            return [stmt]


def _has_few(columns: For, known: Mapping[Value, Stmt]) -> bool:
    """Whether columns are known to be few though not how many: three loops would take long to compile."""
    end = at_most(columns.stop, known)
    return isinstance(columns.stop, Value) and end is not None and end <= FEW


def _rows(columns: For) -> For | None:
    """The loop inside one of vectors, which carries states, if that is all and columns lie side by side."""
    inner = [stmt for stmt in columns.body if isinstance(stmt, For)]
    if not columns.lanes or columns.step != columns.lanes or columns.carried or len(inner) != 1:
        return None
    (rows,) = inner
    others = [stmt for stmt in columns.body if stmt is not rows]
    is_plain = is_innermost(rows) and not any(isinstance(stmt, If) for stmt in others)
    is_along = all(stmt.ref.at is None and stmt.ref.step in (0, 1) for stmt in rows.body if _moves(stmt))
    return rows if rows.carried and not rows.lanes and is_plain and is_along else None


def _moves(stmt: Stmt) -> TypeGuard[Load | Store]:
    return isinstance(stmt, Load | Store)


def _strips(columns: For, rows: For, most: int) -> Sequence[Stmt]:
    """Strips of several vectors, one of those that are left, and what does not fill a vector as it was."""
    start, lanes, count = columns.start, columns.lanes, vectors_in(columns, columns.lanes)
    if most < 2 or (count is not None and count < 2):
        return [columns]
    width = most if count is None else -(-count // -(-count // most))
    found, writer = list[Stmt](), Writer()
    for number in (width, 1 if count is None else count % width):
        wide = replace(columns, start=start, lanes=number * lanes)
        end = whole_end(writer, wide) if number else start
        if end != start:
            found.append(_strip(replace(columns, start=start, stop=end, step=number * lanes), rows))
        start = end
    is_all = start == columns.stop or (count is None and columns.mask is None)
    rest = [] if is_all else [Copy(is_fresh=True).stmt(replace(columns, start=start))]
    return [*writer.blocks[0], *found, *rest]


def _strip(columns: For, rows: For) -> For:
    """A loop over strips: each statement for every vector of the strip, and one loop over rows."""
    index, at = Value(INT64), columns.body.index(rows)
    begin, ahead, down, behind = list[Stmt](), list[Stmt](), list[For](), list[Stmt]()
    for offset in range(0, columns.step, columns.lanes):
        place = Value(INT64) if offset else index
        if offset:
            begin.append(Let(place, "add", (index, Literal.of(offset, INT64))))
        copy = Copy({columns.index: place}, is_fresh=True)
        ahead += _unmasked(copy, columns, columns.body[:at])
        (each,) = _unmasked(copy, columns, [rows])
        assert isinstance(each, For)
        down.append(each)
        behind += _unmasked(copy, columns, columns.body[at + 1 :])
    body = (*begin, *ahead, _together(down), *behind)
    return replace(columns, index=index, mask=None, body=body)


def _unmasked(copy: Copy, columns: For, body: Sequence[Stmt]) -> Sequence[Stmt]:
    """Statements of whole vectors."""
    return copy.block(_Whole(columns.mask).block(body))


class _Whole(Copy):
    """Statements without the mask of a loop."""

    def __init__(self, mask: Value | None) -> None:
        super().__init__({} if mask is None else {mask: None})


def _together(down: Sequence[For]) -> For:
    """Loops over the same rows as one."""
    first = down[0]
    bodies = [Copy({each.index: first.index}).block(each.body) for each in down]
    carried = tuple(item for each in down for item in each.carried)
    return replace(first, body=tuple(stmt for body in bodies for stmt in body), carried=carried)
