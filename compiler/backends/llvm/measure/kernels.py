"""The kernels that measure: short loops that do one thing and nothing else.

What they compute is stored, so that no compiler leaves it out. Their arguments are addresses, and last how
many elements or iterations they have; what threads can share counts those of a chunk. `lanes` fill a register
of the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from compiler.ir.types import INT32, INT64, DType
from compiler.loops.language import Carry, For, Kernel, Let, Literal, Load, Memory, Ref, Store, Value
from compiler.loops.writing import Writer

TOGETHER: Final = 4
"""Vectors of an iteration that reads or writes: the loop costs nothing beside them."""

CHAINS: Final = 10
"""Values that follow from themselves side by side: as many cover the latency of an atom, and all have
registers."""

Step = Callable[[Writer, Value], Value]
"""Writes the next value of a chain."""


def nothing() -> Kernel:
    """Does nothing."""
    return Kernel((), Value(INT64), (), ())


def reading(lanes: int) -> Kernel:
    """Reads a chunk of int32 so many times, and stores what its bits come to."""
    memory, result, size, times, chunk = Memory(INT32), Memory(INT32), *(Value(INT64) for _ in range(3))
    writer, inner, index = Writer(), Writer(), Value(INT64)
    states, following = [Value(INT32, lanes) for _ in range(TOGETHER)], list[Value]()
    for state, place in zip(states, _places(inner, index, lanes), strict=True):
        item = Value(INT32, lanes)
        inner.write(Load(item, Ref(memory, ((place, 1),))))
        following.append(inner.let("xor", INT32, state, item, lanes=lanes))
    carried = _carried(states, following)
    with writer.block() as body:
        writer.write(_over_chunk(writer, chunk, size, index, inner, lanes, carried))
        _store(writer, carried, result, chunk)
    writer.write(For(Value(INT64), 0, times, tuple(body)))
    return Kernel((memory, result, size, times), chunk, (), tuple(writer.blocks[0]))


def copying(lanes: int) -> Kernel:
    """Copies a chunk of int32 so many times."""
    source, target, size, times, chunk = Memory(INT32), Memory(INT32), *(Value(INT64) for _ in range(3))
    writer, inner, index = Writer(), Writer(), Value(INT64)
    places = _places(inner, index, lanes)
    items = [inner.load(Ref(source, ((place, 1),)), lanes) for place in places]
    for place, item in zip(places, items, strict=True):
        inner.write(Store(Ref(target, ((place, 1),)), item))
    with writer.block() as body:
        writer.write(_over_chunk(writer, chunk, size, index, inner, lanes))
    writer.write(For(Value(INT64), 0, times, tuple(body)))
    return Kernel((source, target, size, times), chunk, (), tuple(writer.blocks[0]))


def picking(lanes: int) -> Kernel:
    """Reads elements of int32 at the places that int64 say, a vector at once."""
    places, memory, result, size = Memory(INT64), Memory(INT32), Memory(INT32), Value(INT64)
    writer, inner, index, chunk = Writer(), Writer(), Value(INT64), Value(INT64)
    at, item, state = Value(INT64, lanes), Value(INT32, lanes), Value(INT32, lanes)
    inner.write(Load(at, Ref(places, ((index, 1),))))
    inner.write(Load(item, Ref(memory, (), at=at)))
    carried = _carried([state], [inner.let("xor", INT32, state, item, lanes=lanes)])
    writer.write(For(index, 0, size, tuple(inner.blocks[0]), step=lanes, lanes=lanes, carried=carried))
    _store(writer, carried, result, chunk)
    return Kernel((places, memory, result, size), chunk, (), tuple(writer.blocks[0]))


def mapping(atom: str, dtype: DType) -> Kernel:
    """An atom of formulas, element by element. The tricks make vectors of it."""
    source, target, size, index = Memory(dtype), Memory(dtype), Value(INT64), Value(INT64)
    item, found = Value(dtype), Value(dtype)
    body = (
        Load(item, Ref(source, ((index, 1),))),
        Let(found, atom, (item,)),
        Store(Ref(target, ((index, 1),)), found),
    )
    return Kernel((source, target, size), Value(INT64), (), (For(index, 0, size, body),))


def chains(dtype: DType, lanes: int, count: int, step: Step) -> Kernel:
    """Values that follow from themselves, so many side by side, each from a number of its own."""
    result, size, index, chunk = Memory(dtype), Value(INT64), Value(INT64), Value(INT64)
    writer, inner = Writer(), Writer()
    states = [Value(dtype, lanes) for _ in range(count)]
    carried = _carried(states, [step(inner, state) for state in states])
    writer.write(For(index, 0, size, tuple(inner.blocks[0]), carried=carried))
    _store(writer, carried, result, chunk)
    return Kernel((result, size), chunk, (), tuple(writer.blocks[0]))


def multiply_add(writer: Writer, state: Value) -> Value:
    """state * 0.75 + 0.25, rounded once."""
    factors = Literal.of(0.75, state.dtype), Literal.of(0.25, state.dtype)
    return writer.let("fma", state.dtype, state, *factors, lanes=state.lanes)


def multiply_then_add(writer: Writer, state: Value) -> Value:
    """The same rounded twice, where no instruction does both."""
    product = writer.let("mul", state.dtype, state, Literal.of(0.75, state.dtype), lanes=state.lanes)
    return add(writer, product)


def add(writer: Writer, state: Value) -> Value:
    """state + 0.25."""
    return writer.let("add", state.dtype, state, Literal.of(0.25, state.dtype), lanes=state.lanes)


def divide(writer: Writer, state: Value) -> Value:
    """3 / state."""
    return writer.let("div", state.dtype, Literal.of(3.0, state.dtype), state, lanes=state.lanes)


def mix(writer: Writer, state: Value) -> Value:
    """Two instructions on integers that no compiler can say in one."""
    shifted = writer.let("lshr", state.dtype, state, Literal.of(1, state.dtype), lanes=state.lanes)
    return writer.let("xor", state.dtype, state, shifted, lanes=state.lanes)


def _places(writer: Writer, index: Value, lanes: int) -> list[Value]:
    """Where the vectors of an iteration begin."""
    return [index, *(writer.sum(index, place * lanes) for place in range(1, TOGETHER))]


def _over_chunk(
    writer: Writer,
    chunk: Value,
    size: Value,
    index: Value,
    inner: Writer,
    lanes: int,
    carried: tuple[Carry, ...] = (),
) -> For:
    """A loop over the elements of a chunk, `TOGETHER` vectors at once."""
    first = writer.product(chunk, size)
    body, step = tuple(inner.blocks[0]), TOGETHER * lanes
    return For(index, first, writer.sum(first, size), body, step=step, lanes=lanes, carried=carried)


def _carried(states: Sequence[Value], following: Sequence[Value]) -> tuple[Carry, ...]:
    """Chains that begin at 1, 2, 3, ..."""
    return tuple(
        Carry(state, Literal.of(number, state.dtype), after, Value(state.dtype, state.lanes))
        for number, (state, after) in enumerate(zip(states, following, strict=True), start=1)
    )


def _store(writer: Writer, carried: Sequence[Carry], result: Memory, chunk: Value) -> None:
    """Stores where chains end, each chunk on lines of its own."""
    for number, item in enumerate(carried):
        place = writer.sum(writer.product(chunk, 1024), number * max(1, item.after.lanes))
        writer.write(Store(Ref(result, ((place, 1),)), item.after))
