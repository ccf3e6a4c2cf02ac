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

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.language import For, If, Kernel, Let, Literal, Stmt, Value
from compiler.loops.machine import Machine
from compiler.loops.walking import is_innermost
from compiler.loops.weights import weight

LONG: Final = 96.0
"""Instructions of an iteration beyond which it is not made longer."""


def at_once(machine: Machine, states: int, body: Sequence[Stmt]) -> int:
    """The most vectors that are walked at once: a state of each takes two registers, and a third is left."""
    registers = machine.vector_registers
    instructions = sum(weight(stmt.atom, stmt.operands) if isinstance(stmt, Let) else 1.0 for stmt in body)
    return max(1, min((registers // 4 if registers > 16 else 5) // states, int(LONG / instructions)))


def jam(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel with loops of vectors over a loop of rows walked by several vectors."""
    return replace(kernel, body=_block(kernel.body, machine))


def _block(body: Sequence[Stmt], machine: Machine) -> tuple[Stmt, ...]:
    return tuple(item for stmt in body for item in _jammed(stmt, machine))


def _jammed(stmt: Stmt, machine: Machine) -> Sequence[Stmt]:
    match stmt:
        case For() if (rows := _rows(stmt)) is not None:
            return _strips(stmt, rows, at_once(machine, len(rows.carried), rows.body))
        case For():
            return [replace(stmt, body=_block(stmt.body, machine))]
        case If():
            then, otherwise = (_block(block, machine) for block in (stmt.then, stmt.otherwise))
            return [replace(stmt, then=then, otherwise=otherwise)]
        case _:
            return [stmt]


def _rows(columns: For) -> For | None:
    """The one loop inside a loop of vectors, which carries states, if that is all."""
    inner = [stmt for stmt in columns.body if isinstance(stmt, For)]
    if not columns.lanes or columns.step != columns.lanes or columns.carried or len(inner) != 1:
        return None
    (rows,) = inner
    others = [stmt for stmt in columns.body if stmt is not rows]
    is_plain = is_innermost(rows) and not any(isinstance(stmt, If) for stmt in others)
    return rows if rows.carried and is_plain else None


def _strips(columns: For, rows: For, most: int) -> Sequence[Stmt]:
    """Strips of several vectors, one of those that are left, and what does not fill a vector as it was."""
    start, stop, lanes = columns.start, columns.stop, columns.lanes
    if not isinstance(start, int) or not isinstance(stop, int) or stop - start < 2 * lanes or most < 2:
        return [columns]
    count = (stop - start) // lanes
    width = -(-count // -(-count // most))
    found: list[Stmt] = []
    for number in (width, count % width):
        end = start + (stop - start) // (number * lanes) * (number * lanes) if number else start
        if end > start:
            found.append(_strip(replace(columns, start=start, stop=end, step=number * lanes), rows))
        start = end
    return found if start == stop else [*found, Copy(is_fresh=True).stmt(replace(columns, start=start))]


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
