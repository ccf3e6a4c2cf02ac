"""Moves what is the same in every iteration of an innermost loop ahead of it.

    for j in 0 .. n in vectors of 8:               for j in 0 .. n in vectors of 8:
        b = load c[i]                                  ahead:
        v = splat b                       ->               b = load c[i]
        y[j] = x[j] * v                                    v = splat b
                                                       y[j] = x[j] * v

What is ahead runs if the loop has an iteration: of an operand without elements nothing is read. A load moves
if the loop stores nothing in that memory.
"""

from __future__ import annotations

from dataclasses import replace

from compiler.loops.language import For, If, Kernel, Let, Load, Stmt, Store, Value, reads, walk, written
from compiler.loops.walking import is_innermost


def hoist(kernel: Kernel) -> Kernel:
    """The kernel with invariant atoms and loads ahead of their loops."""
    return replace(kernel, body=_hoisted(kernel.body))


def _hoisted(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    return tuple(map(_in, body))


def _in(stmt: Stmt) -> Stmt:
    match stmt:
        case For() if is_innermost(stmt):
            return _loop(stmt)
        case For():
            return replace(stmt, body=_hoisted(stmt.body))
        case If():
            return replace(stmt, then=_hoisted(stmt.then), otherwise=_hoisted(stmt.otherwise))
        case _:
            return stmt


def _loop(loop: For) -> For:
    stored = {stmt.ref.memory for stmt in walk(loop.body) if isinstance(stmt, Store)}
    varying: set[Value] = {loop.index, *(item.inside for item in loop.carried)}
    varying.update(value for stmt in walk(loop.body) for value in written(stmt))
    if loop.mask is not None:
        varying.add(loop.mask)
    ahead, kept = list(loop.ahead), list[Stmt]()
    for stmt in loop.body:
        is_invariant = isinstance(stmt, Let | Load) and varying.isdisjoint(reads(stmt))
        if is_invariant and not (isinstance(stmt, Load) and stmt.ref.memory in stored):
            ahead.append(stmt)
            varying.difference_update(written(stmt))
        else:
            kept.append(stmt)
    return replace(loop, ahead=tuple(ahead), body=tuple(kept))
