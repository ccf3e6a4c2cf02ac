"""What gathers and scatter_adds need beside common loops: the check of their indices, and sums at places.

    for i in 0 .. n:                                     for i in 0 .. n:
        t = index[i]                                         t = index[i]
        check (t < 9) & (t >= 0)                             for j in 0 .. 64:
                                                                 out[64*t + j] = out[64*t + j] + x[64*i + j]

All indices are checked before anything is written, and the result of a scatter_add is filled with zeros
before anything is added. What is added to one element is added in the order of the text, so that chunks may
share the axes before the indexed one, or those behind it, and never the indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node
from compiler.ir.op import Gather, Reducer, ScatterAdd
from compiler.ir.types import BOOL, INT64
from compiler.loops.drafts import Draft, number_of
from compiler.loops.language import (
    Check,
    Count,
    For,
    Kernel,
    Literal,
    Memory,
    Number,
    Ref,
    Stmt,
    Store,
    Value,
)
from compiler.loops.places import Places, Pointer, Region
from compiler.loops.reductions import fold_atom
from compiler.loops.writing import Writer

_CHECKED, _ADDED = 5.0, 8.0
"""Instructions for each index that is checked, and for each element that is added."""


@dataclass(frozen=True)
class IndexDraft:
    """The loops that check the elements of `indices`, which must be below `extent`."""

    draft: Draft
    indices: Node
    extent: Extent


def index_draft(node: Node, places: Places) -> IndexDraft:
    """The loops that check the indices of a gather or scatter_add."""
    if isinstance(node.op, Gather):
        data, indices = node.operands
        extent = data.type.shape[node.op.axis]
    else:
        assert isinstance(node.op, ScatterAdd)
        indices, extent = node.operands[0], node.op.extent
    loops = _Loops(indices.type.shape)
    status, memory = Memory(INT64), Memory(indices.type.dtype, label=indices)
    writer = Writer()
    place = _index(writer, loops.ref(memory, places[indices].strides))
    is_below = writer.let("lt", BOOL, place, Count(extent))
    is_inside = writer.let("and", BOOL, is_below, writer.let("ge", BOOL, place, Literal.of(0, INT64)))
    writer.write(Check(is_inside, status))
    addresses = {status: Pointer(Region.STATUS, 0), memory: places[indices].pointer}
    kernel = Kernel((status, memory), Value(INT64), (), loops.around(writer.blocks[0]))
    size = indices.type.size
    moves = ((indices.type.dtype.size, size),)
    return IndexDraft(Draft(kernel, loops.first, addresses, (), size, _CHECKED, moves), indices, extent)


def scatter_draft(node: Node, places: Places) -> Draft:
    """The loops of a scatter_add to memory that is filled with zeros.

    With `a` for the axes before the indexed one, `i` for those of the indices and `b` for those behind:

        plain       out[a, index[i], b] += x[a, i, b]
        batched     out[a, index[a, i, b], b] += x[a, i, b]
    """
    op, (indices, data) = node.op, node.operands
    assert isinstance(op, ScatterAdd)
    loops, axis, strides = _Loops(data.type.shape), op.axis, places[node].strides
    width = 1 if op.batched else indices.type.rank
    steps: list[Extent] = [*strides[:axis], *[0] * width, *strides[axis + 1 :]]
    picked: list[Extent] = list(places[indices].strides)
    if not op.batched:
        picked = [*[0] * axis, *picked, *[0] * (data.type.rank - axis - width)]
    memory = tuple(Memory(n.type.dtype, label=n) for n in (data, indices, node))
    writer = Writer()
    place = _index(writer, loops.ref(memory[1], picked))
    value = writer.load(loops.ref(memory[0], places[data].strides))
    target = loops.ref(memory[2], steps, (place, number_of(strides[axis])))
    total = writer.let(fold_atom(Reducer.SUM), node.type.dtype, writer.load(target), value)
    writer.write(Store(target, total))
    addresses = {item: places[n].pointer for item, n in zip(memory, (data, indices, node), strict=True)}
    kernel = Kernel(memory, Value(INT64), (), loops.around(writer.blocks[0]))
    size = data.type.dtype.size
    moves = ((size, data.type.size), (size, data.type.size), (size, data.type.size))
    first = loops.shared(range(axis)) or loops.shared(range(axis + width, data.type.rank)) or Count(1)
    return Draft(kernel, first, addresses, (), data.type.size, _ADDED, moves)


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

    def around(self, body: Sequence[Stmt]) -> tuple[Stmt, ...]:
        """The loops around statements."""
        found = tuple(body)
        for axis in reversed(self.axes):
            found = (For(self.indices[axis], 0, self.counts[axis], found),)
        return found
