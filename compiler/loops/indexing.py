"""What gathers and scatter_adds need beside common loops: the check of their indices, and sums at places.

    for i in 0 .. n:  carrying s, t                      for i in 0 .. n:
        s, t = max(s, index[i]), min(t, index[i])            t = index[i]
    check s < 9                                              for j in 0 .. 64:
    check t >= 0                                                 out[64*t + j] = out[64*t + j] + x[64*i + j]

All indices are checked before anything is written, and the result of a scatter_add is filled with zeros
before anything is added. What is added to one element is added in the order of the text, so that chunks may
share the axes before the indexed one, or rows of the result, each passing over all indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from compiler.analysis.cost import is_at_most
from compiler.ir.dims import Extent, Shape, product
from compiler.ir.node import Node
from compiler.ir.op import Reducer, Scatter, ScatterAdd
from compiler.ir.picking import checked_index
from compiler.ir.types import BOOL, INT64
from compiler.loops.drafts import Draft, Ranges, number_of
from compiler.loops.language import (
    Carry,
    Check,
    Count,
    Fold,
    For,
    If,
    Join,
    Kernel,
    Literal,
    Memory,
    Number,
    Operand,
    Ref,
    Stmt,
    Store,
    Value,
)
from compiler.loops.places import Places, Pointer, Region
from compiler.loops.reductions import empty
from compiler.loops.writing import Writer

_CHECKED, _ADDED = 1.0, 8.0
"""Instructions for each index that is checked, and for each element that is added."""

_ENDS = (Reducer.MAX, Reducer.MIN)

NARROW: Final = 768
"""Bytes of rows that one thread adds as fast as two do that each pass over what is the other's."""


@dataclass(frozen=True)
class IndexDraft:
    """The loops that check the elements of `indices`, which must be below `extent`."""

    draft: Draft
    indices: Node
    extent: Extent


def index_draft(node: Node, places: Places) -> IndexDraft:
    """The loops that check the indices of a gather or scatter_add."""
    checked = checked_index(node)
    assert checked is not None
    indices, extent = checked
    loops = _Loops(indices.type.shape)
    status, memory = Memory(INT64), Memory(indices.type.dtype, label=indices)
    body = _checked(loops, loops.ref(memory, places[indices].strides), Count(extent), status)
    addresses = {status: Pointer(Region.STATUS, 0), memory: places[indices].pointer}
    kernel = Kernel((status, memory), Value(INT64), (), body)
    size = indices.type.size
    moves = ((indices.type.dtype.size, size),)
    return IndexDraft(Draft(kernel, loops.first, addresses, (), size, _CHECKED, moves), indices, extent)


def _checked(loops: _Loops, ref: Ref, extent: Count, status: Memory) -> tuple[Stmt, ...]:
    """The largest and the smallest index of a chunk, and what must be true of them."""
    dtype, writer = ref.memory.dtype, Writer()

    def level(axes: Sequence[int], state: Sequence[Operand]) -> Sequence[Operand]:
        if not axes:
            item = writer.load(ref)
            found = [Value(dtype) for _ in state]
            for part, following, reducer in zip(state, found, _ENDS, strict=True):
                writer.write(Fold((following,), reducer, (part,), (item,)))
            return found
        inside, after = ([Value(dtype) for _ in state] for _ in range(2))
        with writer.block() as body:
            ended = level(axes[1:], inside)
        carried = tuple(Carry(*each) for each in zip(inside, state, ended, after, strict=True))
        writer.write(For(loops.indices[axes[0]], 0, loops.counts[axes[0]], tuple(body), carried=carried))
        return after

    ends: list[Operand] = [writer.load(ref)] * 2 if not loops.axes else []
    if loops.axes:
        totals = level(loops.axes, [empty(reducer, dtype)[0] for reducer in _ENDS])
        for total, reducer in zip(totals, _ENDS, strict=True):
            end = Value(dtype)
            writer.write(Join(end, reducer, (total,)))
            ends.append(end)
    largest, smallest = (writer.cast(end, dtype, INT64) for end in ends)
    writer.write(Check(writer.let("lt", BOOL, largest, extent), status))
    writer.write(Check(writer.let("ge", BOOL, smallest, Literal.of(0, INT64)), status))
    return tuple(writer.blocks[0])


def scatter_draft(node: Node, places: Places) -> Draft:
    """The loops of a scatter_add to memory that is filled with zeros, or of a scatter to a copy of operand 0.

    With `a` for the axes before the indexed one, `i` for those of the indices and `b` for those behind:

        plain       out[a, index[i], b] += x[a, i, b]
        batched     out[a, index[a, i, b], b] += x[a, i, b]

    or what else is combined there; a value that is set is stored as it is.
    """
    return _Scatter(node, places).write()


class _Scatter:
    """A scatter while it is written."""

    def __init__(self, node: Node, places: Places) -> None:
        op, (*_, data) = node.op, node.operands
        assert isinstance(op, ScatterAdd | Scatter)
        indices = node.operands[0] if isinstance(op, ScatterAdd) else node.operands[1]
        self.atom = "add" if isinstance(op, ScatterAdd) else op.combine.atom
        self.op, self.spans = op, (op.spans if isinstance(op, Scatter) else 1)
        axis, self.strides = op.axis, places[node].strides
        self.node, self.data, self.axis = node, data, axis
        self.extent = product(node.type.shape[axis : axis + self.spans])
        self.width = width = 1 if op.batched else indices.type.rank
        self.loops, self.writer = _Loops(data.type.shape), Writer()
        picked: list[Extent] = list(places[indices].strides)
        if not op.batched:
            picked = [*[0] * axis, *picked, *[0] * (data.type.rank - axis - width)]
        read, index, self.target = (Memory(n.type.dtype, label=n) for n in (data, indices, node))
        self.addresses = {
            memory: places[n].pointer for memory, n in ((read, data), (index, indices), (self.target, node))
        }
        self.read, self.index = self.loops.ref(read, places[data].strides), self.loops.ref(index, picked)

    def write(self) -> Draft:
        """Chunks share the first axis before the indexed one, or else rows of the result that are wide."""
        data, axis, size = self.data, self.axis, self.data.type.dtype.size
        behind = range(axis + self.width, data.type.rank)
        shared = self.loops.shared(range(axis))
        row = product([data.type.shape[k] for k in behind]) * size
        is_alone = shared is not None or self.op.batched or is_at_most(row, NARROW)
        ranges = None if is_alone else Ranges(Count(0), row)
        first = shared or (Count(1) if ranges is None else Count(self.extent))
        chunk = Value(INT64)
        body = self._all() if ranges is None else self._in_range(chunk, ranges.grain, first, behind)
        moves = ((size, data.type.size),) * 3
        kernel = Kernel(tuple(self.addresses), chunk, (), body)
        return Draft(kernel, first, self.addresses, (), data.type.size, _ADDED, moves, ranges)

    def _all(self) -> tuple[Stmt, ...]:
        self._add(_index(self.writer, self.index))
        return self.loops.around(self.writer.blocks[0])

    def _in_range(self, chunk: Value, grain: Count, rows: Count, behind: range) -> tuple[Stmt, ...]:
        """Only what is added to the rows of a chunk."""
        writer = self.writer
        start = writer.product(chunk, grain)
        stop = writer.minimum(writer.sum(start, grain), rows)
        with writer.block() as inside:
            place = _index(writer, self.index)
            is_mine = writer.let(
                "and", BOOL, writer.let("ge", BOOL, place, start), writer.let("lt", BOOL, place, stop)
            )
            with writer.block() as added:
                self._add(place)
            writer.write(If(is_mine, self.loops.around(added, behind)))
        others = [k for k in self.loops.axes if k not in behind]
        return (*writer.blocks[0], *self.loops.around(inside, others))

    def _add(self, place: Value) -> None:
        axis, writer, strides = self.axis, self.writer, list(self.strides)
        last = axis + self.spans - 1
        steps: list[Extent] = [*strides[:axis], *[0] * self.width, *strides[last + 1 :]]
        value = writer.load(self.read)
        target = self.loops.ref(self.target, steps, (place, number_of(strides[last])))
        dtype = self.node.type.dtype
        if self.atom is not None:
            value = writer.let(self.atom, dtype, writer.load(target), value)
        writer.write(Store(target, value))


def _index(writer: Writer, ref: Ref) -> Value:
    """The index that is read, as an int64."""
    found = writer.cast(writer.load(ref), ref.memory.dtype, INT64)
    assert isinstance(found, Value)
    return found


class _Loops:
    """A loop for each axis of a shape that has more than one element."""

    def __init__(self, shape: Shape) -> None:
        self.axes = [axis for axis, extent in enumerate(shape) if extent != 1]
        self.counts = {axis: Count(shape[axis]) for axis in self.axes}
        self.indices = {axis: Value(INT64) for axis in self.axes}

    @property
    def first(self) -> Count:
        """The count of the outermost loop."""
        return self.shared(self.axes) or Count(1)

    def shared(self, axes: Sequence[int]) -> Count | None:
        """The count of the first loop among those of some axes, if there is one."""
        return next((self.counts[axis] for axis in self.axes if axis in axes), None)

    def ref(self, memory: Memory, strides: Sequence[Extent], *others: tuple[Value, Number]) -> Ref:
        """The place of an iteration in memory."""
        numbers = [(self.indices[axis], number_of(strides[axis])) for axis in self.axes]
        return Ref(memory, (*(term for term in numbers if term[1] != 0), *others))

    def around(self, body: Sequence[Stmt], axes: Sequence[int] | None = None) -> tuple[Stmt, ...]:
        """The loops, or those of some axes, around statements."""
        found = tuple(body)
        for axis in reversed(self.axes):
            if axes is not None and axis not in axes:
                continue
            found = (For(self.indices[axis], 0, self.counts[axis], found),)
        return found
