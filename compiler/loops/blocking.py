"""Computes several rows at once that read the same of another operand.

    for i in 0 .. n:                                     for i in 0 .. n by 4:
        for j in 0 .. m:                                     for j in 0 .. m:
            for k in 0 .. l:  carrying s                         for k in 0 .. l:  carrying s, t, ...
                d = x[i,k] - y[j,k]                ->                b = y[j,k]
                s = s + d * d                                        s = s + (x[i,k] - b) * (x[i,k] - b)
            z[i,j] = sqrt(s)                                         t = t + (x[i+1,k] - b) * (x[i+1,k] - b)
                                                                     ...
                                                                 z[i,j] = sqrt(s)
                                                                 z[i+1,j] = sqrt(t)
                                                                 ...

All of y passes for each row of x, from a cache that is not the nearest one where y is large. Rows are as many
as registers hold the states of. What each row adds up does not change; what reads what it has written is left
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.language import (
    Carry,
    Fold,
    For,
    Join,
    Kernel,
    Let,
    Literal,
    Load,
    Stmt,
    Store,
    Value,
    reads,
    walk,
    written,
)
from compiler.loops.machine import Machine
from compiler.loops.peeling import whole_end
from compiler.loops.walking import is_innermost, loops, replaced, stride
from compiler.loops.writing import Writer

ROWS: Final = 4
"""Rows at once, at most: a quarter of what is shared is read."""


def block_rows(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel with rows that share what they read computed several at once."""
    return replace(kernel, body=replaced(kernel.body, lambda loop: _blocked(loop, machine)))


def _blocked(rows: For, machine: Machine) -> Sequence[Stmt] | None:
    """A loop over rows by several, and one over those that are left; None for others."""
    is_plain = not (rows.lanes or rows.carried or rows.ahead) and rows.step == 1
    if not is_plain or is_innermost(rows) or not _is_independent(rows):
        return None
    varying = _derived(rows, {rows.index} | _carried(rows))
    chains = [loop for loop in loops(rows.body) if is_innermost(loop) and loop.carried]
    count = min((_at_once(machine, chain) for chain in chains), default=1)
    if count < 2 or _bounds_vary(rows, varying) or not any(_shares(rows, chain, varying) for chain in chains):
        return None
    writer = Writer()
    end = whole_end(writer, replace(rows, lanes=count))
    if end == rows.start:
        return None
    strip = replace(rows, stop=end, step=count, body=_Rows(rows.index, count, varying).all(rows.body))
    rest = [] if end == rows.stop else [Copy(is_fresh=True).stmt(replace(rows, start=end))]
    return [*writer.blocks[0], strip, *rest]


def _is_independent(rows: For) -> bool:
    """Whether each row writes what is its own, and what no row reads, at places that are not looked up."""
    found = list(walk(rows.body))
    if not all(isinstance(stmt, Let | Load | Store | Fold | Join | For) for stmt in found):
        return False
    loads = [stmt for stmt in found if isinstance(stmt, Load)]
    places = [stmt.ref for stmt in found if isinstance(stmt, Store)]
    looked_up = _derived(rows, {load.value for load in loads} | _carried(rows))
    are_apart = {ref.memory for ref in places}.isdisjoint(load.ref.memory for load in loads)
    return are_apart and not any(
        ref.memory.overlaps
        or ref.memory.extent
        or ref.at
        or stride(ref, rows.index) == 0
        or any(index in looked_up for index, _ in ref.terms)
        for ref in places
    )


def _derived(rows: For, known: set[Value]) -> set[Value]:
    """Values, and what is computed of them."""
    found = set(known)
    for stmt in walk(rows.body):
        if not isinstance(stmt, For) and not found.isdisjoint(reads(stmt)):
            found.update(written(stmt))
    return found


def _carried(rows: For) -> set[Value]:
    """What goes from one iteration to the next."""
    return {
        value for loop in loops(rows.body) for item in loop.carried for value in (item.inside, item.after)
    }


def _bounds_vary(rows: For, varying: set[Value]) -> bool:
    """Whether a loop is as long as the row says."""
    return any(number in varying for loop in loops(rows.body) for number in (loop.start, loop.stop))


def _at_once(machine: Machine, chain: For) -> int:
    """Of how many rows registers hold the states, and leave half of them for the rest."""
    vectors = sum(
        -(-max(1, item.inside.lanes) * item.inside.dtype.size // machine.vector_bytes)
        for item in chain.carried
    )
    return min(ROWS, machine.vector_registers // 2 // vectors)


def _shares(rows: For, chain: For, varying: set[Value]) -> bool:
    """Whether a loop reads what is the same in all rows and is more than one loop of this kind reads."""
    columns = [
        loop for loop in loops(rows.body) if loop is not chain and any(item is chain for item in loop.body)
    ]
    loads = [stmt for stmt in chain.body if isinstance(stmt, Load)]
    walked = [stmt for stmt in loads if stride(stmt.ref, chain.index) != 0]
    shared = [stmt for stmt in walked if varying.isdisjoint(reads(stmt))]
    is_wide = any(stride(stmt.ref, loop.index) != 0 for stmt in shared for loop in columns)
    return is_wide and len(shared) < len(loads)


class _Row(Copy):
    """Writes the statements of another row."""

    def begun(self, loop: For) -> tuple[Sequence[Any], Sequence[Any]]:
        """What is carried into a loop, and what of it is inside."""
        return self._begun(loop.carried)

    def ended(self, loop: For, begun: tuple[Sequence[Any], Sequence[Any]]) -> tuple[Carry, ...]:
        """What a loop carries, once its body is written."""
        return self._ended(loop.carried, *begun)


class _Rows:
    """Writes each statement once for all rows, or once for each."""

    def __init__(self, index: Value, count: int, varying: set[Value]) -> None:
        self.varying = varying
        self.places = {Value(INT64): number for number in range(1, count)}
        self.others = [_Row({index: place}, is_fresh=True) for place in self.places]
        self.index = index

    def all(self, body: Iterable[Stmt]) -> tuple[Stmt, ...]:
        """The body of the loop over rows."""
        begin = [
            Let(place, "add", (self.index, Literal.of(far, INT64))) for place, far in self.places.items()
        ]
        return (*begin, *self.block(body))

    def block(self, body: Iterable[Stmt]) -> Iterator[Stmt]:
        """Statements of all rows."""
        for stmt in body:
            if isinstance(stmt, For):
                yield self._loop(stmt)
            else:
                yield stmt
                if not self.varying.isdisjoint(reads(stmt)):
                    yield from (row.stmt(stmt) for row in self.others)

    def _loop(self, loop: For) -> For:
        begun = [row.begun(loop) for row in self.others]
        ahead, body = tuple(self.block(loop.ahead)), tuple(self.block(loop.body))
        carried = [
            loop.carried,
            *(row.ended(loop, item) for row, item in zip(self.others, begun, strict=True)),
        ]
        return replace(loop, ahead=ahead, body=body, carried=tuple(item for row in carried for item in row))
