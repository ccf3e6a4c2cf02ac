"""Words for emitting loops and vectors: counted loops, lane masks, masked and plain memory access.

Every function takes a builder that stands in a block without terminator and leaves it in one. All indices and
extents are i64 values, all offsets count elements.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import (
    Constant,
    Type,
    Value,
    f32,
    f64,
    i1,
    i32,
    i64,
    integer,
    numbers_of,
    undefined,
    vector_of,
    void,
    zero,
)
from compiler.backends.llvm.jit.modules import Block


def index(value: int) -> Value:
    """The constant `value` as an i64."""
    return Constant(i64, value)


def element_bytes(element: Type) -> int:
    """Bytes of one element of a scalar type."""
    if element is f64:
        return 8
    return 4 if element is f32 else (element.width + 7) // 8


@dataclass
class Loop:
    """One counted loop while its body is emitted.

    `index` is the counter, `values` the carried values as the body finds them. The body appends the values
    for the next round to `next`; after the loop `results` holds the values as the last round left them.
    """

    index: Value
    values: list[Value]
    next: list[Value] = field(default_factory=list[Value])
    results: list[Value] = field(default_factory=list[Value])


@contextmanager
def counted_loop(
    builder: Builder, start: Value, stop: Value, step: int = 1, carried: Sequence[Value] = ()
) -> Generator[Loop]:
    """Emit the `with` body for start, start + step, ... while below `stop`; the test comes first."""
    before = builder.block
    head = builder.append_basic_block("head")
    body = builder.append_basic_block("body")
    after = builder.append_basic_block("after")
    builder.branch(head)
    builder.position_at_end(head)
    counter = builder.phi(start.type)
    counter.add_incoming(start, before)
    phis = [builder.phi(value.type) for value in carried]
    for phi, value in zip(phis, carried, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_signed("<", counter, stop), body, after)
    builder.position_at_end(body)
    loop = Loop(counter, list(phis))
    yield loop
    counter.add_incoming(builder.add(counter, Constant(start.type, step)), builder.block)
    for phi, value in zip(phis, loop.next, strict=True):
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    loop.results.extend(phis)


@contextmanager
def rotated_loop(
    builder: Builder, start: Value, stop: Value, step: int = 1, carried: Sequence[Value] = ()
) -> Generator[Loop]:
    """As `counted_loop`, where there is an iteration: it tests at its end, so what is invariant may move."""
    before = builder.block
    body, after = builder.append_basic_block("body"), builder.append_basic_block("after")
    builder.branch(body)
    builder.position_at_end(body)
    counter = builder.phi(start.type)
    counter.add_incoming(start, before)
    phis = [builder.phi(value.type) for value in carried]
    for phi, value in zip(phis, carried, strict=True):
        phi.add_incoming(value, before)
    loop = Loop(counter, list(phis))
    yield loop
    following = builder.add(counter, Constant(start.type, step))
    counter.add_incoming(following, builder.block)
    for phi, value in zip(phis, loop.next, strict=True):
        phi.add_incoming(value, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, stop), body, after)
    builder.position_at_end(after)
    loop.results.extend(loop.next)


def either(
    builder: Builder, join: Block, around: Block, there: Sequence[Value], here: Sequence[Value]
) -> list[Value]:
    """Goes on to `join`, where each value is `here` or, for who comes from the block `around`, `there`."""
    through = builder.block
    builder.branch(join)
    builder.position_at_end(join)
    found: list[Value] = []
    for first, second in zip(there, here, strict=True):
        value = builder.phi(first.type)
        value.add_incoming(first, around)
        value.add_incoming(second, through)
        found.append(value)
    return found


def minimum(builder: Builder, a: Value, b: Value) -> Value:
    """The smaller of two signed integers."""
    return builder.select(builder.icmp_signed("<", a, b), a, b)


def offset(builder: Builder, base: Value, elements: Value, element: Type) -> Value:
    """The address `elements` elements after `base`."""
    return builder.offset(base, elements, element)


def stack_array(builder: Builder, element: Type, count: int) -> Value:
    """Uninitialised stack memory for `count` elements on a 64-byte border, for the time of the function."""
    return builder.room(element, count)


def splat(builder: Builder, scalar: Value, lanes: int) -> Value:
    """A vector of `lanes` copies of `scalar`."""
    kind = vector_of(scalar.type, lanes)
    single = builder.insert_element(undefined(kind), scalar, Constant(i32, 0))
    return builder.shuffle_vector(single, undefined(kind), zero(vector_of(i32, lanes)))


def lane_mask(builder: Builder, first: Value, stop: Value, lanes: int, *, as_bits: bool = False) -> Value:
    """The lanes whose index `first + lane` is below `stop`, as a vector of i1.

    `as_bits` makes it from the bits of an integer: cheaper where masks have registers of their own. Then
    `first` is at most `stop`.
    """
    remaining = minimum(builder, builder.sub(stop, first), index(lanes))
    if as_bits and lanes in (8, 16, 32, 64):
        ones = builder.lshr(index(2**63 - 1), builder.sub(index(63), remaining))
        if lanes == 64:
            is_whole = builder.icmp_signed(">=", remaining, index(lanes))
            return builder.bitcast(builder.select(is_whole, index(-1), ones), vector_of(i1, lanes))
        return builder.bitcast(builder.trunc(ones, integer(lanes)), vector_of(i1, lanes))
    bound = splat(builder, builder.trunc(remaining, i32), lanes)
    return builder.icmp_signed("<", numbers_of(i32, *range(lanes)), bound)


def intrinsic(builder: Builder, name: str, result: Type, arguments: Sequence[Value]) -> Value:
    """Call the function `name`, declared on first use."""
    function = builder.module.declared(name, result, [argument.type for argument in arguments])
    return builder.call(function, arguments, result)


def suffix(kind: Type) -> str:
    """How LLVM's overloaded intrinsics spell a type: f32, i64, v16f32."""
    if kind.count:
        return f"v{kind.count}{suffix(kind.element)}"
    if kind.width:
        return kind.text
    return "f64" if kind is f64 else "f32"


def load(builder: Builder, address: Value, kind: Type, mask: Value | None = None) -> Value:
    """Load a scalar or vector that is aligned to its element; lanes outside `mask` are 0 and not touched."""
    align = element_bytes(kind.element)
    if mask is None:
        return builder.load(address, kind, align)
    arguments = [address, Constant(i32, align), mask, zero(kind)]
    return intrinsic(builder, f"llvm.masked.load.{suffix(kind)}.p0", kind, arguments)


def store(builder: Builder, value: Value, address: Value, mask: Value | None = None) -> None:
    """Store a scalar or vector that is aligned to its element; lanes outside `mask` are not touched."""
    kind = value.type
    align = element_bytes(kind.element)
    if mask is None:
        builder.store(value, address, align)
        return
    arguments = [value, address, Constant(i32, align), mask]
    intrinsic(builder, f"llvm.masked.store.{suffix(kind)}.p0", void, arguments)


def store_first(builder: Builder, value: Value, address: Value, count: int) -> None:
    """Store the first `count` lanes of a vector, in pieces of 2^k lanes, the largest first."""
    start = 0
    while start < count:
        lanes = 1 << ((count - start).bit_length() - 1)
        chosen = numbers_of(i32, *range(start, start + lanes))
        piece = builder.shuffle_vector(value, undefined(value.type), chosen)
        store(builder, piece, offset(builder, address, index(start), value.type.element))
        start += lanes


def addresses(builder: Builder, base: Value, elements: Value, element: Type) -> Value:
    """As `offset`, for a vector of offsets."""
    return builder.offset(base, elements, element)


def gather(builder: Builder, places: Value, kind: Type, mask: Value | None = None) -> Value:
    """Load a vector from one address a lane; lanes outside `mask` are 0 and not touched."""
    align = Constant(i32, element_bytes(kind.element))
    name = f"llvm.masked.gather.{suffix(kind)}.v{kind.count}p0"
    lanes = every_lane(kind.count) if mask is None else mask
    return intrinsic(builder, name, kind, [places, align, lanes, zero(kind)])


def scatter(builder: Builder, value: Value, places: Value, mask: Value | None = None) -> None:
    """Store a vector to one address a lane; lanes outside `mask` are not touched."""
    kind = value.type
    align = Constant(i32, element_bytes(kind.element))
    name = f"llvm.masked.scatter.{suffix(kind)}.v{kind.count}p0"
    lanes = every_lane(kind.count) if mask is None else mask
    intrinsic(builder, name, void, [value, places, align, lanes])


def every_lane(count: int) -> Value:
    """The mask of all lanes."""
    return numbers_of(i1, *[1] * count)


def multiply_add(builder: Builder, a: Value, b: Value, total: Value, *, fused: bool) -> Value:
    """a * b + total: rounded once where `fused`, twice otherwise; exact (modulo 2^n) for integers."""
    scalar = a.type.element
    if scalar.width:
        return builder.add(total, builder.mul(a, b))
    if fused:
        return intrinsic(builder, f"llvm.fma.{suffix(a.type)}", a.type, [a, b, total])
    return builder.fadd(total, builder.fmul(a, b))


def transposed(builder: Builder, rows: Sequence[Value]) -> list[Value]:
    """The transpose of a square of vectors: lane j of result i is lane i of row j.

    Exchanges ever smaller quadrants: two shuffles per vector and power of two.
    """
    lanes = len(rows)
    current = list(rows)
    distance = lanes // 2
    while distance:
        current = _exchanged(builder, current, distance)
        distance //= 2
    return current


def _exchanged(builder: Builder, rows: Sequence[Value], distance: int) -> list[Value]:
    """Exchange the off-diagonal quadrants of size `distance` in each block of twice that size."""
    lanes = len(rows)
    # Lanes of the second operand of a shuffle are counted from `lanes` on.
    upper = [lane if not lane & distance else lanes + lane - distance for lane in range(lanes)]
    lower = [lane + distance if not lane & distance else lanes + lane for lane in range(lanes)]
    result = list(rows)
    for number in range(lanes):
        if number & distance:
            continue
        a, b = rows[number], rows[number + distance]
        result[number] = builder.shuffle_vector(a, b, numbers_of(i32, *upper))
        result[number + distance] = builder.shuffle_vector(a, b, numbers_of(i32, *lower))
    return result


def some_lanes(builder: Builder, vector: Value, first: int, count: int) -> Value:
    """Neighbouring lanes of a vector."""
    chosen = numbers_of(i32, *range(first, first + count))
    return builder.shuffle_vector(vector, undefined(vector.type), chosen)
