"""Emits the loop nest of a form: outer loops, passes over a row, vectors.

Each vector of elements is read, computed and stored before the next one, so an output may lie over an
operand that is read at equal indices. Elements past the end of the vector loop are read and written under a
mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
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
from compiler.backends.llvm.formulas import Evaluator, memory_type
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Block, Builder, Type, Value, ir
from compiler.backends.llvm.lanes import Instructions
from compiler.backends.llvm.stages import Stages, stages_of
from compiler.backends.llvm.sums import Sums
from compiler.ir.formula.tape import Const


@dataclass
class Memory:
    """A slot while its kernel is emitted."""

    slot: Slot
    address: Value
    strides: dict[int, Value] = field(default_factory=dict[int, Value])


@dataclass
class Sum:
    """The accumulators in memory of a member that reduces outer loops."""

    accumulator: Accumulator
    address: Value
    strides: dict[int, Value]


def emit_nest(builder: Builder, form: Form, target: Target, arguments: Value, chunk: Value) -> None:
    """Emits one chunk of a form's nest; `arguments` is the address of the numbers that `forms` lists."""
    NestEmitter(builder, form, target, arguments, chunk).emit()


class NestEmitter:
    """One nest while it is emitted."""

    def __init__(self, builder: Builder, form: Form, target: Target, arguments: Value, chunk: Value) -> None:
        self.builder, self.form, self.target, self.chunk = builder, form, target, chunk
        self.stages: Stages = stages_of(form)
        instructions = Instructions.of(target)
        self.vectors = Evaluator(builder, form.lanes, instructions)
        self.scalars = Evaluator(builder, 0, instructions)
        self.row_values = self.vectors if form.is_across else self.scalars
        self._arguments, self._read = arguments, 0
        self._read_arguments()
        self.indices: dict[int, Value] = {}
        self.rows: dict[int, Value] = {}
        self.row_slots: dict[int, Value] = {}
        room = self.stages.strip or -(-form.columns // form.lanes) * form.lanes
        self.buffers = {
            number: emit.stack_array(builder, memory_type(form.members[number].dtype), room)
            for number in sorted(self.stages.kept)
        }
        self.strip: tuple[Value, Value] | None = None

    # Arguments

    def _next(self) -> Value:
        address = emit.offset(self.builder, self._arguments, index(self._read), emit.i64)
        self._read += 1
        return emit.load(self.builder, address, emit.i64)

    def _pointer(self) -> Value:
        return self.builder.inttoptr(self._next(), emit.pointer)

    def read_numbers(self, count: int) -> list[Value]:
        """The next arguments."""
        return [self._next() for _ in range(count)]

    def read_memory(self) -> None:
        """The addresses and strides of the slots."""
        self.memory: list[Memory] = []
        for slot in self.form.slots:
            memory = Memory(slot, self._pointer())
            loops = (*slot.loops, self.form.vector) if slot.step is Step.ANY else slot.loops
            memory.strides.update({loop: self._next() for loop in loops})
            self.memory.append(memory)

    def _read_arguments(self) -> None:
        form = self.form
        self.grain = self._next()
        self.extents = self.read_numbers(form.loops)
        self.read_memory()
        self.sums: dict[int, Sum] = {}
        for item in form.accumulators:
            address, distance = self._pointer(), self._next()
            dtype = form.members[item.member].accumulator
            start = emit.offset(
                self.builder, address, self.builder.mul(self.chunk, distance), memory_type(dtype)
            )
            self.sums[item.member] = Sum(item, start, {loop: self._next() for loop in item.loops})
        self.sizes = self.read_numbers(form.sizes)

    # Loops

    def emit(self) -> None:
        """The chunk: its part of the first loop, all of the others."""
        builder = self.builder
        self.first = builder.mul(self.chunk, self.grain)
        self.stop = emit.minimum(builder, builder.add(self.first, self.grain), self.extents[0])
        self.reductions = Sums(self)
        self.reductions.begin()
        self._outer(0)
        self.reductions.end()

    def bounds(self, loop: int) -> tuple[Value, Value]:
        """Where a loop begins and ends in this chunk, and the vector loop in this strip."""
        if self.strip is not None and loop == self.form.vector:
            return self.strip
        return (self.first, self.stop) if loop == 0 else (index(0), self.extents[loop])

    def _outer(self, loop: int) -> None:
        if loop == self.form.outer:
            self._row()
            return
        is_vector = loop == self.form.vector
        step = self.form.lanes if is_vector else 1
        with emit.counted_loop(self.builder, *self.bounds(loop), step) as counted:
            self.indices[loop] = counted.index
            if is_vector:
                self.begin_vector(counted.index, self.bounds(loop)[1])
            self._outer(loop + 1)

    def begin_vector(self, first: Value, stop: Value) -> None:
        """The lanes that exist, and nothing computed yet."""
        lanes, as_bits = self.form.lanes, self.target.has_mask_registers
        self.mask: Value | None = None
        if not self.form.is_whole:
            self.mask = emit.lane_mask(self.builder, first, stop, lanes, as_bits=as_bits)
        self.elements: dict[int, Value] = {}
        self.loaded: dict[int, Value] = {}

    def _row(self) -> None:
        if self.stages.strip:
            self._strips()
            return
        for number in range(self.stages.passes):
            self._row_maps(number)
            self._pass(number)
        self._row_maps(self.stages.passes)
        for number, member in enumerate(self.form.members):
            if member.is_row and not member.is_map:
                self.reductions.add_row(number, self.compute(number, self.row_values))
        for number, member in enumerate(self.form.members):
            if member.store is not None and number in self.rows and number not in self.sums:
                self._store_row(member.store, self.rows[number])

    def _strips(self) -> None:
        """All passes over one strip of the vector loop, then over the next."""
        start, stop = self.bounds(self.form.vector)
        with emit.counted_loop(self.builder, start, stop, self.stages.strip) as strips:
            end = self.builder.add(strips.index, index(self.stages.strip))
            self.strip = strips.index, emit.minimum(self.builder, end, stop)
            for number in range(self.stages.passes):
                self._pass(number)
            self.strip = None

    def _row_maps(self, number: int) -> None:
        """The maps over rows that are known before a pass."""
        for place, member in enumerate(self.form.members):
            if member.is_row and member.is_map and self.stages.at[place] == number:
                self.rows[place] = self.compute(place, self.row_values)

    def _store_row(self, slot: int, value: Value) -> None:
        if self.form.is_across:
            self.store(slot, value)
            return
        dtype = self.memory[slot].slot.dtype
        emit.store(self.builder, self.scalars.to_memory(value, dtype), self.place(slot, self.form.outer))

    # A pass over the inner loops

    def _pass(self, number: int) -> None:
        self.number = number
        reducing = self.stages.reductions(self.form, number)
        self.partial = [k for k in reducing if self.form.is_partial(self.form.members[k])]
        self.whole = [k for k in reducing if k not in self.partial]
        results = self._inner(self.form.outer, self.reductions.initial(self.whole))
        self.reductions.finish(self.whole, results)

    def _inner(self, loop: int, carried: Sequence[Value]) -> list[Value]:
        if loop == self.form.loops - 1:
            return self._innermost(carried)
        with emit.counted_loop(self.builder, *self.bounds(loop), carried=carried) as counted:
            self.indices[loop] = counted.index
            counted.next.extend(self._inner(loop + 1, counted.values))
        return counted.results

    def _innermost(self, carried: Sequence[Value]) -> list[Value]:
        """The innermost loop, and the reductions that begin and end with it."""
        count = len(carried)
        results = self._vector([*carried, *self.reductions.initial(self.partial)])
        self.reductions.finish(self.partial, results[count:])
        return results[:count]

    def _vector(self, carried: Sequence[Value]) -> list[Value]:
        """The innermost loop, whose body computes one vector."""
        form, builder = self.form, self.builder
        last = form.loops - 1
        start, stop = self.bounds(last)
        # What does not change in the loop is computed in a block of its own before it. A loop of nothing
        # leaves that out: an operand without elements has no address to read.
        around = builder.block
        self.before: Block = builder.append_basic_block("ahead")
        beyond = builder.append_basic_block("beyond")
        builder.cbranch(builder.icmp_signed("<", start, stop), self.before, beyond)
        builder.position_at_end(self.before)
        self.hoisted: dict[object, Value] = {}
        self.vectors.forget()
        step = 1 if form.is_across else form.lanes
        with emit.counted_loop(builder, start, stop, step, carried) as counted:
            self.indices[last] = counted.index
            if form.is_across:
                self.elements, self.loaded = {}, {}
            else:
                self.begin_vector(counted.index, stop)
            self._body(counted.values, counted.next)
        self.vectors.forget()
        return emit.either(builder, beyond, around, carried, counted.results)

    def _body(self, carried: Sequence[Value], following: list[Value]) -> None:
        form, stages = self.form, self.stages
        reducing = [*self.whole, *self.partial]
        storing = [k for k, place in stages.stores.items() if place == self.number]
        keeping = [k for k in sorted(stages.kept) if stages.at[k] == self.number]
        summed = [self.compute(number, self.vectors) for number in reducing]
        for number in (*storing, *keeping):
            self.element(number)
        following.extend(self.reductions.add(reducing, summed, carried))
        for number in storing:
            slot = form.members[number].store
            assert slot is not None
            self.store(slot, self.elements[number])
        for number in keeping:
            self._keep(number, self.elements[number])

    # Values

    def element(self, number: int) -> Value:
        """The vector of a member's values."""
        member = self.form.members[number]
        if number not in self.elements:
            if not member.has_elements:
                self.elements[number] = self._of_row(number)
            elif self.stages.at[number] < self.number and number in self.stages.kept:
                self.elements[number] = self._kept(number)
            elif self.stages.stores.get(number, self.number) < self.number and member.store is not None:
                self.elements[number] = self._load(member.store)
            else:
                self.elements[number] = self.compute(number, self.vectors)
        return self.elements[number]

    def _of_row(self, number: int) -> Value:
        value = self.rows[number]
        return (
            value if self.form.is_across else self.hoist(("row", number), lambda: self.vectors.splat(value))
        )

    def compute(self, number: int, values: Evaluator) -> Value:
        """The value of a member's formula, in the dtype in which it is reduced or stored."""
        member = self.form.members[number]
        sources = [self._source(source, member.is_row) for source in member.sources]
        wanted = member.dtype if member.is_map else member.value
        return values.formula(member.lines, member.result, wanted, sources, member.dtypes)

    def _source(self, source: Source, is_row: bool) -> Value | Const:
        is_scalar = is_row and not self.form.is_across
        match source:
            case FromSlot():
                return self._row_load(source.slot) if is_row else self._load(source.slot)
            case FromMember():
                return self.rows[source.member] if is_row else self.element(source.member)
            case FromIndex():
                return self.indices[source.loop] if is_scalar else self._positions(source.loop, is_row)
            case FromSize():
                number = self.sizes[source.number]
                return number if is_scalar else self._spread(("size", source.number), number, is_row)
            case Const():
                return source

    def _spread(self, key: object, scalar: Value, is_row: bool) -> Value:
        return self.vectors.splat(scalar) if is_row else self.hoist(key, lambda: self.vectors.splat(scalar))

    def _positions(self, loop: int, is_row: bool = False) -> Value:
        if loop != self.form.vector:
            # The last inner loop may be running inside.
            is_fixed = loop != self.form.loops - 1 and not is_row
            return self._spread(("index", loop), self.indices[loop], not is_fixed)
        lanes = self.form.lanes
        steps = ir.Constant(ir.VectorType(emit.i64, lanes), list(range(lanes)))
        return self.builder.add(emit.splat(self.builder, self.indices[loop], lanes), steps)

    def linear_position(self, member: Member) -> Value:
        """The row-major position among the inner loops that a member reduces."""
        reduced = sorted(member.reduced)
        outside = index(0)
        for loop in reduced[:-1]:
            outside = self.builder.mul(self.builder.add(outside, self.indices[loop]), self.extents[loop + 1])
        if self.form.is_across:
            return self.vectors.splat(self.builder.add(outside, self.indices[reduced[-1]]))
        return self.builder.add(self._positions(self.form.vector), self.vectors.splat(outside))

    def hoist(self, key: object, make: Callable[[], Value]) -> Value:
        """A value that does not change in the vector loop, computed before it."""
        if key in self.hoisted:
            return self.hoisted[key]
        if self.builder.block is self.before:
            self.hoisted[key] = make()
            return self.hoisted[key]
        with self.builder.goto_block(self.before):
            self.hoisted[key] = make()
        return self.hoisted[key]

    # Memory

    def place(self, slot: int, loops: int) -> Value:
        """The address of a slot at the present indices of the loops before `loops`."""
        memory, builder = self.memory[slot], self.builder
        address = memory.address
        for loop, stride in memory.strides.items():
            if loop < loops and loop != self.form.vector:
                elements = builder.mul(self.indices[loop], stride)
                address = emit.offset(builder, address, elements, memory_type(memory.slot.dtype))
        return address

    def _row_load(self, slot: int) -> Value:
        if slot not in self.row_slots:
            dtype = self.memory[slot].slot.dtype
            if self.form.is_across:
                self.row_slots[slot] = self.read_vector(slot, self.place(slot, self.form.outer))
                return self.row_slots[slot]
            value = emit.load(self.builder, self.place(slot, self.form.outer), memory_type(dtype))
            self.row_slots[slot] = self.scalars.from_memory(value, dtype)
        return self.row_slots[slot]

    def base(self, slot: int) -> Value:
        """The address of a slot at index 0 of the vector loop."""
        if self.form.is_across:
            return self.place(slot, self.form.loops)
        return self.hoist(("base", slot), lambda: self.place(slot, self.form.vector))

    def _load(self, slot: int) -> Value:
        if slot not in self.loaded:
            self.loaded[slot] = self._loaded(slot)
        return self.loaded[slot]

    def _loaded(self, slot: int) -> Value:
        if self.memory[slot].slot.step is not Step.ZERO:
            return self.read_vector(slot, self.base(slot))
        return (
            self._splat_load(slot)
            if self.form.is_across
            else self.hoist(("load", slot), lambda: self._splat_load(slot))
        )

    def read_vector(self, slot: int, base: Value) -> Value:
        """A vector of a slot from its address at index 0 of the vector loop."""
        dtype, step = self.memory[slot].slot.dtype, self.memory[slot].slot.step
        kind = memory_type(dtype)
        if step is Step.ZERO:
            return self.vectors.splat(self.scalars.from_memory(emit.load(self.builder, base, kind), dtype))
        vector = ir.VectorType(kind, self.form.lanes)
        if step is Step.ANY:
            return self.vectors.from_memory(
                emit.gather(self.builder, self._addresses(slot, base), vector, self.mask), dtype
            )
        address = emit.offset(self.builder, base, self.indices[self.form.vector], kind)
        return self.vectors.from_memory(emit.load(self.builder, address, vector, self.mask), dtype)

    def _splat_load(self, slot: int) -> Value:
        dtype = self.memory[slot].slot.dtype
        scalar = emit.load(self.builder, self.base(slot), memory_type(dtype))
        return self.vectors.splat(self.scalars.from_memory(scalar, dtype))

    def addresses(self, base: Value, stride: Value, element: Type) -> Value:
        """The addresses of a vector's elements, which lie `stride` apart from index 0 at `base` on."""
        positions = self._positions(self.form.vector)
        places = self.builder.mul(positions, emit.splat(self.builder, stride, self.form.lanes))
        return emit.addresses(self.builder, base, places, element)

    def _addresses(self, slot: int, base: Value) -> Value:
        memory = self.memory[slot]
        return self.addresses(base, memory.strides[self.form.vector], memory_type(memory.slot.dtype))

    def store(self, slot: int, value: Value) -> None:
        memory = self.memory[slot]
        value = self.vectors.to_memory(value, memory.slot.dtype)
        if memory.slot.step is Step.ANY:
            emit.scatter(self.builder, value, self._addresses(slot, self.base(slot)), self.mask)
            return
        position = self.indices[self.form.vector]
        address = emit.offset(self.builder, self.base(slot), position, value.type.element)
        rest = self.row_length % self.form.lanes
        if self.mask is None or not rest:
            emit.store(self.builder, value, address, self.mask)
            return
        if rest == self.row_length:
            emit.store_first(self.builder, value, address, rest)
            return
        last = index(self.row_length - rest)
        with self.builder.if_else(self.builder.icmp_signed("<", position, last)) as (whole, ragged):
            with whole:
                emit.store(self.builder, value, address)
            with ragged:
                emit.store_first(self.builder, value, address, rest)

    @property
    def row_length(self) -> int:
        """How many elements a row has where that is known and its last vector is no other row's, else 0.

        A last vector that is not full is stored in pieces: a load of the next row waits for all of a vector
        stored under a mask.
        """
        form = self.form
        is_known = form.has_rows and form.loops - form.outer == 1 and not form.is_across
        return form.columns if is_known else 0

    def _keep(self, number: int, value: Value) -> None:
        value = self.vectors.to_memory(value, self.form.members[number].dtype)
        emit.store(self.builder, value, self._buffered(number, value.type))

    def _kept(self, number: int) -> Value:
        dtype = self.form.members[number].dtype
        kind = ir.VectorType(memory_type(dtype), self.form.lanes)
        return self.vectors.from_memory(emit.load(self.builder, self._buffered(number, kind), kind), dtype)

    def _buffered(self, number: int, kind: Type) -> Value:
        """The address of a kept member's vector in its buffer of a row or a strip."""
        position = self.indices[self.form.vector]
        if self.strip is not None:
            position = self.builder.sub(position, self.strip[0])
        return emit.offset(self.builder, self.buffers[number], position, kind.element)
