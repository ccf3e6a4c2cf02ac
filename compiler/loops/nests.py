"""From a kernel of maps and reductions to loops over scalars: each value where it is needed, nothing clever.

    %e[i,j] = exp(%x[i,j] - %m[i])             for i in 0 .. n:
    %s[i] = sum[j] %e[i,j]              ->         for j in 0 .. m:  carrying s = 0.0
    %y[i,j] = %e[i,j] / %s[i]                          s = s + exp(x[i,j] - m[i])
                                                   for j in 0 .. m:
                                                       y[i,j] = exp(x[i,j] - m[i]) / s

A reduction is carried through the innermost loops that it reduces. Where it reduces others too, what has been
carried is added to memory; what reduces all loops leaves a partial result for each chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from compiler.ir.dims import Extent, product
from compiler.ir.formula.tape import Const, TypedLine, infer_dtypes
from compiler.ir.node import Node
from compiler.ir.op import Gather, Reducer, Size
from compiler.ir.types import INT64
from compiler.loops.drafts import COUNTED, Draft, Partial, Slot, Slots, UnsupportedError, number_of, strong
from compiler.loops.language import (
    Carry,
    Count,
    Fold,
    For,
    Join,
    Kernel,
    Literal,
    Load,
    Memory,
    Operand,
    Ref,
    Store,
    Value,
)
from compiler.loops.members import Earlier, Item, Passes, Picked, Source, write_formula
from compiler.loops.places import Places
from compiler.loops.polynomials import rounded_once
from compiler.loops.reductions import empty, fold_atom, identity
from compiler.loops.within import Within, within
from compiler.loops.writing import Writer
from compiler.schedule import addresses, schedule
from compiler.schedule.addresses import FromLoop, FromMember, MemoryAccess, sources_of, write_of
from compiler.schedule.frame import map_reduce
from compiler.schedule.nest import Nest

FEW: Final = 256
MANY: Final = 4096
"""Rows and columns up to which and from which on chunks share the columns: 64 x 50000 take 0.6 to 0.7 of the
time, 250 x 12000 and 64 x 4096 0.75 to 0.9, of 300 x 10000 nothing is won."""

JOINED: Final = 120.0
JOINED_AND_WAITED_FOR: Final = 480.0
WAITING: Final = 80.0
"""What joining the lanes of a row is worth in instructions, 3 or 12 nanoseconds, and an instruction of what
is done once a row, where each waits for the one before: 2."""

_LINE: Final = 32
"""What a row that is picked costs beside its bytes, in bytes: most lines of memory are not whole rows."""


def _searched(kernel: schedule.Kernel, nest: Nest) -> list[int]:
    """The loops of a lone search in the order in which it counts, which is how it walks them."""
    (first, *rest) = kernel.members
    if rest or not map_reduce(first).reducer.is_search:
        return []
    placed = (nest.placement[first][k] for k in map_reduce(first).reduced)
    return [loop for loop in placed if loop is not None]


class NestWriter:
    """Writes the loops of one kernel. Raises UnsupportedError where it has none."""

    def __init__(self, kernel: schedule.Kernel, nest: Nest, places: Places, stored: frozenset[Node]) -> None:
        searched = _searched(kernel, nest)
        self.kernel, self.stored = kernel, stored
        self.nest = nest = nest.walked([k for k in range(len(nest.loops)) if k not in searched] + searched)
        self.slots = Slots(places, kernel)
        self.counts = list(map(Count, nest.loops))
        inner = len(searched) or min(1, len(self.counts))
        self.rows = nest.rows if nest.columns else len(self.counts) - inner
        self.items = [self._item(node) for node in kernel.members]
        self.passes = Passes(self.items, nest, stored, self.slots)
        self.writer = Writer()
        self.chunk = Value(INT64)
        self.partials: dict[int, tuple[Partial, Slot]] = {}
        self.rooms: dict[int, Within] = {}
        self.states: dict[int, tuple[Operand, ...]] = {}
        self.indices: dict[int, Value] = {}
        self.current = 0

    def write(self) -> Draft:
        """The loops."""
        for number, item in enumerate(self.items):
            if not item.is_map and self._is_partial(item):
                self._add_room(number)
                if number not in self.rooms:
                    self._add_partial(number)
        active = [number for number, item in enumerate(self.items) if not item.is_map]
        self._outer(0, active)
        partials = tuple(partial for partial, _ in self.partials.values())
        arguments = (*self.slots.addresses, *(partial.memory for partial in partials))
        rooms = tuple(room.slot.memory for room in self.rooms.values())
        kernel = Kernel(arguments, self.chunk, rooms, tuple(self.writer.blocks[0]))
        work = sum(item.instructions for item in self.items if not item.is_row) + self._work_of_rows()
        return Draft(
            kernel, [*self.counts, Count(1)][self.shared], dict(self.slots.addresses), partials,
            self._turns(self.counts), work + len(self.slots.addresses), tuple(self._moves()),
        )  # fmt: skip

    def _work_of_rows(self) -> float:
        """Instructions for each element of what is done once a row.

        Rows that are no longer than a vector are its lanes. Where a row is walked once, the next one does not
        wait until the lanes of this one are joined.
        """
        width = self._turns(self.counts[self.rows :])
        if not isinstance(width, int) or width < 1:
            return 0.0
        once = sum(item.instructions for item in self.items if item.is_row)
        if width <= COUNTED:
            return once / width
        folded = [item for item in self.items if not (item.is_map or item.is_row)]
        joined = sum(self.rows <= item.begins < len(self.counts) for item in folded)
        each = JOINED_AND_WAITED_FOR if self.nest.columns else JOINED
        return (joined * each + once * WAITING) / width

    def _turns(self, counts: Sequence[Count]) -> Extent:
        return product([count.extent for count in counts])

    def _moves(self) -> Iterator[tuple[int, Extent]]:
        found = [source for item in self.items for source in item.sources if isinstance(source, Picked)]
        picked, indices = [source.slot for source in found], [source.index for source in found]
        for slot in self.slots.slots:
            pairs = zip(self.counts, slot.strides, strict=True)
            walked = [count for count, stride in pairs if stride != 0 or slot in picked]
            yield slot.memory.dtype.size, self._turns(walked)
        for index in indices:
            pairs = zip(self.counts, index.strides, strict=True)
            yield _LINE, self._turns([count for count, stride in pairs if stride != 0])

    @property
    def may_be_cut(self) -> bool:
        """Whether chunks may share the first loop: no search runs along it, and no row is as long as it."""
        is_search = any(item.reducer.is_search for item in self.items)
        return self.rows > 0 or (bool(self.counts) and not (self.nest.columns or is_search))

    @property
    def shared(self) -> int:
        """The loop that chunks share: the first, or over many columns of few rows that are added up the next.

        Chunks of rows each have all columns to add up in, and these are added up again.
        """
        if self.nest.columns or len(self.nest.loops) < 2:
            return 0
        rows, columns = self.nest.loops[0], product(self.nest.loops[1:])
        is_wide = isinstance(rows, int) and isinstance(columns, int) and rows <= FEW and columns >= MANY
        return int(is_wide and all(item.reduced == frozenset({0}) for item in self.items))

    # Members

    def _item(self, node: Node) -> Item:
        op, reduced = map_reduce(node), self.nest.reduced_by(node)
        dtypes = op.operand_dtypes([operand.type for operand in node.operands])
        given = sources_of(node, self.kernel.members, self.nest, self.slots.places.regions)
        sources = self._picked(given) if isinstance(node.op, Gather) else tuple(map(self._source, given))
        reducer, value = op.reducer if reduced else Reducer.NONE, op.dtype
        if not reduced and op.reducer.is_search:
            sources = (Const(0),)
        if reducer.is_search:
            value = strong(dtypes[0])
        lines = infer_dtypes(op.formula, dtypes, value)
        if op.reducer is not Reducer.NONE:
            lines = tuple(TypedLine(line.line, value, value) for line in lines)
        is_row = bool(self.nest.columns) and not set(self.nest.columns) & set(self.nest.placement[node])
        lines, result = rounded_once(lines, op.formula.result, len(sources))
        begins, is_exact = self._carried(reduced, is_row=is_row)
        self._check_search(node, reducer, reduced, is_exact=is_exact)
        return Item(
            node, lines, result, sources, tuple(map(strong, dtypes)), value, op.dtype, reducer, reduced,
            is_row, begins, is_exact,
        )  # fmt: skip

    def _carried(self, reduced: frozenset[int], *, is_row: bool) -> tuple[int, bool]:
        """The loop from which on a reduction is carried, and whether these are all that it reduces."""
        end = self.rows if is_row else len(self.counts)
        begins = end
        while begins - 1 in reduced:
            begins -= 1
        return begins, reduced == frozenset(range(begins, end))

    def _check_search(self, node: Node, reducer: Reducer, reduced: frozenset[int], *, is_exact: bool) -> None:
        if not reducer.is_search:
            return
        place = [self.nest.placement[node][k] for k in map_reduce(node).reduced]
        known = [loop for loop in place if loop is not None]
        if known != sorted(known) or not is_exact or reduced != frozenset(range(self.rows, len(self.counts))):
            raise UnsupportedError("its search runs over rows")

    def _source(self, source: addresses.Source) -> Source:
        match source:
            case MemoryAccess():
                return self._slot(source)
            case FromMember():
                return Earlier(self.kernel.members.index(source.member))
            case FromLoop() | Const():
                return source
            case Size():
                return self.slots.size(source.extent)

    def _picked(self, given: Sequence[addresses.Source]) -> tuple[Source, ...]:
        """The sources of a gather: what it reads, and nothing for the index, of which no formula knows."""
        data, index = given
        assert isinstance(data, MemoryAccess)
        assert isinstance(index, MemoryAccess)
        assert data.picked is not None
        return Picked(self._slot(data), number_of(data.picked), self._slot(index)), Const(0)

    def _slot(self, access: MemoryAccess) -> Slot:
        return self.slots.slot(access.value, access.strides, is_written=access.is_write)

    def _written(self, node: Node) -> MemoryAccess:
        """Where a member is stored."""
        return write_of(node, self.nest, self.slots.places.regions)

    # Reductions that end in memory

    def _is_partial(self, item: Item) -> bool:
        """Whether a reduction adds to memory, or leaves a result for each chunk."""
        return not item.is_exact or (item.begins == 0 and not self._is_row_value(item))

    def _is_row_value(self, item: Item) -> bool:
        """Whether a member has a value for each row that others may read."""
        columns = frozenset(range(self.rows, len(self.counts)))
        return bool(self.nest.columns) and (item.is_row if item.is_map else item.reduced == columns)

    def _add_room(self, number: int) -> None:
        """A room for what would be of another dtype in memory than the result, where it is small."""
        item = self.items[number]
        is_stored = item.node in self.stored and not self.slots.overwrites(item.node)
        if item.is_exact or item.accumulator is item.dtype or not is_stored:
            return
        found = within(item, self.counts, self.rows if item.is_row else len(self.counts))
        if found is not None:
            self.rooms[number] = found

    def _begin_room(self, number: int) -> None:
        room, item = self.rooms[number], self.items[number]
        first = Literal.of(identity(item.reducer, item.accumulator), item.accumulator)
        self._over(room.kept, lambda: self.writer.write(Store(self._ref(room.slot), first)))

    def _end_room(self, number: int) -> None:
        room, item = self.rooms[number], self.items[number]

        def inside() -> None:
            total = self.writer.load(self._ref(room.slot), label=item.node)
            self._store(number, self.writer.cast(total, item.accumulator, item.dtype))

        self._over(room.kept, inside)

    def _over(self, loops: Sequence[int], inside: Callable[[], None]) -> None:
        """Loops around what is no part of any reduction."""
        if loops:
            self._for(loops[0], [], lambda: self._over(loops[1:], inside))
        else:
            inside()

    def _add_partial(self, number: int) -> None:
        item = self.items[number]
        node, dtype = item.node, item.accumulator
        kept = self._written(node).strides
        needs_scratch = dtype is not item.dtype or self.slots.overwrites(node)
        if item.reducer.is_search:
            dtype, needs_scratch = INT64, False
        slot = Slot(Memory(dtype, label=node), tuple(map(number_of, kept)))
        partial = Partial(
            slot.memory, item.reducer, item.dtype, self.slots.places[node].pointer, node.type.size, Count(0),
            self.shared in item.reduced, needs_scratch,
        )  # fmt: skip
        self.partials[number] = partial, slot
        if not item.is_exact:
            self._clear(item, slot, partial)

    def _clear(self, item: Item, slot: Slot, partial: Partial) -> None:
        first = Literal.of(identity(item.reducer, item.accumulator), item.accumulator)
        reach = range(self.rows if item.is_row else len(self.counts))
        kept = [loop for loop in reach if loop not in item.reduced]
        self._over(kept, lambda: self.writer.write(Store(self._partial_ref(slot, partial), first)))

    def _partial_ref(self, slot: Slot, partial: Partial) -> Ref:
        terms = self._ref(slot).terms
        return Ref(slot.memory, ((self.chunk, partial.distance), *terms) if partial.is_split else terms)

    def _add_to_memory(self, number: int, value: Operand) -> None:
        item = self.items[number]
        if number in self.rooms:
            ref = self._ref(self.rooms[number].slot)
        else:
            partial, slot = self.partials[number]
            ref = self._partial_ref(slot, partial)
        old = Value(item.accumulator)
        self.writer.write(Load(old, ref))
        new = self.writer.let(fold_atom(item.reducer), item.accumulator, old, value)
        self.writer.write(Store(ref, new))

    # Loops

    def _outer(self, depth: int, active: Sequence[int]) -> None:
        if depth == self.rows:
            self._row(active)
        else:
            self._for(depth, active, lambda: self._outer(depth + 1, active))

    def _for(self, depth: int, active: Sequence[int], inside: Callable[[], None]) -> None:
        """A loop, through which the states of reductions that have begun are carried."""
        items = self.items
        for number in active:
            if items[number].begins == depth:
                self.states[number] = empty(items[number].reducer, items[number].accumulator)
        summed = [number for number in active if number in self.rooms and self.rooms[number].depth == depth]
        for number in summed:
            self._begin_room(number)
        carried = [number for number in active if self._is_carried(number, depth)]
        before = {number: self.states[number] for number in carried}
        begun = {number: self._fresh(number) for number in carried}
        self.states.update(begun)
        index = self.indices[depth] = Value(INT64)
        with self.writer.block() as body:
            inside()
        ended = {number: self._fresh(number) for number in carried}
        carries = tuple(
            Carry(*parts)
            for number in carried
            for parts in zip(begun[number], before[number], self.states[number], ended[number], strict=True)
        )
        self.writer.write(For(index, 0, self.counts[depth], tuple(body), carried=carries))
        self.states.update(ended)
        for number in carried:
            if items[number].begins == depth:
                self._end(number)
        for number in summed:
            self._end_room(number)

    def _is_carried(self, number: int, depth: int) -> bool:
        item = self.items[number]
        return item.begins <= depth < (self.rows if item.is_row else len(self.counts))

    def _fresh(self, number: int) -> tuple[Value, ...]:
        item = self.items[number]
        return tuple(Value(part.dtype) for part in empty(item.reducer, item.accumulator))

    def _end(self, number: int) -> None:
        """What has been carried is the result, or a part of it."""
        item = self.items[number]
        dtype = INT64 if item.reducer.is_search else item.accumulator
        total = Value(dtype, label=item.node)
        self.writer.write(Join(total, item.reducer, self.states[number]))
        if not item.is_exact:
            self._add_to_memory(number, total)
            return
        if number in self.partials:
            partial, slot = self.partials[number]
            self.writer.write(Store(self._partial_ref(slot, partial), total))
            return
        value = self.writer.cast(total, dtype, item.dtype)
        self.writer.note(number, value)
        if item.node in self.stored and not self._is_row_value(item):
            self._store(number, value)

    # A row

    def _row(self, active: Sequence[int]) -> None:
        items, passes = self.items, self.passes
        for pass_ in range(passes.count):
            self._row_maps(pass_)
            self._pass(pass_, [number for number in active if passes.reduces_in(number, pass_)])
        self._row_maps(passes.count)
        for number in active:
            if items[number].is_row:
                self._fold(number)
        for number, item in enumerate(items):
            if self._is_row_value(item) and item.node in self.stored:
                value = self.writer.known(number)
                assert value is not None
                self._store(number, value)

    def _row_maps(self, pass_: int) -> None:
        for number, item in enumerate(self.items):
            if item.is_row and item.is_map and self.passes.at[number] == pass_:
                self.writer.note(number, self._compute(item))

    def _pass(self, pass_: int, reducing: Sequence[int]) -> None:
        def inner(depth: int) -> None:
            if depth == len(self.counts):
                self._body(pass_, reducing)
            else:
                self._for(depth, reducing, lambda: inner(depth + 1))

        inner(self.rows)

    def _body(self, pass_: int, reducing: Sequence[int]) -> None:
        """Everything is computed before anything is stored, since it may be stored over what is read."""
        self.current = pass_
        storing = [number for number, place in self.passes.stores.items() if place == pass_]
        for number in reducing:
            self._fold(number)
        values = [(number, self._element(number)) for number in storing]
        for number, value in values:
            self._store(number, value)

    def _fold(self, number: int) -> None:
        item = self.items[number]
        value = self.writer.cast(self._compute(item), item.value, item.accumulator)
        if not item.is_exact and item.begins == (self.rows if item.is_row else len(self.counts)):
            self._add_to_memory(number, value)
            return
        given = (value, self._place(item)) if item.reducer.is_search else (value,)
        following = self._fresh(number)
        self.writer.write(Fold(following, item.reducer, self.states[number], given))
        self.states[number] = following

    def _place(self, item: Item) -> Operand:
        """The row-major position among the loops that a search reduces."""
        first, *rest = sorted(item.reduced)
        pairs = [part for loop in rest for part in (self.indices[loop], self.counts[loop])]
        return self.writer.let("place", INT64, self.indices[first], *pairs)

    # Values

    def _element(self, number: int) -> Operand:
        """A member's value in this pass."""
        found = self.writer.known(number)
        if found is None:
            item = self.items[number]
            if self.passes.stores.get(number, self.current) < self.current:
                found = self.writer.load(self._ref(self._slot(self._written(item.node))), label=item.node)
            else:
                found = self._compute(item)
            self.writer.note(number, found)
        return found

    def _store(self, number: int, value: Operand) -> None:
        self.writer.write(Store(self._ref(self._slot(self._written(self.items[number].node))), value))

    def _ref(self, slot: Slot) -> Ref:
        terms = tuple((self.indices[loop], n) for loop, n in enumerate(slot.strides) if n != 0)
        return Ref(slot.memory, terms)

    def _compute(self, item: Item) -> Operand:
        """The value of a member's formula, in the dtype in which it is reduced or stored."""
        sources = [self._value(source) for source in item.sources]
        wanted = item.dtype if item.is_map else item.value
        label = item.node if item.is_map else None
        return write_formula(self.writer, item.lines, item.result, wanted, sources, item.dtypes, label)

    def _value(self, source: Source) -> Operand | Const:
        match source:
            case Slot():
                return self.writer.load(self._ref(source))
            case Picked():
                return self._pick(source)
            case Earlier():
                return self._element(source.number)
            case FromLoop():
                return self.indices[source.loop]
            case _:
                return source

    def _pick(self, source: Picked) -> Operand:
        """The element that an index names."""
        index = self.writer.load(self._ref(source.index))
        place = self.writer.cast(index, source.index.memory.dtype, INT64)
        assert isinstance(place, Value)
        ref = self._ref(source.slot)
        return self.writer.load(Ref(ref.memory, (*ref.terms, (place, source.stride))))
