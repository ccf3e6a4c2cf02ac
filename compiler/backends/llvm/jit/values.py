"""Values of native code while it is emitted: arithmetic on one is an instruction.

A Python integer beside a value is a constant. All integers are signed words of 64 bits, whatever their size
in memory.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import (
    Constant,
    Type,
    Value,
    f32,
    f64,
    i1,
    i8,
    i32,
    i64,
    pointer,
    zero,
)
from compiler.backends.llvm.jit.memory import Struct

_IN_MEMORY = {ctypes.c_int64: i64, ctypes.c_size_t: pointer, ctypes.c_int32: i32, ctypes.c_uint8: i8}
"""The LLVM type of a field of C."""


class Operand:
    """A value of the code that is emitted. It is neither true nor false: nothing has run yet."""

    kind: ClassVar[Type]

    def __init__(self, builder: Builder, raw: Value) -> None:
        self.builder, self.raw = builder, raw

    def __bool__(self) -> bool:
        raise TypeError("what emitted code computes is asked with `code.when`, not with `if`")


class Flag(Operand):
    """A truth value."""

    kind = i1

    def __and__(self, other: Flag) -> Flag:
        return Flag(self.builder, self.builder.and_(self.raw, other.raw))

    def __or__(self, other: Flag) -> Flag:
        return Flag(self.builder, self.builder.or_(self.raw, other.raw))

    def __invert__(self) -> Flag:
        return Flag(self.builder, self.builder.not_(self.raw))


def _arithmetic(instruction: str) -> Callable[[Word, Whole], Word]:
    def emit(self: Word, other: Whole) -> Word:
        return Word(self.builder, getattr(self.builder, instruction)(self.raw, raw_of(other)))

    return emit


def _relation(sign: str) -> Callable[[Word, Whole], Flag]:
    def emit(self: Word, other: Whole) -> Flag:
        return Flag(self.builder, self.builder.icmp_signed(sign, self.raw, raw_of(other)))

    return emit


class Word(Operand):
    """A signed integer of 64 bits. `>>` shifts zeros in, and `//` is rounded towards 0."""

    kind = i64

    __add__, __sub__, __mul__ = _arithmetic("add"), _arithmetic("sub"), _arithmetic("mul")
    __floordiv__ = _arithmetic("sdiv")
    __and__, __or__ = _arithmetic("and_"), _arithmetic("or_")
    __lshift__, __rshift__ = _arithmetic("shl"), _arithmetic("lshr")
    __lt__, __le__, __gt__, __ge__ = _relation("<"), _relation("<="), _relation(">"), _relation(">=")

    def as_float32(self) -> Word:
        """The bits of a float64 as those of the nearest float32."""
        wide = self.builder.bitcast(self.raw, f64)
        narrow = self.builder.bitcast(self.builder.fptrunc(wide, f32), i32)
        return Word(self.builder, self.builder.zext(narrow, i64))

    equals, differs = _relation("=="), _relation("!=")


Whole: TypeAlias = Word | int


def raw_of(value: Operand | int) -> Value:
    """LLVM's value."""
    return Constant(i64, value) if isinstance(value, int) else value.raw


class Pointer(Operand):
    """An address."""

    kind = pointer

    def is_null(self) -> Flag:
        return self.same(Pointer(self.builder, zero(pointer)))

    def same(self, other: Pointer) -> Flag:
        return Flag(self.builder, self.builder.icmp_unsigned("==", self.raw, other.raw))

    def number(self) -> Word:
        """The address as a word."""
        return Word(self.builder, self.builder.ptrtoint(self.raw, i64))

    def plus(self, count: Whole, kind: Type = i8) -> Pointer:
        """So many bytes further, or values of another kind."""
        return Pointer(self.builder, self.builder.offset(self.raw, raw_of(count), kind))

    def fields(self, kind: type[Struct]) -> View:
        """The fields of the struct that lies here, by name."""
        return View(self, lambda name: (self.plus(kind.offset_of(name)), kind.kinds[name]))

    def element(self, kind: type[Struct], index: Word) -> View:
        """The fields of one of the structs that lie here one behind the other."""
        return self.plus(index * ctypes.sizeof(kind)).fields(kind)

    @property
    def words(self) -> View:
        """The words that lie here one behind the other, by number."""
        return View(self, lambda index: (self.plus(index, i64), ctypes.c_int64))

    @property
    def pointers(self) -> View:
        """The addresses that lie here one behind the other, by number."""
        return View(self, lambda index: (self.plus(index, pointer), ctypes.c_size_t))

    def load(self, order: str, kind: type[Word] | type[Pointer] = Word) -> Any:
        """The word or the address here, read atomically."""
        return kind(self.builder, self.builder.load_atomic(self.raw, order, kind.kind))

    def store(self, value: Operand | int, order: str) -> None:
        """Write a word or an address here, atomically."""
        self.builder.store_atomic(raw_of(value), self.raw, order)

    def add(self, term: int, order: str) -> None:
        """Add to the word here, atomically."""
        self.builder.add_atomic(raw_of(term), self.raw, order)

    def exchange(self, old: Whole, new: Whole, order: str, otherwise: str) -> Flag:
        """Change the word here from `old` to `new`, if that is what it is; whether it was."""
        return Flag(self.builder, self.builder.exchange(self.raw, raw_of(old), raw_of(new), order, otherwise))


class View:
    """Values in memory from `start` on: reading one emits a load, setting one a store.

    A struct in it is a view in its turn.
    """

    def __init__(self, start: Pointer, place: Callable[[Any], tuple[Pointer, Any]]) -> None:
        self.start, self._place = start, place

    def at(self, key: Any) -> Pointer:
        """Where a value lies."""
        return self._place(key)[0]

    def __getitem__(self, key: Any) -> Any:
        place, kind = self._place(key)
        builder = place.builder
        if kind not in _IN_MEMORY:
            return place.fields(kind)
        raw = builder.load(place.raw, _IN_MEMORY[kind])
        if kind is ctypes.c_size_t:
            return Pointer(builder, raw)
        return Word(builder, builder.zext(raw, i64) if kind is ctypes.c_uint8 else widened(builder, raw))

    def __setitem__(self, key: Any, value: Operand | int) -> None:
        place, kind = self._place(key)
        place.builder.store(narrowed(place.builder, value, _IN_MEMORY[kind]), place.raw)


def widened(builder: Builder, raw: Value) -> Value:
    """An integer as a word."""
    return raw if raw.type is i64 else builder.sext(raw, i64)


def narrowed(builder: Builder, value: Operand | int, kind: Type) -> Value:
    """A value as one of `kind`: words may lose their upper bits."""
    if isinstance(value, int):
        return Constant(kind, value)
    return builder.trunc(value.raw, kind) if isinstance(value, Word) and kind is not i64 else value.raw
