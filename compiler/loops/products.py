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
from compiler.loops.drafts import Slots, UnsupportedError, number_of, strong
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
from compiler.loops.members import write_formula
from compiler.loops.places import Places, Pointer
from compiler.loops.polynomials import rounded_once
from compiler.loops.roles import OutputLoop, Walk, roles, stride_of
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

BLOCK_DEPTH: Final = 256
"""Terms that are summed before the sum is added to the total; part of the definition of the result."""

EVERY_OTHER: Final = 2
"""The distance of columns of which a vector is made of two by one shuffle."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """How far each iteration of some loops, the last one innermost, is from the first in a value's memory."""

    value: Node
    what: str
    """"rows" or "terms"."""
    loops: Walk

    def __str__(self) -> str:
        steps = ", ".join(f"{extent} by {stride}" for extent, stride in self.loops)
        return f"table of {steps}"


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

    def moved(self, pointers: Mapping[Pointer, Pointer]) -> ProductDraft:
        """The same over other memory."""
        return replace(self, addresses={key: pointers[item] for key, item in self.addresses.items()})


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
        self.roles, self.others = roles(kernel.members, self.nest, accesses), accesses[2:]
        self.slots = Slots(places, kernel)
        self.writer = Writer()
        self.indices: dict[OutputLoop, Value] = {loop: Value(INT64) for loop in self.roles.loops}
        self.refs: dict[Memory, Ref] = {}
        self.tables: dict[Memory, Table] = {}

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
        after = sum(weight(line.atom) for node in self.maps for line in map_reduce(node).formula.lines)
        return ProductDraft(
            kernel, (counts.get(given.batch) or Count(1), rows, columns),
            product(loop.extent for loop in loops), given.depth, dict(self.slots.addresses), self.tables,
            frozenset([rows, columns, terms]), after,
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
        return Ref(memory, tuple((index, number) for index, number in strides if number != 0))

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
        if stride is not None:
            return number_of(stride)
        table = Table(access.value, what, walk)
        memory = Memory(INT64, label=table)
        self.tables[memory] = table
        return memory

    # Writing

    def _total(self, factors: Sequence[_Factor], terms: Count) -> Operand:
        """The sum of products, a block of the terms after the other."""
        dtype, writer = self.op.dtype, self.writer
        zero = Literal.of(0, dtype)
        if isinstance(terms.extent, int) and terms.extent <= BLOCK_DEPTH:
            return self._terms(factors, 0, terms, self.head)
        block, total, after = Value(INT64), Value(dtype), Value(dtype, label=self.head)
        with writer.block() as body:
            stop = writer.minimum(writer.sum(block, BLOCK_DEPTH), terms)
            part = self._terms(factors, block, stop)
            following = writer.let("add", dtype, total, part)
        carried = (Carry(total, zero, following, after),)
        writer.write(For(block, 0, terms, tuple(body), step=BLOCK_DEPTH, carried=carried))
        return after

    def _terms(self, factors: Sequence[_Factor], start: Number, stop: Number, label: object = None) -> Value:
        dtype, writer = self.op.dtype, self.writer
        index, total, after = Value(INT64), Value(dtype), Value(dtype, label=label)
        with writer.block() as body:
            read = [self._factor(factor, index) for factor in factors]
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
                distance = self.writer.load(Ref(way, ((index, 1),)))
                assert isinstance(distance, Value)
                terms.append((distance, 1))
            elif way != 0:
                terms.append((index, way))
        return self.writer.load(Ref(factor.place.memory, tuple(terms)))

    def _write_maps(self, total: Operand) -> None:
        """What follows the sum; everything is computed before anything is stored."""
        values: dict[Node, Operand] = {self.head: total}
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
