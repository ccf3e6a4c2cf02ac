"""Folds of windows as loops: zeros, then every tap of all windows is added where it lies.

    out[b, step * i + dilation * t] += x[b, i, t]

    for b in 0 .. n:
        for k in 0 .. m:
            out[b,k] = 0.0
        for t in 0 .. taps:
            for i in 0 .. positions:
                out[b,s*i+d*t] = out[b,s*i+d*t] + x[b,i,t]

Taps are added in row-major order, and positions of one tap lie apart, so vectors may run along them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.op import Fold, Reducer
from compiler.ir.types import INT64
from compiler.loops.drafts import Draft, number_of
from compiler.loops.language import Count, For, Kernel, Literal, Memory, Number, Ref, Stmt, Store, Value
from compiler.loops.places import Places
from compiler.loops.reductions import fold_atom
from compiler.loops.writing import Writer


@dataclass(frozen=True)
class _Loop:
    """A loop, and how far an iteration moves on in the windows and in the result."""

    count: Count
    steps: tuple[Number, Number]
    index: Value = field(default_factory=lambda: Value(INT64))


def fold_draft(node: Node, places: Places) -> Draft:
    """The loops of a fold. Chunks may share the first loop: that over the axes before those of windows."""
    op, (windows,) = node.op, node.operands
    assert isinstance(op, Fold)
    shape, given, strides = windows.type.shape, places[windows].strides, places[node].strides
    rank, first = node.type.rank, min(op.axes)
    moved = {axis: strides[axis] * step for axis, step in zip(op.axes, op.steps, strict=True)}
    apart = [strides[axis] * far for axis, far in zip(op.axes, op.dilations, strict=True)]
    batch = [_loop(shape[axis], given[axis], strides[axis]) for axis in range(first)]
    taps = [_loop(*item) for item in zip(shape[rank:], given[rank:], apart, strict=True)]
    inside = [_loop(shape[a], given[a], moved.get(a, strides[a])) for a in range(first, rank)]
    cleared = [_loop(node.type.shape[axis], 0, strides[axis]) for axis in range(first, rank)]
    x, out = (Memory(node.type.dtype, label=item) for item in (windows, node))

    writer, zero = Writer(), Literal.of(0, node.type.dtype)
    target = _ref(out, 1, [*batch, *taps, *inside])
    item = writer.load(_ref(x, 0, [*batch, *taps, *inside]))
    total = writer.let(fold_atom(Reducer.SUM), node.type.dtype, writer.load(target), item)
    writer.write(Store(target, total))
    clearing = _nested(cleared, (Store(_ref(out, 1, [*batch, *cleared]), zero),))
    body = _nested(batch, (*clearing, *_nested([*taps, *inside], writer.blocks[0])))
    kernel = Kernel((x, out), Value(INT64), (), body)
    addresses = {x: places[windows].pointer, out: places[node].pointer}
    iterations, size = windows.type.size, node.type.dtype.size
    moves = (size, iterations), (size, iterations), (size, node.type.size)
    shared = [loop.count for loop in batch if loop.count.extent != 1]
    return Draft(kernel, [*shared, Count(1)][0], addresses, (), iterations, 3.0, moves)


def _loop(extent: Extent, windows: Extent, result: Extent) -> _Loop:
    return _Loop(Count(extent), (number_of(windows), number_of(result)))


def _ref(memory: Memory, side: int, loops: Sequence[_Loop]) -> Ref:
    """A place in the windows (0) or in the result (1)."""
    turning = [loop for loop in loops if loop.count.extent != 1 and loop.steps[side] != 0]
    return Ref(memory, tuple((loop.index, loop.steps[side]) for loop in turning))


def _nested(loops: Sequence[_Loop], body: Sequence[Stmt]) -> tuple[Stmt, ...]:
    """Statements in loops, those of one iteration left out."""
    found = tuple(body)
    for loop in reversed(loops):
        if loop.count.extent != 1:
            found = (For(loop.index, 0, loop.count, found),)
    return found
