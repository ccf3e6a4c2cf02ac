"""A prefix reduction as loops: what is carried from one element to the next is written at each.

    for i in 0 .. n:
        for k in 0 .. m:  carrying s = -0.0
            s = s + x[i,k]
            y[i,k] = s

Linear work, in the order in which NumPy adds; vectors run across the rows, each of which is a chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from compiler.ir.dims import product
from compiler.ir.node import Node
from compiler.ir.op import Prefix, Reducer, Scan
from compiler.ir.types import BOOL, FLOAT64, INT64, DType, Scalar
from compiler.loops.drafts import Draft, number_of
from compiler.loops.language import (
    Carry,
    Count,
    For,
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
from compiler.loops.places import Places, Pointer
from compiler.loops.reductions import identity
from compiler.loops.writing import Writer
from compiler.schedule import schedule

_ATOMS: Final = {Scan.SUM: "add", Scan.PRODUCT: "mul", Scan.MAX: "maximum", Scan.MIN: "minimum"}


def prefix_draft(kernel: schedule.Kernel, places: Places) -> tuple[Draft, bool]:
    """The loops of a prefix reduction, and whether chunks may share them: there are rows."""
    writing = _Prefixes(kernel, places)
    return writing.write(), bool(writing.axes)


class _Prefixes:
    """One such kernel while it is written: the loops over all other axes, then that along the axis."""

    def __init__(self, kernel: schedule.Kernel, places: Places) -> None:
        (node,) = kernel.members
        assert isinstance(node.op, Prefix)
        self.node, self.op, self.places = node, node.op, places
        self.overlaps = places.overwrites(node, kernel)
        shape, axis = node.type.shape, node.op.axis
        self.axes = [k for k, extent in enumerate(shape) if k != axis and extent != 1]
        self.counts = [Count(shape[k]) for k in self.axes]
        self.along = Count(shape[axis])
        self.indices = [Value(INT64) for _ in self.axes]
        self.index = Value(INT64)
        self.addresses: dict[Memory, Pointer] = {}
        self.dtype = FLOAT64 if node.type.dtype.is_float else node.type.dtype
        self.writer = Writer()

    def write(self) -> Draft:
        """The loops."""
        inside, after = Value(self.dtype), Value(self.dtype)
        with self.writer.block() as body:
            following = self._following(inside)
            stored = self.writer.cast(following, self.dtype, self.node.type.dtype)
            self.writer.write(Store(self._ref(self.node, is_written=True), stored))
        carried = (Carry(inside, Literal.of(_first(self.op.scan, self.dtype), self.dtype), following, after),)
        nest: Stmt = For(self.index, 0, self.along, tuple(body), carried=carried)
        for index, count in zip(reversed(self.indices), reversed(self.counts), strict=True):
            nest = For(index, 0, count, (nest,))
        counts = [*self.counts, self.along]
        iterations = product([count.extent for count in counts])
        moves = tuple((memory.dtype.size, iterations) for memory in self.addresses)
        kernel = Kernel(tuple(self.addresses), Value(INT64), (), (nest,))
        return Draft(kernel, counts[0], self.addresses, (), iterations, 4.0 + len(self.addresses), moves)

    def _following(self, before: Value) -> Operand:
        """What is carried on from an element."""
        writer, dtype = self.writer, self.dtype
        elements = [
            writer.cast(writer.load(self._ref(item)), item.type.dtype, dtype) for item in self.node.operands
        ]
        if self.op.scan is not Scan.RECURRENCE:
            return writer.let(_ATOMS[self.op.scan], dtype, before, elements[0])
        factor, more = elements
        later = writer.let("add", dtype, writer.let("mul", dtype, factor, before), more)
        is_first = writer.let("eq", BOOL, self.index, Literal.of(0, INT64))
        return writer.let("where", dtype, is_first, more, later)

    def _ref(self, node: Node, *, is_written: bool = False) -> Ref:
        """A value's element in this iteration; in reverse the last one comes first."""
        located = self.places[node]
        pointer, step = located.pointer, located.strides[self.op.axis]
        if self.op.reverse:
            last = (self.along.extent - 1) * step * node.type.dtype.size
            pointer = Pointer(pointer.region, pointer.number, pointer.offset + last)
            step = step * -1
        memory = Memory(node.type.dtype, overlaps=is_written and self.overlaps, label=node)
        self.addresses[memory] = pointer
        strides = [located.strides[axis] for axis in self.axes]
        terms = zip((*self.indices, self.index), (*strides, step), strict=True)
        return Ref(memory, _moving([(index, number_of(stride)) for index, stride in terms]))


def _moving(terms: Sequence[tuple[Value, Number]]) -> tuple[tuple[Value, Number], ...]:
    return tuple((index, stride) for index, stride in terms if stride != 0)


def _first(scan: Scan, dtype: DType) -> Scalar:
    """What is carried to the first element and leaves it as it is, a zero of either sign too."""
    match scan:
        case Scan.SUM:
            return -0.0 if dtype.is_float else 0
        case Scan.PRODUCT:
            return 1
        case Scan.MAX | Scan.MIN:
            return identity(Reducer.MAX if scan is Scan.MAX else Reducer.MIN, dtype)
        case Scan.RECURRENCE:
            return 0.0
