"""From a contraction of two operands, and the maps that follow it, to loops over scalars.

    %h[i,j] = sum[k] %x[i,k] * %w[k,j]         for i in 0 .. n:
    %y[i,j] = relu(%h[i,j])                        for j in 0 .. m:
                                       ->              for k in 0 .. l:  carrying s = 0.0
                                                           s = fma(x[i,k], w[k,j], s)
                                                       y[i,j] = relu(s)

What is a row, a column and a term is said by `roles`. Where an operand has no stride along the rows or the
terms, a table says where each of them lies. The terms of a sum are added up in the order of the summed axes,
in blocks of BLOCK_DEPTH, the sums of the blocks in their order: bits do not depend on where operands lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.ir.dims import Extent, product
from compiler.ir.formula.tape import Const, infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Reducer, Size
from compiler.ir.types import INT64
from compiler.loops.borders import Walk
from compiler.loops.copying import Copy
from compiler.loops.drafts import Slots, UnsupportedError, number_of, strong
from compiler.loops.language import (
    Carry,
    Count,
    For,
    Kernel,
    Literal,
    Load,
    Memory,
    Number,
    Operand,
    Ref,
    Stmt,
    Store,
    Value,
)
from compiler.loops.members import write_formula
from compiler.loops.places import Places, Pointer
from compiler.loops.polynomials import rounded_once
from compiler.loops.roles import OutputLoop, Role, roles, stride_of
from compiler.loops.tables import BLOCK_DEPTH, Table, Zeros
from compiler.loops.weights import weight
from compiler.loops.writing import Writer
from compiler.schedule import schedule
from compiler.schedule.addresses import (
    FromLoop,
    FromMember,
    MemoryAccess,
    Source,
    memory_accesses,
    sources_of,
)
from compiler.schedule.frame import map_reduce
from compiler.schedule.nest import Nest

EVERY_OTHER: Final = 2
"""The distance of columns of which a vector is made of two by one shuffle."""


@dataclass(frozen=True)
class ProductDraft:
    """A product whose numbers are polynomials still.

    `core` are the counts of batches, rows and columns.
    """

    kernel: Kernel
    core: tuple[Count, Count, Count]
    iterations: Extent
    """How many elements the result has."""
    depth: Extent
    addresses: Mapping[Memory, Pointer]
    tables: Mapping[Memory, Table]
    known: frozenset[Count]
    """The counts that code depends on where they are numbers: of rows, columns and terms."""
    after: float
    """Instructions behind the sum, for each element."""
    shares_left: bool = False
    """Whether all batches are products of one left operand: the right ones are panels."""
    apart: Count | None = None
    """How far the rows of such a panel are apart; code depends on it."""

    def moved(self, pointers: Mapping[Pointer, Pointer]) -> ProductDraft:
        """The same over other memory."""
        return replace(self, addresses={key: pointers[item] for key, item in self.addresses.items()})

    def of_rows(self, count: int) -> ProductDraft:
        """The same for so many rows."""
        batches, rows, columns = self.core
        known = Count(count)
        body = Copy({rows: known}).block(self.kernel.body)
        return replace(
            self, kernel=replace(self.kernel, body=body), core=(batches, known, columns),
            known=self.known | {known},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Factor:
    """An operand: its place in the loops of the output, and how it is walked along terms and other loops."""

    place: Ref
    by_term: Number | Memory
    ways: tuple[tuple[Value, Number | Memory], ...] = ()


class ProductWriter:
    """Writes the loops of one kernel. Raises UnsupportedError where it is no product of two matrices."""

    def __init__(self, kernel: schedule.Kernel, nest: Nest, places: Places, stored: frozenset[Node]) -> None:
        self.kernel, self.nest = kernel, nest
        self.head, *self.maps = kernel.members
        self.op = map_reduce(self.head)
        self._check_maps()
        accesses = list(memory_accesses(kernel.members, stored, self.nest, places.regions))
        self.roles = roles(kernel.members, self.nest, accesses, places.regions)
        self.others = accesses[2:]
        self.slots = Slots(places, kernel)
        self.writer = Writer()
        self.indices: dict[OutputLoop, Value] = {loop: Value(INT64) for loop in self.roles.loops}
        self.refs: dict[Memory, Ref] = {}
        self.tables: dict[Memory, Table] = {}
        self.zeros = self._zeros()
        self.moved: dict[Walk, tuple[Value, Memory]] = {}
        """Where a row lies in what is stored, or read behind the sum: a value, and the table with it."""

    def _zeros(self) -> Zeros | None:
        given = self.roles
        return given.border and Zeros(given.rows.walk, given.terms[0], given.border)

    def write(self) -> ProductDraft:
        """The loops."""
        given, loops = self.roles, self.roles.loops
        counts = {loop: Count(loop.extent) for loop in loops}
        left, right = self._factors()
        self.refs = {self._memory(access): self._ref(column) for column, access in enumerate(self.others, 2)}
        terms = Count(given.depth)
        self._write_maps(self._total([left, right], terms))
        body: tuple[Stmt, ...] = tuple(self.writer.blocks[0])
        for loop in reversed(loops):
            if loop.extent != 1 or loop in loops[-2:]:
                body = (For(self.indices[loop], 0, counts[loop], body),)
        kernel = Kernel((*self.slots.addresses, *self.tables), Value(INT64), (), body)
        rows, columns = counts[given.rows], counts[given.columns]
        lines = [line for node in self.maps for line in map_reduce(node).formula.lines]
        after = sum(weight(line.atom, line.arguments) for line in lines)
        shares_left = given.batch in loops and given.batch.role is Role.COLUMN
        apart = right.by_term if shares_left and isinstance(right.by_term, Count) else None
        return ProductDraft(
            kernel, (counts.get(given.batch) or Count(1), rows, columns),
            product(loop.extent for loop in loops), given.depth, dict(self.slots.addresses), self.tables,
            frozenset([rows, columns, terms]), after, shares_left, apart,
        )  # fmt: skip

    def _check_maps(self) -> None:
        """Refuses what reduces, or has other loops than the output."""
        loops = {loop for loop in self.nest.axes_of(self.head) if loop is not None}
        for node in self.maps:
            if map_reduce(node).reducer is not Reducer.NONE:
                raise UnsupportedError("a reduction follows a contraction")
            if {loop for loop in self.nest.placement[node] if loop is not None} != loops:
                raise UnsupportedError("a map has other loops than the contraction")

    # Places

    def _memory(self, access: MemoryAccess) -> Memory:
        """What a map reads, or what is stored."""
        return self.slots.slot(access.value, access.strides, is_written=access.is_write).memory

    def _ref(self, column: int, memory: Memory | None = None) -> Ref:
        """The place of an access in the loops of the output."""
        strides = [(self.indices[loop], number_of(loop.strides[column])) for loop in self.roles.loops]
        memory = memory or self._memory(self.others[column - 2])
        if column >= 2 and self.zeros is not None:
            strides += self._row(column)
        return Ref(memory, tuple((index, number) for index, number in strides if number != 0))

    def _row(self, column: int) -> list[tuple[Value, Number]]:
        """Where a row lies in what is stored or read behind the sum: a table says it, in the rows' order."""
        walk = self.roles.rows.others[column - 2]
        if all(stride == 0 for _, stride in walk):
            return []
        if walk not in self.moved:
            self.moved[walk] = Value(INT64), self._table(self.others[column - 2].value, "rows", walk)
        return [(self.moved[walk][0], 1)]

    def _factors(self) -> tuple[_Factor, _Factor]:
        """The operands; one array that is both is one memory."""
        given = self.roles
        walks = given.rows.walk, *given.terms
        names = (given.left, "rows"), (given.left, "terms"), (given.right, "terms")
        by_row, by_left, by_right = (self._way(*name, walk) for name, walk in zip(names, walks, strict=True))
        left, right = (self.slots.memory(access.value) for access in (given.left, given.right))
        rows = self.indices[given.rows]
        return (
            _Factor(self._ref(0, left), by_left, ((rows, by_row),)),
            _Factor(self._ref(1, right), by_right),
        )

    def _way(self, access: MemoryAccess, what: str, walk: Walk) -> Number | Memory:
        """The stride of a walk, or the memory of its table."""
        stride = stride_of(walk)
        if stride is not None and (what == "terms" or self.zeros is None):
            return number_of(stride)
        return self._table(access.value, what, walk)

    def _table(self, value: Node, what: str, walk: Walk = ()) -> Memory:
        """The memory of a table."""
        table = Table(value, what, walk, None if what == "terms" else self.zeros)
        memory = Memory(INT64, label=table)
        self.tables[memory] = table
        return memory

    # Writing

    def _total(self, factors: Sequence[_Factor], terms: Count) -> Operand:
        """The sum of products, a block of the terms after the other."""
        dtype, writer = self.op.dtype, self.writer
        zero = Literal.of(0, dtype)
        if self.zeros is None and isinstance(terms.extent, int) and terms.extent <= BLOCK_DEPTH:
            return self._terms(factors, 0, terms, self.head)
        block, total, after = Value(INT64), Value(dtype), Value(dtype, label=self.head)
        with writer.block() as body:
            if self.zeros is None:
                part = self._terms(factors, block, writer.minimum(writer.sum(block, BLOCK_DEPTH), terms))
            else:
                part = self._live_terms(factors, block, terms)
            following = writer.let("add", dtype, total, part)
        carried = (Carry(total, zero, following, after),)
        writer.write(For(block, 0, terms, tuple(body), step=BLOCK_DEPTH, carried=carried))
        return after

    def _live_terms(self, factors: Sequence[_Factor], block: Value, terms: Count) -> Value:
        """The terms of a block that are no zeros, as tables say that the kind of the row has them."""
        writer, row, value = self.writer, self.indices[self.roles.rows], self.roles.left.value
        kinds = self._table(value, "kinds", self.roles.rows.walk)
        begins, ends, live = (self._table(value, what) for what in ("begins", "ends", "live"))
        assert isinstance(terms.extent, int)
        blocks = Count(-(-terms.extent // BLOCK_DEPTH))
        kind = writer.number(Ref(kinds, ((row, 1),)))
        number = writer.let("div", INT64, block, Literal.of(BLOCK_DEPTH, INT64))
        place = (kind, blocks), (number, 1)
        start, stop = (writer.number(Ref(memory, place)) for memory in (begins, ends))
        return self._terms(factors, start, stop, live=(live, block))

    def _terms(
        self,
        factors: Sequence[_Factor],
        start: Number,
        stop: Number,
        label: object = None,
        live: tuple[Memory, Value] | None = None,
    ) -> Value:
        """A sum of products: of terms in their order, or of those of a block that a table says."""
        dtype, writer = self.op.dtype, self.writer
        index, total, after = Value(INT64), Value(dtype), Value(dtype, label=label)
        with writer.block() as body:
            term = index
            if live is not None:
                term = writer.sum(live[1], writer.number(Ref(live[0], ((index, 1),))))
            read = [self._factor(factor, term) for factor in factors]
            if dtype.is_float:
                following = writer.let("fma", dtype, *read, total)
            else:
                following = writer.let("add", dtype, total, writer.let("mul", dtype, *read))
        carried = (Carry(total, Literal.of(0, dtype), following, after),)
        writer.write(For(index, start, stop, tuple(body), carried=carried))
        return after

    def _factor(self, factor: _Factor, term: Value) -> Operand:
        """An operand's element; a table is read where a stride would be multiplied."""
        terms = list(factor.place.terms)
        for index, way in (*factor.ways, (term, factor.by_term)):
            if isinstance(way, Memory):
                terms.append((self.writer.number(Ref(way, ((index, 1),))), 1))
            elif way != 0:
                terms.append((index, way))
        return self.writer.load(Ref(factor.place.memory, tuple(terms)))

    def _write_maps(self, total: Operand) -> None:
        """What follows the sum; everything is computed before anything is stored."""
        values: dict[Node, Operand] = {self.head: total}
        row = self.indices[self.roles.rows]
        for distance, table in self.moved.values():
            self.writer.write(Load(distance, Ref(table, ((row, 1),))))
        for node in self.maps:
            values[node] = self._map(node, values)
        for access in self.others:
            if access.is_write:
                self.writer.write(Store(self.refs[self._memory(access)], values[access.value]))

    def _map(self, node: Node, values: Mapping[Node, Operand]) -> Operand:
        op = map_reduce(node)
        dtypes = op.operand_dtypes([item.type for item in node.operands])
        given = sources_of(node, self.kernel.members, self.nest, self.slots.places.regions)
        sources = [self._source(item, values) for item in given]
        lines = infer_dtypes(op.formula, dtypes, op.dtype)
        lines, result = rounded_once(lines, op.formula.result, len(sources))
        return write_formula(
            self.writer, lines, result, op.dtype, sources, tuple(map(strong, dtypes)), label=node
        )

    def _index(self, common: int) -> Value:
        """The index of a common loop; none is joined where a map asks for one."""
        return next(index for loop, index in self.indices.items() if loop.common == common)

    def _source(self, source: Source, values: Mapping[Node, Operand]) -> Operand | Const:
        match source:
            case MemoryAccess():
                return self.writer.load(self.refs[self._memory(source)])
            case FromMember():
                return values[source.member]
            case FromLoop():
                return self._index(source.loop)
            case Size():
                return self.slots.size(source.extent)
            case Const():
                return source
