"""A prefix reduction as loops: what is carried from one element to the next is written at each.

    for i in 0 .. n:
        for k in 0 .. m:  carrying s = -0.0
            s = s + x[i,k]
            y[i,k] = s

Linear work, in the order in which NumPy adds; vectors run across the rows, each of which is a chain. A few
rows are chains in one loop, which do not wait for each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from compiler.ir.dims import product
from compiler.ir.node import Node
from compiler.ir.op import Prefix, Reducer, Scan
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT64, DType, Scalar
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

FEWEST: Final = 5
"""Rows from which on lanes hold rows; fewer are chains side by side."""

ATOMS: Final = {Scan.SUM: "add", Scan.PRODUCT: "mul", Scan.MAX: "maximum", Scan.MIN: "minimum"}


def prefix_draft(kernel: schedule.Kernel, places: Places) -> tuple[Draft, bool]:
    """The loops of a prefix reduction, and whether chunks may share them: there are rows."""
    writing = _Prefixes(kernel, places)
    return writing.write(), bool(writing.axes) and not writing.is_together


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
        rows = product([shape[k] for k in self.axes])
        self.is_together = isinstance(rows, int) and 1 < rows < FEWEST
        """Whether rows are so few that each is a chain beside the others."""
        self.index = Value(INT64)
        self.memories: dict[tuple[Node, bool], Memory] = {}
        self.addresses: dict[Memory, Pointer] = {}
        self.dtype = state_of(self.op.scan, node.type.dtype)
        self.writer = Writer()

    def write(self) -> Draft:
        """The loops."""
        carried: list[Carry] = []
        with self.writer.block() as body:
            for row in self._rows():
                inside, first = self._begun()
                following, found = self._following(inside, row)
                stored = self.writer.cast(found, self.dtype, self.node.type.dtype)
                self.writer.write(Store(self._ref(self.node, row, is_written=True), stored))
                after = [Value(item.dtype) for item in inside]
                carried += [Carry(*parts) for parts in zip(inside, first, following, after, strict=True)]
        nest: Stmt = For(self.index, 0, self.along, tuple(body), carried=tuple(carried))
        if not self.is_together:
            for index, count in zip(reversed(self.indices), reversed(self.counts), strict=True):
                nest = For(index, 0, count, (nest,))
        counts = [self.along] if self.is_together else [*self.counts, self.along]
        iterations = product([count.extent for count in (*self.counts, self.along)])
        moves = tuple((memory.dtype.size, iterations) for memory in self.addresses)
        kernel = Kernel(tuple(self.addresses), Value(INT64), (), (nest,))
        return Draft(kernel, counts[0], self.addresses, (), iterations, 4.0 + len(self.addresses), moves)

    def _rows(self) -> list[list[Value]]:
        """The rows of one loop, each by its indices: that of the loops around it, or all."""
        if not self.is_together:
            return [self.indices]
        extents = [count.extent for count in self.counts]
        numbers = itertools.product(*(range(extent) for extent in extents if isinstance(extent, int)))
        return [[self.writer.sum(number, 0) for number in row] for row in numbers]

    def _begun(self) -> tuple[list[Value], list[Literal]]:
        """What is carried through a row, and what it is at first: of extremes also whether there was NaN."""
        first = [Literal.of(first_of(self.op.scan, self.dtype), self.dtype)]
        if self.op.scan in (Scan.MAX, Scan.MIN) and self.dtype.is_float:
            first.append(Literal.of(False, BOOL))
        return [Value(item.dtype) for item in first], first

    def _following(self, state: Sequence[Value], row: Sequence[Value]) -> tuple[list[Operand], Operand]:
        """What is carried on from an element of a row, and what is written for it."""
        writer, dtype = self.writer, self.dtype
        elements = [
            writer.cast(writer.load(self._ref(item, row)), item.type.dtype, dtype)
            for item in self.node.operands
        ]
        match self.op.scan:
            case Scan.RECURRENCE:
                factor, more = elements
                later = writer.let("add", dtype, writer.let("mul", dtype, factor, *state), more)
                is_first = writer.let("eq", BOOL, self.index, Literal.of(0, INT64))
                found: Operand = writer.let("where", dtype, is_first, more, later)
            case Scan.MAX | Scan.MIN if dtype.is_float:
                return self._extreme(state, *elements)
            case _:
                found = writer.let(ATOMS[self.op.scan], dtype, *state, *elements)
        return [found], found

    def _extreme(self, state: Sequence[Value], x: Operand) -> tuple[list[Operand], Operand]:
        """The extreme so far, which waits for one comparison alone: NaN is seen beside it."""
        writer, dtype, (best, seen) = self.writer, self.dtype, state
        is_better = writer.let("gt" if self.op.scan is Scan.MAX else "lt", BOOL, x, best)
        best = writer.let("where", dtype, is_better, x, best)
        seen = writer.let("or", BOOL, seen, writer.let("isnan", BOOL, x))
        nan = Literal.of(float("nan"), dtype)
        return [best, seen], writer.let("where", dtype, seen, nan, best)

    def _ref(self, node: Node, row: Sequence[Value], *, is_written: bool = False) -> Ref:
        """A value's element in this iteration; in reverse the last one comes first."""
        located = self.places[node]
        pointer, step = located.pointer, located.strides[self.op.axis]
        if self.op.reverse:
            last = (self.along.extent - 1) * step * node.type.dtype.size
            pointer = Pointer(pointer.region, pointer.number, pointer.offset + last)
            step = step * -1
        key = node, is_written
        if key not in self.memories:
            memory = Memory(node.type.dtype, overlaps=is_written and self.overlaps, label=node)
            self.memories[key], self.addresses[memory] = memory, pointer
        memory = self.memories[key]
        strides = [located.strides[axis] for axis in self.axes]
        terms = zip((*row, self.index), (*strides, step), strict=True)
        return Ref(memory, _moving([(index, number_of(stride)) for index, stride in terms]))


def _moving(terms: Sequence[tuple[Value, Number]]) -> tuple[tuple[Value, Number], ...]:
    return tuple((index, stride) for index, stride in terms if stride != 0)


def state_of(scan: Scan, dtype: DType) -> DType:
    """The dtype of what is carried: floats are added up and multiplied in float64."""
    if not dtype.is_float:
        return dtype
    if scan in (Scan.MAX, Scan.MIN):
        return FLOAT32 if dtype.is_storage else dtype
    return FLOAT64


def first_of(scan: Scan, dtype: DType) -> Scalar:
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
