"""Loads and stores: whole vectors, one element in every lane, and lanes that lie apart."""

from __future__ import annotations

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.emit.apart import Apart
from compiler.backends.llvm.emit.places import Places, lanes_of
from compiler.backends.llvm.emit.registers import memory, register
from compiler.backends.llvm.emit.values import Values
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Value as Register
from compiler.backends.llvm.jit.kinds import zero
from compiler.ir.types import BOOL, INT8, INT16, INT32, DType
from compiler.loops.language import Load, Ref, Store, Value
from compiler.loops.places import KNOWN_STRIDES


def emit_load(builder: Builder, values: Values, places: Places, stmt: Load) -> Register:
    """The loaded value."""
    ref, lanes, dtype = stmt.ref, stmt.value.lanes, stmt.ref.memory.dtype
    mask = None if stmt.mask is None else values[stmt.mask]
    if lanes and (apart := _apart(ref)):
        found = apart.load(builder, places.address(ref), memory(dtype, lanes), mask)
        return _from_memory(builder, found, dtype)
    if lanes and _lies_apart(ref):
        found = words.gather(builder, places.addresses(ref, lanes), memory(dtype, lanes), mask)
        return _from_memory(builder, found, dtype)
    if lanes and ref.step == 0:
        one = words.load(builder, places.address(ref), memory(dtype))
        return words.splat(builder, _from_memory(builder, one, dtype), lanes)
    return _from_memory(builder, words.load(builder, places.address(ref), memory(dtype, lanes), mask), dtype)


def emit_store(builder: Builder, values: Values, places: Places, stmt: Store) -> None:
    """Store a value."""
    ref, lanes = stmt.ref, lanes_of(stmt)
    mask = None if stmt.mask is None else values[stmt.mask]
    value = _to_memory(builder, values.operand(stmt.operand, lanes), ref.memory.dtype, lanes)
    if lanes and (apart := _apart(ref)):
        apart.store(builder, value, places.address(ref), mask)
    elif lanes and _lies_apart(ref):
        words.scatter(builder, value, places.addresses(ref, lanes), mask)
    elif stmt.first:
        words.store_first(builder, value, places.address(ref), stmt.first)
    else:
        words.store(builder, value, places.address(ref), mask)


def _apart(ref: Ref) -> Apart | None:
    """How lanes are loaded and stored that lie apart, but near enough to be taken from neighbours."""
    step = ref.step
    if ref.at is not None or not isinstance(step, int) or step in (0, 1) or step not in KNOWN_STRIDES:
        return None
    return Apart(step)


def _lies_apart(ref: Ref) -> bool:
    """Whether the lanes of a vector have an address each."""
    has_places = ref.at is not None and ref.at.lanes > 0
    return has_places or isinstance(ref.step, Value) or ref.step not in (0, 1)


def _from_memory(builder: Builder, value: Register, dtype: DType) -> Register:
    """A loaded value as it is in registers."""
    if dtype.is_storage:
        widen = builder.sext if dtype in (INT8, INT16) else builder.zext
        return widen(value, register(INT32, value.type.count))
    return builder.icmp_unsigned("!=", value, zero(value.type)) if dtype is BOOL else value


def _to_memory(builder: Builder, value: Register, dtype: DType, lanes: int) -> Register:
    """A value as it is stored."""
    if dtype.is_storage:
        return builder.trunc(value, memory(dtype, lanes))
    return builder.zext(value, memory(BOOL, lanes)) if dtype is BOOL else value
