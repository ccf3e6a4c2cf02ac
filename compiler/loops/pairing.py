"""Adds up two vectors of a row at a time, each apart.

    for j in 0 .. 64 in vectors of 8:  carrying s       for j in 0 .. 64 by 16 in vectors of 8:  carrying s, t
        s = s + x[j]                             ->         s = s + x[j]
                                                            t = t + x[j+8]
                                                        s = s + t

Each addition waits for the one before, so a sum takes as long as the additions of one lane. A vector that is
left is added last. Where more is done to an element than to add it up, the sum does not have to wait.

What takes long of float16 and bfloat16 are the two conversions on the way to a sum in float64. Four vectors
are added up in float32 before the second one, with 13 and 16 bits more than the elements have; bfloat16 as
quarters, which do not overflow. Rows of 2000 x 1000 take 0.6 of the time.

    for j in 0 .. 64 in vectors of 8:  carrying s       for j in 0 .. 64 by 32 in vectors of 8:  carrying t
        s = s + f64(f32(x[j]))                   ->         a = f32(x[j]) + f32(x[j+8])
                                                            b = f32(x[j+16]) + f32(x[j+24])
                                                            t = t + f64(a + b)
                                                        s = s + t
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from compiler.ir.op import Reducer
from compiler.ir.types import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, INT64, DType
from compiler.loops.copying import Copy
from compiler.loops.language import (
    Carry,
    Fold,
    For,
    Kernel,
    Let,
    Literal,
    Load,
    Number,
    Operand,
    Stmt,
    Value,
)
from compiler.loops.peeling import whole_end
from compiler.loops.reductions import empty
from compiler.loops.walking import only_fold, replaced
from compiler.loops.weights import EXPENSIVE, weight
from compiler.loops.writing import Writer

FEW: Final = 4
"""Vectors; a row that has fewer is left alone."""

SCALES: Final[Mapping[DType, float]] = {FLOAT16: 1.0, BFLOAT16: 0.25}
"""What elements of two bytes are multiplied by, so that four of them have a sum in float32."""


def pair(kernel: Kernel) -> Kernel:
    """The kernel with sums along rows in two parts."""
    return replace(kernel, body=replaced(kernel.body, _paired))


def _paired(loop: For) -> Sequence[Stmt] | None:
    """A loop that does little more than to add up, in pairs; None for others."""
    fold = only_fold(loop)
    if fold is None or fold.reducer is not Reducer.SUM or loop.step != loop.lanes or _is_few(loop):
        return None
    instructions = sum(weight(stmt.atom, stmt.operands) for stmt in loop.body if isinstance(stmt, Let))
    if instructions > EXPENSIVE:
        return None
    return _in_fours(loop, fold) or _in_pairs(loop, fold)


def _is_few(loop: For) -> bool:
    """Whether a row is known to have few vectors."""
    start, stop = loop.start, loop.stop
    return isinstance(start, int) and isinstance(stop, int) and stop - start < FEW * loop.lanes


def _in_fours(loop: For, fold: Fold) -> Sequence[Stmt] | None:
    """The loop of fours, and the vectors that are left, if there may be some.

    None where what is added up is not an element of two bytes that is widened twice.
    """
    match loop.body:
        case (
            Load(short) as load,
            Let(value, "cast", (given,)) as single,
            Let(item, "cast", (between,)),
            Fold(),
        ):
            is_chain = given is short and between is value and fold.item == (item,)
        case _:
            return None
    if not is_chain or short.dtype not in SCALES or (value.dtype, item.dtype) != (FLOAT32, FLOAT64):
        return None
    writer, lanes, scale = Writer(), loop.lanes, SCALES[short.dtype]
    say = partial(writer.let, lanes=lanes)
    end = whole_end(writer, replace(loop, lanes=4 * lanes))
    with writer.block() as body:
        parts: list[Operand] = []
        for number in range(4):
            index = writer.sum(loop.index, number * lanes) if number else loop.index
            copy = Copy({loop.index: index}, is_fresh=True)
            writer.extend(copy.block((load, single)))
            part = copy.of(value)
            parts.append(part if scale == 1 else say("mul", FLOAT32, part, Literal.of(scale, FLOAT32)))
        low, high = (say("add", FLOAT32, *parts[first : first + 2]) for first in (0, 2))
        wide = say("cast", FLOAT64, say("add", FLOAT32, low, high))
        inside, following, after = (Value(FLOAT64, lanes) for _ in range(3))
        writer.write(Fold((following,), fold.reducer, (inside,), (wide,)))
    (nothing,) = empty(Reducer.SUM, FLOAT64)
    carried = (Carry(inside, nothing, following, after),)
    writer.write(replace(loop, stop=end, step=4 * lanes, body=tuple(body), carried=carried))
    fours: Operand = after if scale == 1 else say("mul", FLOAT64, after, Literal.of(1 / scale, FLOAT64))
    joined = Fold((), fold.reducer, (loop.carried[0].first,), (fours,))
    return [*writer.blocks[0], *_and_left(loop, end, joined)]


def _and_left(loop: For, end: Number, joined: Fold) -> Sequence[Stmt]:
    """What is added to a sum, and a loop over the vectors from `end` on, if there may be some."""
    (sums,) = loop.carried
    if end == loop.stop:
        return [replace(joined, following=(sums.after,))]
    total = Value(sums.after.dtype, loop.lanes, sums.after.label)
    left = Copy(is_fresh=True).stmt(replace(loop, start=end, carried=(replace(sums, first=total),)))
    assert isinstance(left, For)
    left = replace(left, carried=(replace(left.carried[0], after=sums.after),))
    return [replace(joined, following=(total,)), left]


def _in_pairs(loop: For, fold: Fold) -> Sequence[Stmt]:
    """The loop of pairs, the sum of both, and the vector that is left, if there may be one."""
    writer, index, (sums,) = Writer(), Value(INT64), loop.carried
    (nothing,) = empty(Reducer.SUM, sums.inside.dtype)
    copy = Copy({loop.index: index}, is_fresh=True)
    inside = copy.new(sums.inside)
    again = copy.block(loop.body)
    other = Carry(inside, nothing, copy.of(sums.following), copy.new(sums.after))
    end = whole_end(writer, replace(loop, lanes=2 * loop.lanes))
    first = Value(sums.after.dtype, loop.lanes, sums.after.label)
    joined = Fold((), fold.reducer, (first,), (other.after,))
    ahead = Let(index, "add", (loop.index, Literal.of(loop.lanes, INT64)))
    pairs = replace(
        loop, stop=end, step=2 * loop.lanes, body=(ahead, *loop.body, *again),
        carried=(replace(sums, after=first), other),
    )  # fmt: skip
    return [*writer.blocks[0], pairs, *_and_left(loop, end, joined)]
