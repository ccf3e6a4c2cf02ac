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
from compiler.loops.language import Carry, Fold, For, If, Kernel, Let, Literal, Load, Stmt, Value
from compiler.loops.peeling import whole_end
from compiler.loops.reductions import empty
from compiler.loops.weights import EXPENSIVE, weight
from compiler.loops.writing import Writer

FEW: Final = 4
"""Vectors; a row that has fewer is left alone."""


def pair(kernel: Kernel) -> Kernel:
    """The kernel with sums along rows in two parts."""
    return replace(kernel, body=_block(kernel.body))


def _block(body: Sequence[Stmt]) -> tuple[Stmt, ...]:
    return tuple(item for stmt in body for item in _paired(stmt))


def _paired(stmt: Stmt) -> Sequence[Stmt]:
    match stmt:
        case For() if (fold := _sum(stmt)) is not None:
            return _in_pairs(stmt, fold)
        case For():
            return [replace(stmt, body=_block(stmt.body))]
        case If():
            return [replace(stmt, then=_block(stmt.then), otherwise=_block(stmt.otherwise))]
        case _:
            return [stmt]


def _sum(loop: For) -> Fold | None:
    """The sum that is all that a loop of whole vectors does, if not much is done for it."""
    folds = [stmt for stmt in loop.body if isinstance(stmt, Fold)]
    is_plain = all(isinstance(stmt, Let | Load | Fold) for stmt in loop.body)
    if not is_plain or len(folds) != 1 or folds[0].reducer is not Reducer.SUM:
        return None
    instructions = sum(weight(stmt.atom, stmt.operands) for stmt in loop.body if isinstance(stmt, Let))
    is_carried = [item.following for item in loop.carried] == list(folds[0].following)
    is_whole = loop.lanes > 0 and loop.step == loop.lanes and loop.mask is None
    return folds[0] if is_carried and is_whole and not _is_few(loop) and instructions <= EXPENSIVE else None


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
