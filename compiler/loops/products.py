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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.ir.dims import Extent, product
from compiler.ir.formula.tape import Const, infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Access, Argument, Index, MapReduce, Reducer, Size
from compiler.ir.types import INT64
from compiler.loops.drafts import Slots, UnsupportedError, map_reduce, number_of, strong
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
from compiler.schedule import schedule

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


@dataclass
class _Loop:
    """A loop of the output: its class, its extent, and the strides of both sides and every slot along it."""

    kind: int
    extent: Extent
    strides: list[Extent]


def _no_loop(kind: int, width: int) -> _Loop:
    """A loop of one turn. Vectors run along columns, so what is behind the sum has neighbours there."""
    return _Loop(kind, 1, [0, 0, *[int(kind == _COLUMN)] * (width - 2)])


class ProductWriter:
    """Writes the loops of one kernel. Raises UnsupportedError where it is no product of two matrices.

    `place` gives for each member the output loop (a position among the contraction's non-unit output loops)
    of each of its own loops, None for a unit loop.
    """

    def __init__(self, kernel: schedule.Kernel, places: Places, stored: frozenset[Node]) -> None:
        self.kernel, self.places, self.stored = kernel, places, stored
        self.head = kernel.members[0]
        self.op = map_reduce(self.head)
        self.output = [a for a in self.op.output if a is not None and self.op.extents[a] != 1]
        self.summed = [axis for axis in self.op.reduced if self.op.extents[axis] != 1]
        self.place: dict[Node, tuple[int | None, ...]] = {}
        self.slots = Slots(places, kernel)
        self.writer = Writer()
        self.indices: list[Value] = []
        self.strides: dict[Memory, list[Number]] = {}
        self.numbers: dict[int, int] = {}

    def write(self) -> ProductDraft:
        """The loops."""
        order, kinds = self._classes()
        sides = [self._side(position) for position in order]
        self._place_members()
        slots = self._all_slots()
        loops = self._joined(kinds, [side for _, side in sides], [row for _, row in slots])
        outer, core = self._sorted(loops, 2 + len(slots))
        return self._written(outer, core, sides, [memory for memory, _ in slots])

    # What kind of product it is

    def _classes(self) -> tuple[tuple[int, int], list[int]]:
        """Which operand is left and which right, and the class of each output loop."""
        op = self.op
        if len(op.accesses) != 2 or any(x.type.dtype is not op.dtype for x in self.head.operands):
            raise UnsupportedError("it is no product of two operands of its dtype")
        used = [
            {axis for axis in access.axes if axis is not None and op.extents[axis] != 1}
            for access in op.accesses
        ]
        if any(axis not in used[0] | used[1] for axis in (*self.output, *self.summed)):
            raise UnsupportedError("an operand is repeated")
        is_swapped = bool(self.output) and self.output[-1] not in used[1]
        order = (1, 0) if is_swapped else (0, 1)
        left, right = (used[k] for k in order)
        if self.output and self.output[-1] in left:
            raise UnsupportedError("the output's last loop is one of both operands")
        kinds = [_BATCH if a in left and a in right else _ROW if a in left else _COLUMN for a in self.output]
        return order, kinds

    def _side(self, position: int) -> tuple[Memory, dict[int, Extent]]:
        """The memory of an operand, and its strides by axis of the contraction."""
        node = self.head.operands[position]
        memory = self.slots.memory(node)
        pairs = zip(self.op.accesses[position].axes, self.places[node].strides, strict=True)
        return memory, {axis: stride for axis, stride in pairs if axis is not None}

    # Where the members' loops lie

    def _place_members(self) -> None:
        position = {axis: k for k, axis in enumerate(self.output)}
        self.place[self.head] = tuple(position.get(axis) for axis in range(len(self.op.extents)))
        for node in self.kernel.members[1:]:
            if map_reduce(node).reducer is not Reducer.NONE:
                raise UnsupportedError("a reduction follows a contraction")
            self.place[node] = self._placed(node, map_reduce(node))

    def _placed(self, node: Node, op: MapReduce) -> tuple[int | None, ...]:
        """The output loop of each loop of a map, from where it reads earlier members."""
        place: dict[int, int] = {}
        for source, access in zip(node.operands, op.accesses, strict=True):
            if source not in self.place:
                continue
            axes = [None if axis is None else self.place[source][axis] for axis in map_reduce(source).output]
            for ours, theirs in zip(access.axes, axes, strict=True):
                if ours is not None and theirs is not None and place.setdefault(ours, theirs) != theirs:
                    raise UnsupportedError("a map reads the contraction elsewhere")
        needed = [loop for loop, extent in enumerate(op.extents) if extent != 1]
        has_all = sorted(place.values()) == list(range(len(self.output)))
        if not has_all or any(loop not in place for loop in needed):
            raise UnsupportedError("a map has other loops than the contraction")
        return tuple(place.get(loop) for loop in range(len(op.extents)))

    def _all_slots(self) -> list[tuple[Memory, list[Extent]]]:
        """What the maps read and what is stored, with strides by output loop."""
        found: dict[Memory, list[Extent]] = {}
        for node in self.kernel.members:
            op = map_reduce(node)
            if node is not self.head:
                for source, access in zip(node.operands, op.accesses, strict=True):
                    if source not in self.place:
                        found.update([self._slot(node, source, access.axes)])
            if node in self.stored:
                found.update([self._slot(node, node, op.output, is_written=True)])
        return list(found.items())

    def _slot(
        self, node: Node, value: Node, axes: Sequence[int | None], *, is_written: bool = False
    ) -> tuple[Memory, list[Extent]]:
        """The memory of a value where a member reads or writes it, and its strides by output loop."""
        strides: list[Extent] = [0] * len(self.output)
        for stride, axis in zip(self.places[value].strides, axes, strict=True):
            loop = None if axis is None else self.place[node][axis]
            if loop is not None:
                strides[loop] = stride
        overlaps = is_written and self.places.overwrites(value, self.kernel)
        slot = self.slots.slot(value, tuple(strides), is_written=is_written, overlaps=overlaps)
        return slot.memory, strides

    # Loops

    def _joined(
        self, kinds: Sequence[int], sides: Sequence[Mapping[int, Extent]], slots: Sequence[Sequence[Extent]]
    ) -> list[_Loop]:
        """The output's loops with neighbours of one class joined."""
        loops = [
            _Loop(kind, self.op.extents[axis], [*(s.get(axis, 0) for s in sides), *(row[k] for row in slots)])
            for k, (axis, kind) in enumerate(zip(self.output, kinds, strict=True))
        ]
        if any(isinstance(a, Index) for node in self.kernel.members for a in map_reduce(node).arguments):
            return loops
        for k in reversed(range(len(loops) - 1)):
            first, second = loops[k], loops[k + 1]
            fits = all(a == b * second.extent for a, b in zip(first.strides, second.strides, strict=True))
            if first.kind == second.kind and fits:
                loops[k : k + 2] = [_Loop(first.kind, first.extent * second.extent, second.strides)]
        return loops

    def _sorted(
        self, loops: Sequence[_Loop], width: int
    ) -> tuple[list[tuple[int, _Loop]], list[tuple[int, _Loop]]]:
        """The last loop of each class, and those left over; each with its number, -1 for one of one turn."""
        rest = list(enumerate(loops))
        core: list[tuple[int, _Loop]] = []
        for kind in (_BATCH, _ROW, _COLUMN):
            mine = [item for item in rest if item[1].kind == kind]
            core.append(mine[-1] if mine else (-1, _no_loop(kind, width)))
            rest = [item for item in rest if not mine or item[0] != mine[-1][0]]
        return rest, core

    def _depth(self, sides: Sequence[Mapping[int, Extent]]) -> tuple[Extent, Extent, Extent]:
        """The summed loops as one: its extent, and the strides of left and right along it."""
        for order in itertools.islice(itertools.permutations(self.summed), 24):
            extent: Extent = 1
            steps: list[Extent] = [0, 0]
            fits = True
            for axis in reversed(order):
                strides = [side.get(axis, 0) for side in sides]
                if extent == 1:
                    steps = strides
                elif any(s != step * extent for s, step in zip(strides, steps, strict=True)):
                    fits = False
                extent = extent * self.op.extents[axis]
            if fits:
                return extent, steps[0], steps[1]
        raise UnsupportedError("its summed loops are not one loop in memory")

    # Writing

    def _written(
        self,
        outer: Sequence[tuple[int, _Loop]],
        core: Sequence[tuple[int, _Loop]],
        sides: Sequence[tuple[Memory, Mapping[int, Extent]]],
        slots: Sequence[Memory],
    ) -> ProductDraft:
        loops = [*outer, *core]
        counts = [Count(loop.extent) for _, loop in loops]
        self.indices = [Value(INT64) for _ in loops]
        self.numbers = {number: at for at, (number, _) in enumerate(loops) if number >= 0}
        memories = [memory for memory, _ in sides]
        for column, memory in enumerate([*memories, *slots]):
            self.strides.setdefault(memory, [number_of(loop.strides[column]) for _, loop in loops])
        depth, *steps = self._depth([side for _, side in sides])
        bases = [self._ref(memory, column, loops) for column, memory in enumerate(memories)]
        terms = Count(depth)
        total = self._total(bases, [number_of(step) for step in steps], terms)
        self._maps(total)
        body: tuple[Stmt, ...] = tuple(self.writer.blocks[0])
        for index, count in zip(reversed(self.indices), reversed(counts), strict=True):
            if count.extent != 1 or count in counts[-2:]:
                body = (For(index, 0, count, body),)
        kernel = Kernel(tuple(self.slots.addresses), Value(INT64), (), body)
        known = frozenset([*counts[-2:], terms])
        after = sum(self._instructions(node) for node in self.kernel.members[1:])
        return ProductDraft(
            kernel, (counts[-3], counts[-2], counts[-1]), tuple(loop.extent for _, loop in outer), depth,
            dict(self.slots.addresses), known, after,
        )  # fmt: skip

    def _ref(self, memory: Memory, column: int, loops: Sequence[tuple[int, _Loop]]) -> Ref:
        numbers = [number_of(loop.strides[column]) for _, loop in loops]
        return Ref(memory, tuple((i, n) for i, n in zip(self.indices, numbers, strict=True) if n != 0))

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

    def _maps(self, total: Operand) -> None:
        """What follows the sum; everything is computed before anything is stored."""
        values: dict[Node, Operand] = {self.head: total}
        for node in self.kernel.members[1:]:
            values[node] = self._map(node, values)
        for node in self.kernel.members:
            if node in self.stored:
                memory, _ = self._slot(node, node, map_reduce(node).output, is_written=True)
                self.writer.write(Store(self._at(memory), values[node]))

    def _map(self, node: Node, values: Mapping[Node, Operand]) -> Operand:
        op = map_reduce(node)
        dtypes = op.operand_dtypes([item.type for item in node.operands])
        operands = iter(zip(node.operands, op.accesses, strict=True))
        sources = [self._source(node, item, operands, values) for item in op.arguments]
        lines = infer_dtypes(op.formula, dtypes, op.dtype)
        lines, result = rounded_once(lines, op.formula.result, len(sources))
        return write_formula(
            self.writer, lines, result, op.dtype, sources, tuple(map(strong, dtypes)), label=node
        )

    def _source(
        self,
        node: Node,
        item: Argument,
        operands: Iterator[tuple[Node, Access]],
        values: Mapping[Node, Operand],
    ) -> Operand | Const:
        match item:
            case Access():
                source, access = next(operands)
                if source in values:
                    return values[source]
                memory, _ = self._slot(node, source, access.axes)
                return self.writer.load(self._at(memory))
            case Index():
                loop = self.place[node][item.loop]
                return Const(0) if loop is None else self.indices[self.numbers[loop]]
            case Size():
                return self.slots.size(item.extent)
            case Const():
                return item

    def _at(self, memory: Memory) -> Ref:
        pairs = zip(self.indices, self.strides[memory], strict=True)
        return Ref(memory, tuple((index, stride) for index, stride in pairs if stride != 0))

    def _instructions(self, node: Node) -> float:
        return sum(weight(line.atom) for line in map_reduce(node).formula.lines)
