"""Keeps what a later pass over rows that lie in lanes needs again: a vector for each column.

    for i in 0 .. n in vectors of 4:                   for i in 0 .. n in vectors of 4:
        for j in 0 .. 3:  carrying s                       for j in 0 .. 3:  carrying s
            s = s + exp(x[i, j])                               e = exp(x[i, j])
        for j in 0 .. 3:                        ->             s = s + e
            y[i, j] = exp(x[i, j]) / s                         kept[4*j] = e
                                                           for j in 0 .. 3:
                                                               y[i, j] = kept[4*j] / s

What is worth keeping is decided as for rows that vectors run along.
"""

from __future__ import annotations

from dataclasses import replace

from compiler.loops.keeping import kept_in
from compiler.loops.language import For, If, Kernel, Memory, Stmt
from compiler.loops.walking import is_innermost


def hold(kernel: Kernel) -> Kernel:
    """The kernel with rooms for what several passes over rows in lanes need."""
    rooms = list(kernel.rooms)
    body = _block(kernel.body, rooms)
    return replace(kernel, body=body, rooms=tuple(rooms))


def _block(body: tuple[Stmt, ...], rooms: list[Memory]) -> tuple[Stmt, ...]:
    return tuple(_held(stmt, rooms) for stmt in body)


def _held(stmt: Stmt, rooms: list[Memory]) -> Stmt:
    match stmt:
        case For() if stmt.lanes and not is_innermost(stmt):
            return replace(stmt, body=kept_in(stmt.body, rooms, stmt.lanes))
        case For():
            return replace(stmt, body=_block(stmt.body, rooms))
        case If():
            return replace(stmt, then=_block(stmt.then, rooms), otherwise=_block(stmt.otherwise, rooms))
        case _:
            return stmt
