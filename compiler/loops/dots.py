"""One row times rows: dot products, as many at a time as a vector has lanes.

    for j in 0 .. m:                               for j in 0 .. m in vectors of 8:
        for k in 0 .. l:  carrying s = 0.0             for k in 0 .. l in vectors of 8:  carrying s0 .. s7
            s = fma(x[k], w[j,k], s)        ->             s0 = fma(x[k], w[j,k], s0)
        y[j] = relu(s)                                     ...
                                                           s7 = fma(x[k], w[j+7,k], s7)
                                                       y[j] = relu(neighbouring lanes of s0 .. s7 added)

The right side is read once, from memory, which is what bounds the time. Lane l of a sum takes the terms l,
l + 8, ... in ascending order; then neighbouring lanes are added, until one is left of each. Columns past the
last one repeat it.

Eight columns are summed in one loop over k: rows that lie a multiple of 4 KiB apart share eight places of a
first cache, and sixteen drive out of it what was fetched ahead (1024 x 1024 times a column took 135 us, and
takes 55). Short rows leave nothing to fetch ahead, and are summed in one loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.types import BOOL, INT64
from compiler.loops.copying import Copy
from compiler.loops.language import Carry, For, Kernel, Literal, Load, Operand, Ref, Stmt, Value
from compiler.loops.machine import Machine
from compiler.loops.recognition import Product
from compiler.loops.vectors import vectorise
from compiler.loops.walking import definitions, multiple, stride
from compiler.loops.writing import Writer

TOGETHER: Final = 8
"""Columns that are summed in one loop over the terms."""

SHORT: Final = 4
"""Vectors of terms, up to which all columns of a vector are summed in one loop."""


def dot(kernel: Kernel, found: Product, machine: Machine) -> Kernel:
    """The kernel by vectors along the terms, and by vectors of columns."""
    lanes = machine.vector_bytes // found.dtype.size
    total = Value(found.dtype, lanes, found.total.label)
    known = definitions(kernel.body)
    depth = (found.blocks or found.terms).stop
    is_whole = multiple(depth, known) % lanes == 0
    maps = _Maps(found).stmt
    body = tuple(map(maps, kernel.body))
    plain = vectorise(replace(kernel, body=body), lanes, {found.total: total})
    writing = _Sums(found, total, is_whole=is_whole)
    return replace(plain, body=writing.block(plain.body))


class _Maps(Copy):
    """Leaves the maps alone in the loop over columns."""

    def __init__(self, found: Product) -> None:
        super().__init__()
        self.found = found

    def stmt(self, stmt: Stmt) -> Stmt:
        if stmt is self.found.columns:
            return replace(self.found.columns, body=self.found.maps)
        return super().stmt(stmt)


class _Sums(Copy):
    """Writes the sums of a vector of columns before the maps."""

    def __init__(self, found: Product, total: Value, *, is_whole: bool) -> None:
        super().__init__()
        self.found, self.total, self.is_whole = found, total, is_whole
        self.lanes = total.lanes

    def stmt(self, stmt: Stmt) -> Stmt:
        if not isinstance(stmt, For) or stmt.index is not self.found.columns.index:
            return super().stmt(stmt)
        writer = Writer()
        sums = self._sums(writer)
        while len(sums) > 1:
            sums = [self._neighbours(writer, a, b) for a, b in zip(sums[::2], sums[1::2], strict=True)]
        named = Copy({sums[0]: self.total}).block(writer.blocks[0])
        return replace(stmt, body=(*named, *stmt.body))

    def _neighbours(self, writer: Writer, a: Operand, b: Operand) -> Operand:
        dtype, lanes = self.total.dtype, self.lanes
        pair = [writer.let(atom, dtype, a, b, lanes=lanes) for atom in ("evens", "odds")]
        return writer.let("add", dtype, *pair, lanes=lanes)

    def _sums(self, writer: Writer) -> list[Operand]:
        """One vector of partial sums for each column."""
        found, lanes = self.found, self.lanes
        last = writer.difference(found.columns.stop, 1)
        columns = [writer.minimum(writer.sum(found.columns.index, k), last) for k in range(lanes)]
        return [state for few in self._together(columns) for state in self._walked(writer, few)]

    def _together(self, columns: Sequence[Value]) -> list[Sequence[Value]]:
        """The columns by those that are summed in one loop."""
        stop = (self.found.blocks or self.found.terms).stop
        is_short = isinstance(stop, int) and stop <= SHORT * self.lanes
        few = self.lanes if is_short else TOGETHER
        return [columns[start : start + few] for start in range(0, len(columns), few)]

    def _walked(self, writer: Writer, columns: Sequence[Value]) -> list[Operand]:
        """The partial sums of a few columns, in one loop over the terms."""
        found, dtype, lanes = self.found, self.total.dtype, self.lanes
        index, mask = Value(INT64), None if self.is_whole else Value(BOOL, lanes)
        inside, after = ([Value(dtype, lanes) for _ in columns] for _ in range(2))
        with writer.block() as body:
            left = self._loaded(writer, found.left, index, mask)
            following = [
                self._added(writer, left, self._loaded(writer, found.right, index, mask, column), state)
                for column, state in zip(columns, inside, strict=True)
            ]
        zero = Literal.of(0, dtype)
        carried = tuple(
            Carry(state, zero, new, end) for state, new, end in zip(inside, following, after, strict=True)
        )
        stop = (found.blocks or found.terms).stop
        writer.write(For(index, 0, stop, tuple(body), lanes, lanes, mask, carried))
        return list(after)

    def _loaded(
        self, writer: Writer, ref: Ref, index: Value, mask: Value | None, column: Value | None = None
    ) -> Value:
        """A vector of terms."""
        now = {self.found.terms.index: index, self.found.columns.index: column}
        terms = tuple((now.get(i) or i, number) for i, number in ref.terms)
        step = stride(ref, self.found.terms.index)
        value = Value(self.total.dtype, self.lanes)
        writer.write(Load(value, Ref(ref.memory, terms, step), mask))
        return value

    def _added(self, writer: Writer, a: Value, b: Value, total: Value) -> Operand:
        dtype, lanes = self.total.dtype, self.lanes
        if dtype.is_float:
            return writer.let("fma", dtype, a, b, total, lanes=lanes)
        return writer.let("add", dtype, total, writer.let("mul", dtype, a, b, lanes=lanes), lanes=lanes)
