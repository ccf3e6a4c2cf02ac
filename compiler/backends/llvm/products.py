"""Contractions of two operands as matrix products, with the maps that follow them done on the way out.

The loops of the output are sorted into batch (both operands have them), rows (the left one alone) and
columns (the right one alone; the output's last loop is among them). Neighbours of one class become one loop
where all memory allows; what is left over in a class runs outside.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from compiler.backends.llvm.contraction import ContractionShape, Right, choose_tile, epilogue_lanes
from compiler.backends.llvm.forms import (
    Form,
    FromIndex,
    FromMember,
    FromSize,
    FromSlot,
    Member,
    Slot,
    Source,
    Step,
)
from compiler.backends.llvm.formulas import REGISTER
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Value
from compiler.backends.llvm.library import Emit
from compiler.backends.llvm.nests import Memory, SlotLabels, UnsupportedError, slot_of, step_of, strong
from compiler.backends.llvm.places import Places, Pointer
from compiler.backends.llvm.polynomials import rounded_once
from compiler.backends.llvm.product_code import ProductForm, emit_product
from compiler.backends.llvm.stages import weight
from compiler.backends.llvm.steps import Launch, Scratch, Sizes, chunks_for
from compiler.ir.dims import Extent, Shape, evaluate, product
from compiler.ir.formula.tape import Const, infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Access, Argument, Index, MapReduce, Reducer, Size
from compiler.schedule.schedule import Kernel

_BATCH, _ROW, _COLUMN = range(3)

_FLOPS_PER_NANOSECOND: Final = 80.0


@dataclass(frozen=True)
class ProductStep:
    """A product with its numbers as extents. Loops are the outer ones, then batch, row, column."""

    nodes: tuple[Node, ...]
    sides: tuple[Node, Node]
    """Left and right."""
    memory: tuple[SlotLabels, ...]
    form: ProductForm
    machine: Target
    loops: Shape
    depth: Extent
    left: tuple[Pointer, Shape, Extent]
    right: tuple[Pointer, Shape, Extent]
    slots: tuple[tuple[Pointer, Shape], ...]
    sizes: Shape

    @property
    def key(self) -> str:
        return f"product {self.form!r}"

    @property
    def kernels(self) -> Mapping[str, Emit]:
        return {self.key: partial(_emit, self.form)}

    @property
    def picoseconds(self) -> Extent:
        """As `launches` predicts, for every size."""
        after = sum(weight(member) for member in self.form.epilogue.members)
        turns = product(self.loops)
        return turns * self.depth * round(2000 / _FLOPS_PER_NANOSECOND) + turns * round(25 * after)

    @property
    def labels(self) -> tuple[Node, ...]:
        """What the members of the epilogue are."""
        return self.nodes

    def launches(self, sizes: Sizes, scratch: Scratch) -> list[Launch]:
        """One call, cut along batches, rows or columns."""
        extents = [evaluate(extent, sizes) for extent in self.loops]
        depth = evaluate(self.depth, sizes)
        *outer, batches, rows, columns = extents
        turns = batches * rows * columns
        for extent in outer:
            turns *= extent
        after = sum(weight(member) for member in self.form.epilogue.members)
        nanoseconds = turns * (2 * depth / _FLOPS_PER_NANOSECOND + after / 40)
        cuts = self._cuts(batches, rows, columns, chunks_for(nanoseconds, 1 << 20))
        parts = [max(1, -(-n // cut)) for n, cut in zip((batches, rows, columns), cuts, strict=True)]
        numbers: list[int | Pointer] = [batches, rows, columns, depth, *cuts, parts[1], parts[2], *outer]
        for pointer, strides, step in (self.left, self.right):
            numbers += [pointer, *(evaluate(stride, sizes) for stride in strides), evaluate(step, sizes)]
        for slot, (pointer, strides) in zip(self.form.epilogue.slots, self.slots, strict=True):
            moving = (*slot.loops, len(extents) - 1) if slot.step is Step.ANY else slot.loops
            numbers += [pointer, *(evaluate(strides[loop], sizes) for loop in moving)]
        numbers += [evaluate(size, sizes) for size in self.sizes]
        return [Launch(self.key, numbers, parts[0] * parts[1] * parts[2], nanoseconds)]

    def _cuts(self, batches: int, rows: int, columns: int, wanted: int) -> list[int]:
        """How many batches, rows and columns a chunk has.

        Together the chunks read the least that so many can: they are nearly square. Those that have the same
        columns follow each other.
        """
        if wanted == 1:
            return [max(1, batches), max(1, rows), max(1, columns)]
        if batches >= wanted:
            return [-(-batches // wanted), max(1, rows), max(1, columns)]
        tile = choose_tile(self.machine, self.form.shape)
        wanted = -(-wanted // max(1, batches))
        found: list[tuple[int, int, int]] = []
        for number in range(1, wanted + 1):
            down = _cut(rows, number, tile.rows)
            across = _cut(columns, -(-wanted // _parts(rows, down)), tile.columns)
            found.append((_parts(rows, down) * columns + _parts(columns, across) * rows, down, across))
        return [1, *min(found)[1:]]


def _cut(extent: int, parts: int, of: int) -> int:
    """The length, a multiple of `of`, of as many parts of an extent, or of as many as there are."""
    return math.ceil(extent / min(parts, max(1, -(-extent // of))) / of) * of


def _parts(extent: int, cut: int) -> int:
    """Into how many parts of a length an extent falls."""
    return max(1, -(-extent // cut))


def _emit(form: ProductForm, builder: Builder, target: Target, numbers: Value, chunk: Value) -> None:
    emit_product(builder, form, target, numbers, chunk)


@dataclass
class _Loop:
    """A loop of the output: its class, extent, and the stride of every memory along it."""

    kind: int
    extent: Extent
    strides: list[Extent]


class ProductBuilder:
    """Finds the form and numbers of a kernel whose first member is a contraction and whose others are maps.

    `loop_of` gives for each member the output loop (a position among the contraction's non-unit output
    loops) of each of its own loops, None for a unit loop.
    """

    def __init__(self, kernel: Kernel, places: Places, stored: frozenset[Node], machine: Target) -> None:
        self.kernel, self.places, self.stored, self.machine = kernel, places, stored, machine
        self.head = kernel.members[0]
        self.op = _op(self.head)
        self.memory: list[Memory] = []
        self.labels: list[SlotLabels] = []
        self.sizes: list[Extent] = []
        self.place: dict[Node, tuple[int | None, ...]] = {}

    def build(self) -> ProductStep:
        """The step. Raises UnsupportedError where the contraction is no product of two matrices."""
        op = self.op
        if len(op.accesses) != 2 or any(x.type.dtype is not op.dtype for x in self.head.operands):
            raise UnsupportedError("it is no product of two operands of its dtype")
        used = [
            {axis for axis in access.axes if axis is not None and op.extents[axis] != 1}
            for access in op.accesses
        ]
        self.output = [axis for axis in op.output if axis is not None and op.extents[axis] != 1]
        self.depth = [axis for axis in op.reduced if op.extents[axis] != 1]
        if any(axis not in used[0] | used[1] for axis in (*self.output, *self.depth)):
            raise UnsupportedError("an operand is repeated")
        swapped = bool(self.output) and self.output[-1] not in used[1]
        order = (1, 0) if swapped else (0, 1)
        left_used, right_used = (used[k] for k in order)
        if self.output and self.output[-1] in left_used:
            raise UnsupportedError("the output's last loop is one of both operands")
        kinds = [
            _BATCH if a in left_used and a in right_used else _ROW if a in left_used else _COLUMN
            for a in self.output
        ]
        sides = [self._side(k) for k in order]
        self.sides = self.head.operands[order[0]], self.head.operands[order[1]]
        members = self._members()
        loops = self._loops(kinds, [strides for _, strides in sides])
        return self._finish(loops, members, sides)

    # Memory

    def _side(self, position: int) -> tuple[Pointer, dict[int, Extent]]:
        located = self.places[self.head.operands[position]]
        axes = self.op.accesses[position].axes
        return located.pointer, {
            axis: stride for axis, stride in zip(axes, located.strides, strict=True) if axis is not None
        }

    def _slot(self, node: Node, axes: Sequence[int | None], *, is_written: bool = False) -> int:
        located = self.places[node]
        strides: list[Extent] = [0] * len(self.output)
        for stride, loop in zip(located.strides, axes, strict=True):
            if loop is not None:
                strides[loop] = stride
        found = (located.pointer, tuple(strides), node.type.dtype)
        return slot_of(found, node, self.memory, self.labels, is_written=is_written)

    # Members

    def _members(self) -> list[Member]:
        position = {axis: k for k, axis in enumerate(self.output)}
        self.place[self.head] = tuple(position.get(axis) for axis in range(len(self.op.extents)))
        dtype = self.op.dtype
        store = self._store(self.head)
        members = [Member((), 0, (), (), dtype, dtype, Reducer.NONE, frozenset(), False, store, False)]
        return members + [self._map(node) for node in self.kernel.members[1:]]

    def _store(self, node: Node) -> int | None:
        axes = [None if axis is None else self.place[node][axis] for axis in _op(node).output]
        return self._slot(node, axes, is_written=True) if node in self.stored else None

    def _map(self, node: Node) -> Member:
        op = _op(node)
        if op.reducer is not Reducer.NONE:
            raise UnsupportedError("a reduction follows a contraction")
        self.place[node] = self._placed(node, op)
        dtypes = op.operand_dtypes([operand.type for operand in node.operands])
        operands = iter(zip(node.operands, op.accesses, strict=True))
        sources = tuple(self._source(node, item, operands) for item in op.arguments)
        lines = infer_dtypes(op.formula, dtypes, op.dtype)
        lines, result = rounded_once(lines, op.formula.result, len(sources))
        return Member(
            lines, result, sources, tuple(map(strong, dtypes)), op.dtype, op.dtype, Reducer.NONE,
            frozenset(), False, self._store(node), False,
        )  # fmt: skip

    def _placed(self, node: Node, op: MapReduce) -> tuple[int | None, ...]:
        """The output loop of each loop of a map, from where it reads earlier members."""
        place: dict[int, int] = {}
        for operand, access in zip(node.operands, op.accesses, strict=True):
            if operand not in self.place:
                continue
            axes = [None if axis is None else self.place[operand][axis] for axis in _op(operand).output]
            for ours, theirs in zip(access.axes, axes, strict=True):
                if ours is not None and theirs is not None and place.setdefault(ours, theirs) != theirs:
                    raise UnsupportedError("a map reads the contraction elsewhere")
        needed = [loop for loop, extent in enumerate(op.extents) if extent != 1]
        if sorted(place.values()) != list(range(len(self.output))) or any(
            loop not in place for loop in needed
        ):
            raise UnsupportedError("a map has other loops than the contraction")
        return tuple(place.get(loop) for loop in range(len(op.extents)))

    def _source(self, node: Node, item: Argument, operands: Iterator[tuple[Node, Access]]) -> Source:
        match item:
            case Access():
                operand, access = next(operands)
                if operand in self.kernel.members:
                    return FromMember(self.kernel.members.index(operand))
                axes = [None if axis is None else self.place[node][axis] for axis in access.axes]
                return FromSlot(self._slot(operand, axes))
            case Index():
                loop = self.place[node][item.loop]
                return Const(0) if loop is None else FromIndex(loop)
            case Size():
                if item.extent not in self.sizes:
                    self.sizes.append(item.extent)
                return FromSize(self.sizes.index(item.extent))
            case Const():
                return item

    # Loops

    def _loops(self, kinds: Sequence[int], sides: Sequence[Mapping[int, Extent]]) -> list[_Loop]:
        """The output's loops with neighbours of one class joined. Strides: left, right, then the slots."""
        loops = [
            _Loop(
                kind,
                self.op.extents[axis],
                [side.get(axis, 0) for side in sides] + [row[1][k] for row in self.memory],
            )
            for k, (axis, kind) in enumerate(zip(self.output, kinds, strict=True))
        ]
        has_index = any(
            isinstance(item.op, MapReduce) and any(isinstance(a, Index) for a in item.op.arguments)
            for item in self.kernel.members
        )
        for k in reversed(range(len(loops) - 1)):
            first, second = loops[k], loops[k + 1]
            fits = all(a == b * second.extent for a, b in zip(first.strides, second.strides, strict=True))
            if first.kind == second.kind and fits and not has_index:
                loops[k : k + 2] = [_Loop(first.kind, first.extent * second.extent, second.strides)]
        return loops

    def _finish(
        self,
        loops: list[_Loop],
        members: Sequence[Member],
        sides: Sequence[tuple[Pointer, Mapping[int, Extent]]],
    ) -> ProductStep:
        blank = [0] * (2 + len(self.memory))
        core: list[_Loop] = []
        rest = list(enumerate(loops))
        order: list[int] = []
        for kind in (_BATCH, _ROW, _COLUMN):
            mine = [item for item in rest if item[1].kind == kind]
            core.append(mine[-1][1] if mine else _Loop(kind, 1, list(blank)))
            order.append(mine[-1][0] if mine else -1)
            rest = [item for item in rest if not mine or item[0] != mine[-1][0]]
        all_loops = [item[1] for item in rest] + core
        number = {old: new for new, old in enumerate([item[0] for item in rest] + order)}
        depth, left_step, right_step = self._depth([side for _, side in sides])
        shape = self._shape(core, depth, left_step, right_step)
        vector = len(all_loops) - 1
        rows = [[loop.strides[2 + k] for loop in all_loops] for k in range(len(self.memory))]
        slots = tuple(
            Slot(dtype, tuple(k for k in range(vector) if row[k] != 0), step_of(row[vector]))
            for (_, _, dtype), row in zip(self.memory, rows, strict=True)
        )
        lanes = epilogue_lanes(self.machine, shape)
        renumbered = tuple(_renumbered(member, number) for member in members)
        form = Form(vector + 1, vector, False, lanes, False, 0, False, slots, renumbered, len(self.sizes))
        pairs = [
            (pointer, tuple(loop.strides[k] for loop in all_loops)) for k, (pointer, _) in enumerate(sides)
        ]
        return ProductStep(
            self.kernel.members, self.sides, tuple(self.labels), ProductForm(shape, self.op.dtype, form),
            self.machine,
            tuple(loop.extent for loop in all_loops), depth, (*pairs[0], left_step), (*pairs[1], right_step),
            tuple((pointer, tuple(row)) for (pointer, _, _), row in zip(self.memory, rows, strict=True)),
            tuple(self.sizes),
        )  # fmt: skip

    def _depth(self, sides: Sequence[Mapping[int, Extent]]) -> tuple[Extent, Extent, Extent]:
        """The summed loops as one: its extent, and the strides of left and right along it."""
        for order in itertools.islice(itertools.permutations(self.depth), 24):
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

    def _shape(
        self, core: Sequence[_Loop], depth: Extent, left_step: Extent, right_step: Extent
    ) -> ContractionShape:
        column_step = core[_COLUMN].strides[1]
        right = Right.ROWS if column_step == 1 else Right.COLUMNS if right_step == 1 else Right.STRIDED
        known = [
            extent if isinstance(extent, int) else None
            for extent in (core[_ROW].extent, core[_COLUMN].extent, depth)
        ]
        return ContractionShape(REGISTER[self.op.dtype], right, *known, left_contiguous=left_step == 1)


def _renumbered(member: Member, number: Mapping[int, int]) -> Member:
    sources = tuple(
        FromIndex(number[item.loop]) if isinstance(item, FromIndex) else item for item in member.sources
    )
    return member if sources == member.sources else Member(
        member.lines, member.result, sources, member.dtypes, member.value, member.dtype, member.reducer,
        member.reduced, member.is_row, member.store, member.late,
    )  # fmt: skip


def _op(node: Node) -> MapReduce:
    assert isinstance(node.op, MapReduce)
    return node.op
