"""From a contraction of two operands, and the maps that follow it, to loops over scalars.

    %h[i,j] = sum[k] %x[i,k] * %w[k,j]         for i in 0 .. n:
    %y[i,j] = relu(%h[i,j])                        for j in 0 .. m:
                                       ->              for k in 0 .. l:  carrying s = 0.0
                                                           s = fma(x[i,k], w[k,j], s)
                                                       y[i,j] = relu(s)

The loops of the output are sorted into batch (both operands have them), rows (the left one alone) and columns
(the right one alone; the output's last loop is among them). Neighbours of one class become one loop where all
memory allows; what is left over in a class runs outside. The terms of a sum are added up in the order of the
summed axes, in blocks of BLOCK_DEPTH, the sums of the blocks in their order.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.analysis.aliasing import joined
from compiler.analysis.products import loops_of_contraction
from compiler.ir.dims import Extent, Shape, product
from compiler.ir.formula.tape import Const, infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Index, Reducer, Size
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
from compiler.loops.weights import weight
from compiler.loops.writing import Writer
from compiler.rewrite.refusal import Refusal
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

BLOCK_DEPTH: Final = 256
"""Terms that are summed before the sum is added to the total; part of the definition of the result."""

_BATCH, _ROW, _COLUMN = range(3)


@dataclass(frozen=True)
class ProductDraft:
    """A product whose numbers are polynomials still.

    `core` are the counts of batches, rows and columns.
    """

    kernel: Kernel
    core: tuple[Count, Count, Count]
    outer: tuple[Extent, ...]
    depth: Extent
    addresses: Mapping[Memory, Pointer]
    known: frozenset[Count]
    """The counts that code depends on where they are numbers: of rows, columns and terms."""
    after: float
    """Instructions behind the sum, for each element."""

    @property
    def turns(self) -> Extent:
        """How many elements the result has."""
        return product([*self.outer, *(count.extent for count in self.core)])


@dataclass(frozen=True, slots=True)
class _Loop:
    """A loop of the output: its class, its extent, and the stride of every column along it.

    Columns are the left and the right operand, then what the maps read and what is stored. `common` is the
    common loop of the kernel that this one is, if it is one.
    """

    kind: int
    extent: Extent
    strides: Shape
    common: int | None = None


class ProductWriter:
    """Writes the loops of one kernel. Raises UnsupportedError where it is no product of two matrices."""

    def __init__(self, kernel: schedule.Kernel, places: Places, stored: frozenset[Node]) -> None:
        self.kernel, self.stored = kernel, stored
        self.head, *self.maps = kernel.members
        self.op = map_reduce(self.head)
        if isinstance(kernel.nest, Refusal):
            raise UnsupportedError(str(kernel.nest))
        self.nest = kernel.nest
        order, self.kinds = self._classes()
        self.output = [loop for loop in self.nest.axes_of(self.head) if loop is not None]
        self._check_maps()
        accesses = list(memory_accesses(kernel.members, stored, self.nest, places.regions))
        self.sides, self.others = [accesses[position] for position in order], accesses[2:]
        self.slots = Slots(places, kernel)
        self.columns = self._columns()
        self.writer = Writer()
        self.refs: dict[Memory, Ref] = {}
        self.indices: dict[int | None, Value] = {}

    def write(self) -> ProductDraft:
        """The loops."""
        outer, core = self._sorted()
        loops = [*outer, *core]
        counts, indices = [Count(loop.extent) for loop in loops], [Value(INT64) for _ in loops]
        self.indices = {loop.common: index for loop, index in zip(loops, indices, strict=True)}
        rows = zip(*(loop.strides for loop in loops), strict=True)
        places = [_ref(m, indices, row) for (m, _), row in zip(self.columns, rows, strict=True)]
        self.refs = {ref.memory: ref for ref in places[2:]}
        depth, steps = self._depth()
        terms = Count(depth)
        self._write_maps(self._total(places[:2], list(map(number_of, steps)), terms))
        body: tuple[Stmt, ...] = tuple(self.writer.blocks[0])
        for index, count in zip(reversed(indices), reversed(counts), strict=True):
            if count.extent != 1 or count in counts[-2:]:
                body = (For(index, 0, count, body),)
        kernel = Kernel(tuple(self.slots.addresses), Value(INT64), (), body)
        known = frozenset([*counts[-2:], terms])
        after = sum(weight(line.atom) for node in self.maps for line in map_reduce(node).formula.lines)
        return ProductDraft(
            kernel, (counts[-3], counts[-2], counts[-1]), tuple(loop.extent for loop in outer), depth,
            dict(self.slots.addresses), known, after,
        )  # fmt: skip

    # What kind of product it is

    def _classes(self) -> tuple[tuple[int, int], list[int]]:
        """Which operand is left and which right, and the class of each output loop."""
        op, found = self.op, loops_of_contraction(self.op)
        if found is None or any(x.type.dtype is not op.dtype for x in self.head.operands):
            raise UnsupportedError("it is no product of two operands of its dtype")
        if found.repeated:
            raise UnsupportedError("an operand is repeated")
        output = [loop for loop in op.output if loop is not None and op.extents[loop] != 1]
        last = output[-1] if output else None
        if last in found.batch:
            raise UnsupportedError("the output's last loop is one of both operands")
        is_swapped = last in found.rows
        rows = found.columns if is_swapped else found.rows
        kinds = [_BATCH if k in found.batch else _ROW if k in rows else _COLUMN for k in output]
        return (1, 0) if is_swapped else (0, 1), kinds

    def _check_maps(self) -> None:
        """Refuses what reduces, or has other loops than the output."""
        loops = set(self.output)
        for node in self.maps:
            if map_reduce(node).reducer is not Reducer.NONE:
                raise UnsupportedError("a reduction follows a contraction")
            if {loop for loop in self.nest.placement[node] if loop is not None} != loops:
                raise UnsupportedError("a map has other loops than the contraction")

    def _memory(self, access: MemoryAccess) -> Memory:
        """What a map reads, or what is stored."""
        return self.slots.slot(access.value, access.strides, is_written=access.is_write).memory

    def _columns(self) -> list[tuple[Memory, Shape]]:
        """Memory, and its strides by common loop: both sides, which may be one, then all others once."""
        sides = [(self.slots.memory(access.value), access.strides) for access in self.sides]
        return [*sides, *{self._memory(access): access.strides for access in self.others}.items()]

    # Loops

    def _joined(self) -> list[_Loop]:
        """The output's loops with neighbours of one class joined."""
        rows = [[strides[loop] for loop in self.output] for _, strides in self.columns]
        extents = [self.nest.loops[loop] for loop in self.output]
        has_index = any(isinstance(item, Index) for node in self.maps for item in map_reduce(node).arguments)
        groups = joined(extents, rows, range(len(extents)) if has_index else self.kinds)
        return [
            _Loop(
                self.kinds[group[-1]], product(extents[k] for k in group),
                tuple(row[group[-1]] for row in rows), self.output[group[-1]],
            )
            for group in groups
        ]  # fmt: skip

    def _sorted(self) -> tuple[list[_Loop], list[_Loop]]:
        """The loops that are left over, and the last loop of each class."""
        rest = self._joined()
        core: list[_Loop] = []
        for kind in (_BATCH, _ROW, _COLUMN):
            mine = [loop for loop in rest if loop.kind == kind]
            core.append(mine[-1] if mine else self._no_loop(kind))
            rest = [loop for loop in rest if loop is not core[-1]]
        return rest, core

    def _no_loop(self, kind: int) -> _Loop:
        """A loop of one turn. Vectors run along columns: what is behind the sum has neighbours there."""
        width = len(self.columns) - 2
        return _Loop(kind, 1, (0, 0, *[int(kind == _COLUMN)] * width))

    def _depth(self) -> tuple[Extent, Shape]:
        """The summed loops as one: its extent, and the strides of left and right along it."""
        summed = [loop for loop in self.nest.placement[self.head] if loop not in self.output]
        known = [loop for loop in summed if loop is not None]
        if not known:
            return 1, (0, 0)
        for order in itertools.islice(itertools.permutations(known), 24):
            extents = [self.nest.loops[loop] for loop in order]
            rows = [[access.strides[loop] for loop in order] for access in self.sides]
            if len(joined(extents, rows)) == 1:
                return product(extents), tuple(row[-1] for row in rows)
        raise UnsupportedError("its summed loops are not one loop in memory")

    # Writing

    def _total(self, bases: Sequence[Ref], steps: Sequence[Number], terms: Count) -> Operand:
        """The sum of products, a block of the terms after the other."""
        dtype, writer = self.op.dtype, self.writer
        zero = Literal.of(0, dtype)
        if isinstance(terms.extent, int) and terms.extent <= BLOCK_DEPTH:
            return self._terms(bases, steps, 0, terms, self.head)
        block, total, after = Value(INT64), Value(dtype), Value(dtype, label=self.head)
        with writer.block() as body:
            stop = writer.minimum(writer.sum(block, BLOCK_DEPTH), terms)
            part = self._terms(bases, steps, block, stop)
            following = writer.let("add", dtype, total, part)
        carried = (Carry(total, zero, following, after),)
        writer.write(For(block, 0, terms, tuple(body), step=BLOCK_DEPTH, carried=carried))
        return after

    def _terms(
        self,
        bases: Sequence[Ref],
        steps: Sequence[Number],
        start: Number,
        stop: Number,
        label: object = None,
    ) -> Value:
        dtype, writer = self.op.dtype, self.writer
        index, total, after = Value(INT64), Value(dtype), Value(dtype, label=label)
        with writer.block() as body:
            factors = [
                writer.load(Ref(base.memory, (*base.terms, (index, step)) if step != 0 else base.terms))
                for base, step in zip(bases, steps, strict=True)
            ]
            if dtype.is_float:
                following = writer.let("fma", dtype, *factors, total)
            else:
                following = writer.let("add", dtype, total, writer.let("mul", dtype, *factors))
        carried = (Carry(total, Literal.of(0, dtype), following, after),)
        writer.write(For(index, start, stop, tuple(body), carried=carried))
        return after

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

    def _source(self, source: Source, values: Mapping[Node, Operand]) -> Operand | Const:
        match source:
            case MemoryAccess():
                return self.writer.load(self.refs[self._memory(source)])
            case FromMember():
                return values[source.member]
            case FromLoop():
                return self.indices[source.loop]
            case Size():
                return self.slots.size(source.extent)
            case Const():
                return source


def _ref(memory: Memory, indices: Sequence[Value], strides: Sequence[Extent]) -> Ref:
    pairs = zip(indices, map(number_of, strides), strict=True)
    return Ref(memory, tuple((index, number) for index, number in pairs if number != 0))
