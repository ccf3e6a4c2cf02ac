"""Writes a loop of vectors that has one iteration as what is in it.

    for i in 0 .. n:                                        for i in 0 .. n:
        for j in 0 .. 3 in vectors of 4 with m:                 ahead:
            ahead:                                                  m = first 3
                t = load index[i]                 ->            t = load index[i]
            y[3*i + j] = x[3*t + j; where m]                    y[3*i] = x[3*t; where m]

There is nothing to count, and what is the same in all rows can move ahead of their loop. Loops that carry
something are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.language import For, Kernel, Let, Literal, Ref, Stmt


def open_loops(kernel: Kernel) -> Kernel:
    """The kernel without loops of one iteration."""
    return replace(kernel, body=_Opened().block(kernel.body))


class _Opened(Copy):
    """Statements with the index of an opened loop as 0."""

    def block(self, body: Iterable[Stmt]) -> tuple[Stmt, ...]:
        found: list[Stmt] = []
        for stmt in body:
            if isinstance(stmt, For) and _is_once(stmt):
                found += self._opened(stmt)
            else:
                found.append(self.stmt(stmt))
        return tuple(found)

    def _opened(self, loop: For) -> Iterable[Stmt]:
        self.known[loop.index] = 0
        if loop.mask is not None:
            assert isinstance(loop.stop, int)
            yield Let(loop.mask, "first", (Literal.of(loop.stop, INT64),))
        yield from self.block((*loop.ahead, *loop.body))

    def ref(self, ref: Ref) -> Ref:
        kept = tuple(term for term in ref.terms if self.known.get(term[0]) != 0)
        return super().ref(ref if len(kept) == len(ref.terms) else replace(ref, terms=kept))


def _is_once(loop: For) -> bool:
    """Whether a loop is known to have one iteration; a chain would hand its index on."""
    is_one = loop.start == 0 and isinstance(loop.stop, int) and 0 < loop.stop <= loop.step
    return is_one and loop.lanes > 0 and not loop.carried
