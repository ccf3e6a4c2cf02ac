"""Adds up two vectors of a row at a time, each apart.

    for j in 0 .. 64 in vectors of 8:  carrying s       for j in 0 .. 64 by 16 in vectors of 8:  carrying s, t
        s = s + x[j]                             ->         s = s + x[j]
                                                            t = t + x[j+8]
                                                        s = s + t

Each addition waits for the one before, so a sum takes as long as the additions of one lane. A vector that is
left is added last. Where more is done to an element than to add it up, the sum does not have to wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.op import Reducer
from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.language import Carry, Fold, For, Kernel, Let, Literal, Stmt, Value
from compiler.loops.peeling import whole_end
from compiler.loops.reductions import empty
from compiler.loops.walking import only_fold, replaced
from compiler.loops.weights import EXPENSIVE, weight
from compiler.loops.writing import Writer

FEW: Final = 4
"""Vectors; a row that has fewer is left alone."""


def pair(kernel: Kernel) -> Kernel:
    """The kernel with sums along rows in two parts."""
    return replace(kernel, body=replaced(kernel.body, _paired))


def _paired(loop: For) -> Sequence[Stmt] | None:
    """A loop that does little more than to add up, in pairs; None for others."""
    fold = only_fold(loop)
    if fold is None or fold.reducer is not Reducer.SUM or loop.step != loop.lanes or _is_few(loop):
        return None
    instructions = sum(weight(stmt.atom, stmt.operands) for stmt in loop.body if isinstance(stmt, Let))
    return _in_pairs(loop, fold) if instructions <= EXPENSIVE else None


def _is_few(loop: For) -> bool:
    """Whether a row is known to have few vectors."""
    start, stop = loop.start, loop.stop
    return isinstance(start, int) and isinstance(stop, int) and stop - start < FEW * loop.lanes


def _in_pairs(loop: For, fold: Fold) -> Sequence[Stmt]:
    """The loop of pairs, the sum of both, and the vector that is left, if there may be one."""
    writer, index, (sums,) = Writer(), Value(INT64), loop.carried
    (nothing,) = empty(Reducer.SUM, sums.inside.dtype)
    copy = Copy({loop.index: index}, is_fresh=True)
    inside = copy.new(sums.inside)
    again = copy.block(loop.body)
    other = Carry(inside, nothing, copy.of(sums.following), copy.new(sums.after))
    end = whole_end(writer, replace(loop, lanes=2 * loop.lanes))
    first, total = (Value(sums.after.dtype, loop.lanes, sums.after.label) for _ in range(2))
    joined = Fold((total,), fold.reducer, (first,), (other.after,))
    ahead = Let(index, "add", (loop.index, Literal.of(loop.lanes, INT64)))
    pairs = replace(
        loop, stop=end, step=2 * loop.lanes, body=(ahead, *loop.body, *again),
        carried=(replace(sums, after=first), other),
    )  # fmt: skip
    if end == loop.stop:
        return [pairs, replace(joined, following=(sums.after,))]
    left = Copy(is_fresh=True).stmt(replace(loop, start=end, carried=(replace(sums, first=total),)))
    assert isinstance(left, For)
    left = replace(left, carried=(replace(left.carried[0], after=sums.after),))
    return [*writer.blocks[0], pairs, joined, left]
