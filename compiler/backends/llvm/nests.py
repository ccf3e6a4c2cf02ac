"""From a kernel of maps and reductions to its form and its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from compiler.backends.llvm.forms import (
    Accumulator,
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
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Value
from compiler.backends.llvm.library import Emit
from compiler.backends.llvm.loops import emit_nest
from compiler.backends.llvm.places import Places, Pointer, dense_strides
from compiler.backends.llvm.polynomials import rounded_once
from compiler.backends.llvm.sharing import share
from compiler.backends.llvm.stages import weight
from compiler.backends.llvm.steps import Launch, Scratch, Sizes, chunks_for
from compiler.backends.llvm.sums import emit_combine
from compiler.backends.llvm.wording import Label
from compiler.ir.dims import Extent, Shape, divide_exactly, evaluate, product
from compiler.ir.formula.tape import Const, TypedLine, infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Access, Argument, Index, MapReduce, Reducer, Size
from compiler.ir.types import INT64, DType, Weak
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel

Axes: TypeAlias = Sequence[int | None]

Strides: TypeAlias = tuple[Extent, ...]
"""A stride for each loop of a nest, 0 along loops that a value does not have."""

_BYTES_PER_NANOSECOND = 50.0
_INSTRUCTIONS_PER_NANOSECOND = 40.0


class UnsupportedError(Exception):
    """A kernel has no native form; the sentence says why."""


Memory: TypeAlias = tuple[Pointer, Strides, DType]
"""A slot while its kernel is put together."""

SlotLabels: TypeAlias = tuple[Label | None, Label | None]
"""What is read from a slot, and what is written to it."""


@dataclass(frozen=True, slots=True)
class Sum:
    """The memory of an accumulator: as in the result, or beside it where chunks or dtypes differ."""

    target: Pointer
    size: Extent
    strides: Strides
    is_split: bool
    needs_scratch: bool


@dataclass(frozen=True)
class NestStep:
    """A kernel with its numbers as extents."""

    nodes: tuple[Node, ...]
    labels: tuple[Label | None, ...]
    """What the form's members are; None for one that several share."""
    memory: tuple[SlotLabels, ...]
    form: Form
    loops: Shape
    slots: tuple[tuple[Pointer, Strides], ...]
    sums: tuple[Sum, ...]
    sizes: Shape

    @property
    def key(self) -> str:
        return f"nest {self.form!r}"

    @property
    def kernels(self) -> Mapping[str, Emit]:
        """The nest, and what joins the chunks of its sums."""
        found: dict[str, Emit] = {self.key: partial(_emit, self.form)}
        for item, place in zip(self.form.accumulators, self.sums, strict=True):
            if place.needs_scratch or place.is_split:
                member = self.form.members[item.member]
                found[_combine_key(self.form, member)] = partial(_emit_combine, self.form, member)
        return found

    @property
    def picoseconds(self) -> Extent:
        """As `_nanoseconds`, for every size."""
        instructions = sum(weight(member) for member in self.form.members if not member.is_row)
        return product(self.loops) * round(
            1000 * (instructions + len(self.form.slots)) / _INSTRUCTIONS_PER_NANOSECOND
        )

    def launches(self, sizes: Sizes, scratch: Scratch) -> list[Launch]:
        """The nest, then the joining of partial sums."""
        extents = [evaluate(extent, sizes) for extent in self.loops]
        nanoseconds = self._nanoseconds(extents)
        grain, chunks = self._cut(extents, nanoseconds, sizes)
        numbers: list[int | Pointer] = [grain, *extents]
        for slot, (pointer, strides) in zip(self.form.slots, self.slots, strict=True):
            loops = (*slot.loops, self.form.vector) if slot.step is Step.ANY else slot.loops
            numbers += [pointer, *(evaluate(strides[loop], sizes) for loop in loops)]
        following: list[Launch] = []
        for item, place in zip(self.form.accumulators, self.sums, strict=True):
            numbers += self._accumulator(item, place, chunks, sizes, scratch, following)
        numbers += [evaluate(size, sizes) for size in self.sizes]
        return [Launch(self.key, numbers, chunks, nanoseconds), *following]

    def _accumulator(
        self,
        item: Accumulator,
        place: Sum,
        chunks: int,
        sizes: Sizes,
        scratch: Scratch,
        following: list[Launch],
    ) -> list[int | Pointer]:
        member = self.form.members[item.member]
        size = evaluate(place.size, sizes)
        parts = chunks if place.is_split else 1
        strides = [evaluate(place.strides[loop], sizes) for loop in item.loops]
        if parts == 1 and not place.needs_scratch:
            return [place.target, 0, *strides]
        memory = scratch.take(parts * size * member.accumulator.size)
        following.append(Launch(_combine_key(self.form, member), [size, parts, memory, place.target]))
        return [memory, size if place.is_split else 0, *strides]

    def _nanoseconds(self, extents: Sequence[int]) -> float:
        turns = math.prod(extents)
        instructions = sum(weight(member) for member in self.form.members if not member.is_row)
        moved = sum(
            slot.dtype.size * math.prod(extents[loop] for loop in _moving(self.form, slot))
            for slot in self.form.slots
        )
        return max(
            turns * (instructions + len(self.form.slots)) / _INSTRUCTIONS_PER_NANOSECOND,
            moved / _BYTES_PER_NANOSECOND,
        )

    def _cut(self, extents: Sequence[int], nanoseconds: float, sizes: Sizes) -> tuple[int, int]:
        """The grain of the first loop, and the number of chunks."""
        form, first = self.form, max(1, extents[0])
        if form.outer == 0 and (form.has_rows or _has_search(form)):
            return first, 1
        split = [evaluate(place.size, sizes) for place in self.sums if place.is_split]
        most = min([first, *(max(1, math.prod(extents) // (8 * size)) for size in split if size)])
        grain = -(-first // chunks_for(nanoseconds, most))
        if form.vector == 0:
            grain = -(-grain // form.lanes) * form.lanes
        return grain, -(-first // grain)


def _moving(form: Form, slot: Slot) -> list[int]:
    return [*slot.loops, *([form.vector] if slot.step is not Step.ZERO else [])]


def _has_search(form: Form) -> bool:
    return any(member.reducer.is_search for member in form.members)


def _emit(form: Form, builder: Builder, target: Target, numbers: Value, chunk: Value) -> None:
    emit_nest(builder, form, target, numbers, chunk)


def _combine_key(form: Form, member: Member) -> str:
    return f"combine {member.reducer.value} {member.accumulator} {member.dtype} {form.lanes}"


def _emit_combine(
    form: Form, member: Member, builder: Builder, _target: Target, numbers: Value, _chunk: Value
) -> None:
    emit_combine(builder, member.reducer, member.accumulator, member.dtype, form.lanes, numbers)


def nest_step(
    kernel: Kernel, nest: Nest, places: Places, stored: frozenset[Node], target: Target
) -> NestStep:
    """The native step of a kernel that has a nest. Raises UnsupportedError where there is none."""
    return NestBuilder(kernel, nest, places, stored, target).build()


class NestBuilder:
    """Collects the slots and members of one kernel."""

    def __init__(
        self, kernel: Kernel, nest: Nest, places: Places, stored: frozenset[Node], target: Target
    ) -> None:
        self.kernel, self.nest, self.places, self.stored, self.target = kernel, nest, places, stored, target
        self.order = self._order()
        self.extents: list[Extent] = [nest.loops[loop] for loop in self.order] or [1]
        self.outer = nest.rows if nest.columns else len(self.order) - self._inner_loops()
        self.position = {node: number for number, node in enumerate(kernel.members)}
        self.memory: list[Memory] = []
        self.labels: list[SlotLabels] = []
        self.sizes: list[Extent] = []
        self.moved: dict[int, int | None] = {}

    def _order(self) -> list[int]:
        """The loops as they are walked: a lone search runs over its loops last, whatever memory says."""
        searched = self._searched()
        return [loop for loop in range(len(self.nest.loops)) if loop not in searched] + searched

    def _searched(self) -> list[int]:
        """The loops of a lone search in the order in which it counts."""
        (first, *rest) = self.kernel.members
        if rest or not _op(first).reducer.is_search:
            return []
        placed = (self.nest.placement[first][k] for k in _op(first).reduced)
        return [loop for loop in placed if loop is not None]

    def _inner_loops(self) -> int:
        """How many loops are inner ones where nothing inside reads a reduction."""
        return len(self._searched()) or min(1, len(self.order))

    def loop(self, common: int | None) -> int | None:
        """The form's loop for a loop of the nest."""
        return None if common is None else self.order.index(common)

    def build(self) -> NestStep:
        """The step."""
        members = [self._member(node) for node in self.kernel.members]
        strides = self._collapse(members)
        for number, node in enumerate(self.kernel.members):
            if node in self.stored and not members[number].is_map and not self._accumulates(members[number]):
                members[number] = self._stored_at_row_end(members[number], node, strides)
        return self._finish(members, strides)

    def _accumulates(self, member: Member) -> bool:
        """As `Form.accumulates`."""
        inner = frozenset(loop for loop in member.reduced if loop >= self.outer)
        is_outer = inner != member.reduced or (bool(inner) and len(inner) < len(self.extents) - self.outer)
        return is_outer or (self.outer == 0 and not self.nest.columns)

    def _is_across(self, members: Sequence[Member], strides: Sequence[Sequence[Extent]]) -> bool:
        """Whether vectors run along the last row loop, a row in each lane.

        They do where more memory lies along it, or a row does not fill a vector, and sums allow it.
        """
        if not self.nest.columns or self.outer == 0:
            return False
        along = [sum(row[loop] == 1 for row in strides) for loop in (self.outer - 1, len(self.extents) - 1)]
        inner = frozenset(range(self.outer, len(self.extents)))
        everything = [frozenset(range(self.outer)), frozenset(range(len(self.extents)))]
        fits = all(
            member.is_map or member.reduced == inner or member.reduced == everything[not member.is_row]
            for member in members
        )
        row = product(self.extents[self.outer :])
        is_short = isinstance(row, int) and row <= self._lanes(members)
        return (is_short or along[0] > along[1]) and fits

    def _stored_at_row_end(self, member: Member, node: Node, strides: list[list[Extent]]) -> Member:
        self.memory.append((self.places[node].pointer, (), node.type.dtype))
        self.labels.append((None, node))
        strides.append(self._kept_strides(node))
        return replace(member, store=len(strides) - 1)

    # Memory

    def _slot(self, node: Node, axes: Sequence[int | None], *, is_written: bool = False) -> int:
        """The slot of a stored value whose axes lie on loops."""
        located = self.places[node]
        strides: list[Extent] = [0] * len(self.extents)
        for stride, common in zip(located.strides, axes, strict=True):
            loop = self.loop(common)
            if loop is not None:
                strides[loop] = stride
        found = (located.pointer, tuple(strides), node.type.dtype)
        return slot_of(found, node, self.memory, self.labels, is_written=is_written)

    # Members

    def _member(self, node: Node) -> Member:
        op = _op(node)
        dtypes = op.operand_dtypes([operand.type for operand in node.operands])
        sources = self._sources(node, op)
        reduced = frozenset(
            loop for common in self.nest.reduced_by(node) if (loop := self.loop(common)) is not None
        )
        reducer, value = op.reducer if reduced else Reducer.NONE, op.dtype
        if not reduced and op.reducer.is_search:
            sources = [Const(0)]
        if reducer.is_search:
            value = strong(dtypes[0])
        self._check_search(node, reducer, reduced)
        lines = infer_dtypes(op.formula, dtypes, value)
        if op.reducer is not Reducer.NONE:
            lines = tuple(TypedLine(line.line, value, value) for line in lines)
        loops = [self.loop(common) for common in self.nest.placement[node]]
        is_row = bool(self.nest.columns) and not any(
            loop is not None and loop >= self.outer for loop in loops
        )
        is_stored = node in self.stored and reducer is Reducer.NONE
        store = self._slot(node, self.nest.axes_of(node), is_written=True) if is_stored else None
        lines, result = rounded_once(lines, op.formula.result, len(sources))
        return Member(
            lines, result, tuple(sources), tuple(map(strong, dtypes)), value, op.dtype, reducer,
            reduced, is_row, store, store is not None and self.places.overwrites(node, self.kernel),
        )  # fmt: skip

    def _check_search(self, node: Node, reducer: Reducer, reduced: frozenset[int]) -> None:
        if not reducer.is_search:
            return
        place = [self.loop(self.nest.placement[node][k]) for k in _op(node).reduced]
        known = [loop for loop in place if loop is not None]
        if known != sorted(known) or reduced != frozenset(range(self.outer, len(self.extents))):
            raise UnsupportedError("its search runs over rows")

    def _sources(self, node: Node, op: MapReduce) -> list[Source]:
        operands = iter(zip(node.operands, self.nest.accesses_of(node), strict=True))
        return [self._source(node, item, operands) for item in op.arguments]

    def _source(self, node: Node, item: Argument, operands: Iterator[tuple[Node, Axes]]) -> Source:
        match item:
            case Access():
                operand, axes = next(operands)
                known = self.position.get(operand)
                return FromSlot(self._slot(operand, axes)) if known is None else FromMember(known)
            case Index():
                loop = self.loop(self.nest.placement[node][item.loop])
                return Const(0) if loop is None else FromIndex(loop)
            case Size():
                if item.extent not in self.sizes:
                    self.sizes.append(item.extent)
                return FromSize(self.sizes.index(item.extent))
            case Const():
                return item

    # Loops

    def _collapse(self, members: list[Member]) -> list[list[Extent]]:
        """Joins neighbouring loops along which every value moves as along one."""
        strides = [list(item[1]) for item in self.memory]
        loop = len(self.extents) - 2
        while loop >= 0:
            if self._joins(loop, members, strides):
                self._join(loop, members, strides)
            loop -= 1
        return strides

    def _joins(self, loop: int, members: Sequence[Member], strides: Sequence[Sequence[Extent]]) -> bool:
        extent = self.extents[loop + 1]
        if loop + 1 == self.outer and self.nest.columns:
            return False
        for member in members:
            if (loop in member.reduced) != (loop + 1 in member.reduced):
                return False
            if any(isinstance(item, FromIndex) and item.loop in (loop, loop + 1) for item in member.sources):
                return False
        kept = all(self._keeps_order(node, loop) for node in self.kernel.members)
        return kept and all(row[loop] == row[loop + 1] * extent for row in strides)

    def _keeps_order(self, node: Node, loop: int) -> bool:
        """Whether a sum of outer loops has neighbouring accumulators for two loops that are neighbours."""
        if _op(node).reducer is Reducer.NONE:
            return True
        strides = self._kept_strides(node)
        return strides[loop] == strides[loop + 1] * self.extents[loop + 1]

    def _kept_strides(self, node: Node) -> list[Extent]:
        dense = dense_strides(node.type.shape)
        strides: list[Extent] = [0] * len(self.extents)
        for stride, common in zip(dense, self.nest.axes_of(node), strict=True):
            loop = self._collapsed(self.loop(common))
            if loop is not None:
                strides[loop] = stride
        return strides

    def _collapsed(self, loop: int | None) -> int | None:
        """Where a loop is after the joins so far. Of two that were joined the inner one has the stride."""
        return None if loop is None else self.moved.get(loop, loop)

    def _join(self, loop: int, members: list[Member], strides: Sequence[list[Extent]]) -> None:
        self.extents[loop : loop + 2] = [self.extents[loop] * self.extents[loop + 1]]
        for row in strides:
            del row[loop]
        count = len(self.nest.loops)
        for old in range(count):
            new = self._collapsed(old)
            if new == loop:
                self.moved[old] = None
            elif new is not None and new > loop:
                self.moved[old] = new - 1
        if loop < self.outer:
            self.outer -= 1

        def moved(old: int) -> int:
            return old - 1 if old > loop else old

        for number, member in enumerate(members):
            sources = tuple(
                FromIndex(moved(item.loop)) if isinstance(item, FromIndex) else item
                for item in member.sources
            )
            reduced = frozenset(moved(old) for old in member.reduced)
            members[number] = replace(member, sources=sources, reduced=reduced)

    def _finish(self, members: Sequence[Member], strides: Sequence[Sequence[Extent]]) -> NestStep:
        is_across = self._is_across(members, strides)
        vector = self.outer - 1 if is_across else len(self.extents) - 1
        slots = tuple(
            Slot(dtype, tuple(k for k, n in enumerate(row) if k != vector and n != 0), step_of(row[vector]))
            for (_, _, dtype), row in zip(self.memory, strides, strict=True)
        )
        lanes = self._lanes(members)
        is_whole = divide_exactly(self.extents[vector], lanes) is not None
        columns = product(self.extents[self.outer :])
        form = Form(
            len(self.extents), self.outer, is_across, lanes, is_whole,
            columns if isinstance(columns, int) else 0, bool(self.nest.columns), slots, tuple(members),
            len(self.sizes), self._apart(members, vector),
        )  # fmt: skip
        where = tuple(
            (pointer, tuple(row)) for (pointer, _, _), row in zip(self.memory, strides, strict=True)
        )
        sums = tuple(self._sum(form, item) for item in form.accumulators)
        form, origins = share(form)
        nodes = self.kernel.members
        labels = tuple(None if number is None else nodes[number] for number in origins)
        return NestStep(
            nodes, labels, tuple(self.labels), form, tuple(self.extents), where, sums, tuple(self.sizes)
        )

    def _apart(self, members: Sequence[Member], vector: int) -> frozenset[int]:
        """The reductions whose accumulators are no neighbours along the vector loop."""
        pairs = enumerate(zip(self.kernel.members, members, strict=True))
        return frozenset(
            k
            for k, (node, member) in pairs
            if not member.is_map
            and vector not in member.reduced
            and self._kept_strides(node)[vector] not in (0, 1)
        )

    def _lanes(self, members: Sequence[Member]) -> int:
        sizes = {dtype.size for _, _, dtype in self.memory} | {member.dtype.size for member in members}
        return self.target.vector_bytes // (8 if sizes <= {8, 1} and 8 in sizes else 4)

    def _sum(self, form: Form, item: Accumulator) -> Sum:
        node, member = self.kernel.members[item.member], form.members[item.member]
        strides = self._kept_strides(node)
        is_split = 0 in member.reduced
        needs_scratch = member.accumulator is not member.dtype or self.places.overwrites(node, self.kernel)
        if member.reducer.is_search:
            needs_scratch = False
        return Sum(self.places[node].pointer, node.type.size, tuple(strides), is_split, needs_scratch)


def slot_of(
    found: Memory, node: Node, memory: list[Memory], labels: list[SlotLabels], *, is_written: bool
) -> int:
    """The number of a slot, which is new if there is none of this memory and these strides."""
    if found not in memory:
        memory.append(found)
        labels.append((None, None))
    slot = memory.index(found)
    read, written = labels[slot]
    labels[slot] = (read, node) if is_written else (read or node, written)
    return slot


def step_of(stride: Extent) -> Step:
    """How a slot with a stride moves in the vector loop."""
    return Step.ONE if stride == 1 else Step.ZERO if stride == 0 else Step.ANY


def strong(dtype: DType | Weak) -> DType:
    """The dtype of an argument in registers; sizes are int64, and literals have none."""
    return dtype if isinstance(dtype, DType) else INT64


def _op(node: Node) -> MapReduce:
    assert isinstance(node.op, MapReduce)
    return node.op
