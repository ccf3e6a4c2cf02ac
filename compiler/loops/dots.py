"""Few rows times rows: dot products, as many at a time as a vector has lanes.

    for i in 0 .. 2:                               for j in 0 .. m in vectors of 8:
        for j in 0 .. m:                               for k in 0 .. l in vectors of 8:  carrying s0 .. s15
            for k in 0 .. l:  carrying s = 0.0             s0 = fma(x[0,k], w[j,k], s0)
                s = fma(x[i,k], w[j,k], s)      ->         ...
            y[i,j] = relu(s)                               s15 = fma(x[1,k], w[j+7,k], s15)
                                                       y[0,j] = relu(neighbouring lanes of s0 .. s7 added)
                                                       y[1,j] = relu(neighbouring lanes of s8 .. s15 added)

The right side is read once, from memory, which is what bounds the time. Lane l of a sum takes the terms l,
l + 8, ... in ascending order; then neighbouring lanes are added, until one is left of each. Columns past the
last one repeat it. All rows are in one chunk.

Eight columns are summed in one loop over k: rows that lie a multiple of 4 KiB apart share eight places of a
first cache, and sixteen drive out of it what was fetched ahead (1024 x 1024 times a column took 135 us, and
takes 55). Short rows leave nothing to fetch ahead, and are summed in one loop. Beside more than three rows
four columns are, a block of rows after the other: the second block finds the columns in the first cache. Two
columns beside eight rows at once would ask memory for too little at a time.

A tile would need panels of w turned in registers, each as dear as 16 rows of multiply-adds: 2 to 8 rows times
1024 x 1024 take 0.25 to 0.5 of its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.types import BOOL, INT64
from compiler.loops.copying import Copy
from compiler.loops.language import Carry, For, Kernel, Let, Literal, Load, Operand, Ref, Stmt, Value
from compiler.loops.machine import Machine
from compiler.loops.recognition import Product
from compiler.loops.vectors import vectorise
from compiler.loops.walking import definitions, multiple, stride
from compiler.loops.writing import Writer

TOGETHER: Final = 8
"""Columns that are summed in one loop over the terms, at most."""

FEW: Final = 4
"""The same where more rows than have registers beside those meet them: rows in blocks."""

SHORT: Final = 4
"""Vectors of terms, up to which all columns of a vector are summed in one loop."""


def dot(kernel: Kernel, found: Product, machine: Machine) -> Kernel:
    """The kernel by vectors along the terms, and by vectors of columns."""
    lanes = machine.vector_bytes // found.dtype.size
    known = definitions(kernel.body)
    depth = (found.blocks or found.terms).stop
    is_whole = multiple(depth, known) % lanes == 0
    rows = found.extents[0]
    assert rows is not None, "rows are few, and known"
    maps = _Maps(found, [Value(INT64) for _ in range(rows)])
    body = maps.block(kernel.body)
    totals = [Value(found.dtype, lanes, found.total.label) for _ in range(rows)]
    plain = vectorise(replace(kernel, body=body), lanes, dict(zip(maps.totals, totals, strict=True)))
    most = machine.vector_registers * 3 // 4
    writing = _Sums(found, maps.rows, totals, most, is_whole=is_whole)
    return replace(plain, body=writing.block(plain.body))


class _Maps(Copy):
    """Leaves the maps alone in the loop over columns, once for each of the rows."""

    def __init__(self, found: Product, rows: Sequence[Value]) -> None:
        super().__init__()
        self.found, self.rows = found, rows
        self.totals = [Value(found.dtype, label=found.total.label) for _ in rows]

    def stmt(self, stmt: Stmt) -> Stmt:
        if stmt is self.found.rows:
            index, body = self.found.rows.index, self.block(self.found.rows.body)
            numbers = (Let(row, "add", (index, Literal.of(k, INT64))) for k, row in enumerate(self.rows))
            return replace(self.found.rows, step=len(self.rows), body=(*numbers, *body))
        if stmt is self.found.columns:
            pairs = zip(self.rows, self.totals, strict=True)
            return replace(
                self.found.columns, body=tuple(item for pair in pairs for item in self._maps(*pair))
            )
        return super().stmt(stmt)

    def _maps(self, row: Value, total: Value) -> tuple[Stmt, ...]:
        known = {self.found.rows.index: row, self.found.total: total}
        return Copy(known, is_fresh=True).block(self.found.maps)


class _Sums(Copy):
    """Writes the sums of a vector of columns, of each row, before the maps."""

    def __init__(
        self, found: Product, rows: Sequence[Value], totals: Sequence[Value], most: int, *, is_whole: bool
    ) -> None:
        super().__init__()
        self.found, self.rows, self.totals, self.is_whole = found, rows, totals, is_whole
        self.dtype, self.lanes = totals[0].dtype, totals[0].lanes
        self.together = min(TOGETHER if len(rows) * TOGETHER <= most else FEW, self.lanes)
        parts = -(-len(rows) * self.together // most)
        self.blocks = [
            range(len(rows) * part // parts, len(rows) * (part + 1) // parts) for part in range(parts)
        ]

    def stmt(self, stmt: Stmt) -> Stmt:
        if not isinstance(stmt, For) or stmt.index is not self.found.columns.index:
            return super().stmt(stmt)
        writer = Writer()
        sums = self._sums(writer)
        named = Copy(dict(zip(sums, self.totals, strict=True))).block(writer.blocks[0])
        return replace(stmt, body=(*named, *stmt.body))

    def _sums(self, writer: Writer) -> list[Operand]:
        """One vector of sums for each row."""
        last = writer.difference(self.found.columns.stop, 1)
        columns = [writer.minimum(writer.sum(self.found.columns.index, k), last) for k in range(self.lanes)]
        open_sums: list[list[tuple[int, Operand]]] = [[] for _ in self.rows]
        for few in self._together(columns):
            for block in self.blocks:
                for row, states in zip(block, self._walked(writer, block, few), strict=True):
                    for state in states:
                        self._join(writer, open_sums[row], state)
        return [total for ((_, total),) in open_sums]

    def _join(self, writer: Writer, parts: list[tuple[int, Operand]], state: Operand) -> None:
        """Adds neighbouring lanes of vectors that stand for equally many columns, once there are two."""
        count = 1
        while parts and parts[-1][0] == count:
            _, before = parts.pop()
            pair = [
                writer.let(atom, self.dtype, before, state, lanes=self.lanes) for atom in ("evens", "odds")
            ]
            state, count = writer.let("add", self.dtype, *pair, lanes=self.lanes), 2 * count
        parts.append((count, state))

    def _together(self, columns: Sequence[Value]) -> list[Sequence[Value]]:
        """The columns by those that are summed in one loop."""
        stop = (self.found.blocks or self.found.terms).stop
        is_short = len(self.rows) == 1 and isinstance(stop, int) and stop <= SHORT * self.lanes
        few = self.lanes if is_short else self.together
        return [columns[start : start + few] for start in range(0, len(columns), few)]

    def _walked(self, writer: Writer, block: range, columns: Sequence[Value]) -> list[list[Value]]:
        """The partial sums of each of some rows, and a few columns, in one loop over the terms."""
        rows = [self.rows[row] for row in block]
        found, index = self.found, Value(INT64)
        mask = None if self.is_whole else Value(BOOL, self.lanes)
        states = [Value(self.dtype, self.lanes) for _ in rows for _ in columns]
        with writer.block() as body:
            left = [self._loaded(writer, found.left, index, mask, {found.rows.index: row}) for row in rows]
            right = [
                self._loaded(writer, found.right, index, mask, {found.columns.index: column})
                for column in columns
            ]
            pairs = [(a, b) for a in left for b in right]
            following = [
                self._added(writer, a, b, state) for (a, b), state in zip(pairs, states, strict=True)
            ]
        zero = Literal.of(0, self.dtype)
        carried = tuple(
            Carry(state, zero, new, Value(self.dtype, self.lanes))
            for state, new in zip(states, following, strict=True)
        )
        stop = (found.blocks or found.terms).stop
        writer.write(For(index, 0, stop, tuple(body), self.lanes, self.lanes, mask, carried))
        sums, count = [item.after for item in carried], len(columns)
        return [sums[start : start + count] for start in range(0, len(sums), count)]

    def _loaded(
        self, writer: Writer, ref: Ref, index: Value, mask: Value | None, now: Mapping[Value, Value]
    ) -> Value:
        """A vector of terms."""
        now = {**now, self.found.terms.index: index}
        terms = tuple((now.get(i, i), number) for i, number in ref.terms)
        step = stride(ref, self.found.terms.index)
        value = Value(self.dtype, self.lanes)
        writer.write(Load(value, Ref(ref.memory, terms, step), mask))
        return value

    def _added(self, writer: Writer, a: Value, b: Value, total: Value) -> Operand:
        lanes = self.lanes
        if self.dtype.is_float:
            return writer.let("fma", self.dtype, a, b, total, lanes=lanes)
        return writer.let(
            "add", self.dtype, total, writer.let("mul", self.dtype, a, b, lanes=lanes), lanes=lanes
        )
