"""Reductions inside a nest: accumulators in registers along inner loops, in memory along outer ones.

A reduction of inner loops keeps vectors of partial results, whose lanes are joined in a fixed order at the
end of the row. What reduces outer loops is added to memory, for each chunk apart; `combine` joins the chunks
in order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.forms import Accumulator, Member
from compiler.backends.llvm.formulas import Evaluator, memory_type
from compiler.backends.llvm.jit.untyped import Builder, Type, Value, ir
from compiler.backends.llvm.lanes import Instructions
from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, INT64, DType, Scalar

if TYPE_CHECKING:
    from compiler.backends.llvm.loops import NestEmitter


def identity(reducer: Reducer, dtype: DType) -> Scalar:
    """What changes no result of a reducer."""
    if reducer is Reducer.SUM:
        return 0.0 if dtype.is_float else 0
    is_min = reducer.prefers_less
    if dtype.is_float:
        return math.inf if is_min else -math.inf
    if dtype is BOOL:
        return is_min
    bits = dtype.size * 8 - 1
    return (1 << bits) - 1 if is_min else -(1 << bits)


def joined(values: Evaluator, reducer: Reducer, dtype: DType, a: Value, b: Value) -> Value:
    """Two partial results as one; NaN wins."""
    if reducer is Reducer.SUM:
        return values.builder.fadd(a, b) if dtype.is_float else values.builder.add(a, b)
    return values.atom("minimum" if reducer.prefers_less else "maximum", dtype, [a, b])


class Sums:
    """The reductions of one nest while it is emitted."""

    def __init__(self, nest: NestEmitter) -> None:
        self.nest, self.form = nest, nest.form
        self.builder, self.vectors, self.scalars = nest.builder, nest.vectors, nest.scalars
        self.running: dict[int, list[Value]] = {}

    # The chunk

    def begin(self) -> None:
        """Sets accumulators to what changes nothing."""
        for item in self.form.accumulators:
            member = self.form.members[item.member]
            if self.form.is_running(member):
                state = self._empty(member)
                memory = [
                    emit.stack_array(self.builder, _stored(v.type).element, self.form.lanes) for v in state
                ]
                self.running[item.member] = memory
                self._save(memory, state)
            else:
                self._clear(item)

    def _clear(self, item: Accumulator) -> None:
        member = self.form.members[item.member]
        dtype = member.accumulator
        value = self.scalars.to_memory(self.scalars.constant(identity(member.reducer, dtype), dtype), dtype)

        def level(depth: int, address: Value) -> None:
            if depth == len(item.loops):
                emit.store(self.builder, value, address)
                return
            loop = item.loops[depth]
            with emit.counted_loop(self.builder, *self.nest.bounds(loop)) as counted:
                level(depth + 1, self._along(item, loop, address, counted.index))

        level(0, self.nest.sums[item.member].address)

    def _along(self, item: Accumulator, loop: int, address: Value, position: Value) -> Value:
        found = self.nest.sums[item.member]
        kind = memory_type(self.form.members[item.member].accumulator)
        return emit.offset(self.builder, address, self.builder.mul(position, found.strides[loop]), kind)

    def end(self) -> None:
        """Joins the lanes of what reduces all loops."""
        for number, memory in self.running.items():
            member = self.form.members[number]
            state = self._restore(memory, self._empty(member))
            total = self._across(member, state)
            emit.store(self.builder, self._result_to_memory(member, total), self.nest.sums[number].address)

    def _result_to_memory(self, member: Member, total: Value) -> Value:
        dtype = INT64 if member.reducer.is_search else member.accumulator
        return self.scalars.to_memory(total, dtype)

    def _save(self, memory: Sequence[Value], state: Sequence[Value]) -> None:
        for address, value in zip(memory, state, strict=True):
            kind = _stored(value.type)
            emit.store(self.builder, value if kind == value.type else self.builder.zext(value, kind), address)

    def _restore(self, memory: Sequence[Value], like: Sequence[Value]) -> list[Value]:
        found: list[Value] = []
        for address, value in zip(memory, like, strict=True):
            kind = _stored(value.type)
            loaded = emit.load(self.builder, address, kind)
            found.append(loaded if kind == value.type else self.builder.trunc(loaded, value.type))
        return found

    # A pass: vectors of partial results

    def is_carried(self, number: int) -> bool:
        """Whether a member reduces the innermost loop, so that its partial results stay in registers."""
        return self.form.loops - 1 in self.form.members[number].reduced

    def initial(self, reducing: Sequence[int]) -> list[Value]:
        """The vectors that a pass begins with."""
        found: list[Value] = []
        for number in filter(self.is_carried, reducing):
            member = self.form.members[number]
            state = self._empty(member)
            found += self._restore(self.running[number], state) if number in self.running else state
        return found

    def _empty(self, member: Member) -> list[Value]:
        dtype = member.accumulator
        first = self.vectors.constant(identity(member.reducer, dtype), dtype)
        if member.reducer.is_search:
            return [first, self.vectors.constant(0, INT64)]
        return [first, self.vectors.constant(False, BOOL)] if self._flags_nan(member) else [first]

    def _flags_nan(self, member: Member) -> bool:
        return member.reducer in (Reducer.MAX, Reducer.MIN) and member.accumulator.is_float

    def add(self, reducing: Sequence[int], values: Sequence[Value], carried: Sequence[Value]) -> list[Value]:
        """One vector of values for each reducing member, added; returns the carried vectors."""
        following: list[Value] = []
        state = iter(carried)
        for number, value in zip(reducing, values, strict=True):
            member = self.form.members[number]
            value = self.vectors.cast(value, member.value, member.accumulator)
            if not self.is_carried(number):
                self._add_to_memory(number, value)
                continue
            following += self._joined(member, value, [next(state) for _ in self._empty(member)])
        return following

    def _existing(self, member: Member, value: Value) -> Value:
        """The value, or what changes nothing in lanes that do not exist."""
        mask = self.nest.mask
        if mask is None:
            return value
        nothing = self.vectors.constant(identity(member.reducer, member.accumulator), member.accumulator)
        return self.builder.select(mask, value, nothing)

    def _larger(self, member: Member, value: Value, best: Value, is_nan: Value) -> list[Value]:
        """max or min in one instruction, which loses NaN; a NaN is noted beside it."""
        builder = self.builder
        value = self._existing(member, value)
        relation = "<" if member.reducer.prefers_less else ">"
        found = builder.select(builder.fcmp_ordered(relation, value, best), value, best)
        return [found, builder.or_(is_nan, builder.fcmp_unordered("uno", value, value))]

    def _better(self, member: Member, value: Value, best: Value, place: Value) -> list[Value]:
        builder = self.builder
        is_better = self._beats(self.vectors, member, value, best)
        if self.nest.mask is not None:
            is_better = builder.and_(is_better, self.nest.mask)
        here = self.nest.linear_position(member)
        return [builder.select(is_better, value, best), builder.select(is_better, here, place)]

    def _beats(self, values: Evaluator, member: Member, a: Value, b: Value) -> Value:
        """Whether a comes before b in the order of a search: larger or smaller, or NaN where b is none."""
        dtype = member.accumulator
        is_better = values.atom("lt" if member.reducer.prefers_less else "gt", dtype, [a, b])
        if not dtype.is_float:
            return is_better
        nan_a, nan_b = values.atom("isnan", dtype, [a]), values.atom("isnan", dtype, [b])
        return self.builder.or_(is_better, self.builder.and_(nan_a, self.builder.not_(nan_b)))

    def finish(self, reducing: Sequence[int], results: Sequence[Value]) -> None:
        """Joins the lanes at the end of the inner loops."""
        state = iter(results)
        for number in filter(self.is_carried, reducing):
            member = self.form.members[number]
            mine = [next(state) for _ in self._empty(member)]
            if number in self.running:
                self._save(self.running[number], mine)
                continue
            if self.form.is_across:
                self.nest.rows[number] = self._of_lanes(member, mine)
                continue
            total = self._across(member, mine)
            if number in self.nest.sums:
                self._add_scalar(number, total)
            elif member.reducer.is_search:
                self.nest.rows[number] = total
            else:
                self.nest.rows[number] = self.scalars.cast(total, member.accumulator, member.dtype)

    def _of_lanes(self, member: Member, state: Sequence[Value]) -> Value:
        """The result of each lane, which is a row of its own."""
        if member.reducer.is_search:
            return state[1]
        total = state[0]
        if self._flags_nan(member):
            total = self.builder.select(state[1], self.vectors.constant(math.nan, member.accumulator), total)
        return self.vectors.cast(total, member.accumulator, member.dtype)

    def _across(self, member: Member, state: Sequence[Value]) -> Value:
        """The lanes as one result: halves are joined until one lane is left; a search goes lane by lane."""
        if member.reducer.is_search:
            return self._first_best(member, *state)
        total = state[0]
        count = self.form.lanes
        values = Evaluator(self.builder, 0, self.vectors.instructions)
        while count > 1:
            count //= 2
            low, high = (_half(self.builder, total, start, count) for start in (0, count))
            values.lanes = count
            values.forget()
            total = joined(values, member.reducer, member.accumulator, low, high)
        total = self.builder.extract_element(total, ir.Constant(emit.i32, 0))
        if not self._flags_nan(member):
            return total
        bits = self.builder.bitcast(state[1], ir.IntType(self.form.lanes))
        is_nan = self.builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))
        return self.builder.select(is_nan, self.scalars.constant(math.nan, member.accumulator), total)

    def _first_best(self, member: Member, values: Value, places: Value) -> Value:
        builder = self.builder
        best, place = (builder.extract_element(v, ir.Constant(emit.i32, 0)) for v in (values, places))
        for lane in range(1, self.form.lanes):
            value, here = (builder.extract_element(v, ir.Constant(emit.i32, lane)) for v in (values, places))
            wins = self._beats(self.scalars, member, value, best)
            loses = self._beats(self.scalars, member, best, value)
            is_earlier = builder.and_(builder.not_(loses), builder.icmp_signed("<", here, place))
            wins = builder.or_(wins, is_earlier)
            best, place = builder.select(wins, value, best), builder.select(wins, here, place)
        return place

    # Memory

    def _place(self, number: int, *, with_vector: bool) -> Value:
        found = self.nest.sums[number]
        address = found.address
        for loop in found.accumulator.loops:
            if loop != self.form.vector or not with_vector:
                address = self._along(found.accumulator, loop, address, self.nest.indices[loop])
        return address

    def _add_to_memory(self, number: int, value: Value) -> None:
        """Adds a vector to neighbouring accumulators."""
        member, nest = self.form.members[number], self.nest
        dtype = member.accumulator
        base = nest.hoist(("sum", number), lambda: self._place(number, with_vector=True))
        if number in self.form.apart:
            self._add_apart(number, value, base)
            return
        address = emit.offset(self.builder, base, nest.indices[self.form.vector], memory_type(dtype))
        kind = ir.VectorType(memory_type(dtype), self.form.lanes)
        old = self.vectors.from_memory(emit.load(self.builder, address, kind, nest.mask), dtype)
        new = joined(self.vectors, member.reducer, dtype, old, value)
        emit.store(self.builder, self.vectors.to_memory(new, dtype), address, nest.mask)

    def _add_apart(self, number: int, value: Value, base: Value) -> None:
        """Adds a vector to accumulators that lie a stride apart."""
        member, nest = self.form.members[number], self.nest
        dtype = member.accumulator
        kind = ir.VectorType(memory_type(dtype), self.form.lanes)
        places = nest.addresses(base, nest.sums[number].strides[self.form.vector], kind.element)
        old = self.vectors.from_memory(emit.gather(self.builder, places, kind, nest.mask), dtype)
        new = joined(self.vectors, member.reducer, dtype, old, value)
        emit.scatter(self.builder, self.vectors.to_memory(new, dtype), places, nest.mask)

    def _add_scalar(self, number: int, value: Value) -> None:
        member = self.form.members[number]
        dtype = member.accumulator
        address = self._place(number, with_vector=False)
        old = self.scalars.from_memory(emit.load(self.builder, address, memory_type(dtype)), dtype)
        new = joined(self.scalars, member.reducer, dtype, old, value)
        emit.store(self.builder, self.scalars.to_memory(new, dtype), address)

    def add_row(self, number: int, value: Value) -> None:
        """Adds a row's value to the accumulator of a member that reduces outer loops."""
        member = self.form.members[number]
        if number not in self.running:
            self._add_scalar(number, self.scalars.cast(value, member.value, member.accumulator))
            return
        value = self.vectors.cast(value, member.value, member.accumulator)
        old = self._restore(self.running[number], self._empty(member))
        self._save(self.running[number], self._joined(member, value, old))

    def _joined(self, member: Member, value: Value, state: Sequence[Value]) -> list[Value]:
        """The partial results with one more vector."""
        if member.reducer.is_search:
            return self._better(member, value, *state)
        if self._flags_nan(member):
            return self._larger(member, value, *state)
        value = self._existing(member, value)
        return [joined(self.vectors, member.reducer, member.accumulator, state[0], value)]


def _stored(kind: Type) -> Type:
    """The vector type in memory of a vector in registers."""
    return ir.VectorType(emit.i8, kind.count) if kind.element == emit.i1 else kind


def _half(builder: Builder, vector: Value, start: int, count: int) -> Value:
    lanes = ir.Constant(ir.VectorType(emit.i32, count), list(range(start, start + count)))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), lanes)


def emit_combine(
    builder: Builder, reducer: Reducer, accumulator: DType, dtype: DType, lanes: int, arguments: Value
) -> None:
    """Joins the accumulators of chunks in their order.

    Arguments: how many accumulators a chunk has, how many chunks, the address of the first chunk's, of the
    results.
    """
    count, chunks, source, target = (
        emit.load(builder, emit.offset(builder, arguments, index(k), emit.i64), emit.i64) for k in range(4)
    )
    source, target = builder.inttoptr(source, emit.pointer), builder.inttoptr(target, emit.pointer)
    kind = memory_type(accumulator)
    vector = ir.VectorType(kind, lanes)
    with emit.counted_loop(builder, index(0), count, lanes) as outer:
        mask = emit.lane_mask(builder, outer.index, count, lanes)
        values = Evaluator(builder, lanes, Instructions())
        start = emit.offset(builder, source, outer.index, kind)
        first = values.from_memory(emit.load(builder, start, vector, mask), accumulator)
        with emit.counted_loop(builder, index(1), chunks, carried=[first]) as inner:
            address = emit.offset(builder, start, builder.mul(inner.index, count), kind)
            value = values.from_memory(emit.load(builder, address, vector, mask), accumulator)
            inner.next.append(joined(values, reducer, accumulator, inner.values[0], value))
        values.forget()
        result = values.to_memory(values.cast(inner.results[0], accumulator, dtype), dtype)
        emit.store(builder, result, emit.offset(builder, target, outer.index, result.type.element), mask)
