"""Types and constants of LLVM IR, as the text that they are."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Final, TypeAlias

from compiler.backends.llvm.jit.untyped import binding

SPLAT_SINCE: Final = 19
"""The LLVM release whose text form knows `splat (float 1.0)`, many times shorter to parse."""


class Type:
    """A type. Equal ones are one object: `integer` and `vector_of` make each once.

    `count` is how many lanes it has, 0 for a scalar, `element` the type of a lane, for a scalar the type
    itself, and `width` the bits of an integer.
    """

    __slots__ = ("count", "element", "text", "width")

    def __init__(self, text: str, width: int = 0, element: Type | None = None, count: int = 0) -> None:
        self.text, self.width, self.element, self.count = text, width, element or self, count

    def __str__(self) -> str:
        return self.text


@cache
def integer(width: int) -> Type:
    """The type of integers of so many bits."""
    return Type(f"i{width}", width)


@cache
def vector_of(element: Type, count: int) -> Type:
    """The type of vectors of so many lanes."""
    return Type(f"<{count} x {element}>", 0, element, count)


i1, i8, i32, i64 = map(integer, (1, 8, 32, 64))
f16, f32, f64 = Type("half"), Type("float"), Type("double")
pointer, void = Type("ptr"), Type("void")

Number: TypeAlias = int | float


class Value:
    """What an instruction takes: its type, and what it is called in the text of its function."""

    __slots__ = ("name", "type")

    def __init__(self, kind: Type, name: str) -> None:
        self.type, self.name = kind, name

    def __str__(self) -> str:
        return f"{self.type.text} {self.name}"


class Constant(Value):
    """A number, or numbers lane by lane."""

    __slots__ = ("number",)

    def __init__(self, kind: Type, number: Number | Sequence[Number], text: str | None = None) -> None:
        super().__init__(kind, _text(kind, number) if text is None else text)
        self.number = number


class Nothing(Value):
    """Zero in every bit, or what may hold any."""

    __slots__ = ()


@cache
def zero(kind: Type) -> Value:
    """Zero, in every lane: false, a null pointer."""
    return Nothing(kind, "null" if kind is pointer else "zeroinitializer")


@cache
def undefined(kind: Type) -> Value:
    """Whatever there is."""
    return Nothing(kind, "undef")


@cache
def numbers_of(element: Type, *items: int) -> Constant:
    """A vector of these numbers."""
    return Constant(vector_of(element, len(items)), items)


def splatted(one: Constant, lanes: int) -> Constant:
    """A constant in every lane, in the short form where LLVM's text has it."""
    short = binding.llvm_version_info[0] >= SPLAT_SINCE
    text = f"splat ({one})" if short else f"<{', '.join([str(one)] * lanes)}>"
    return Constant(vector_of(one.type, lanes), one.number, text)


def _text(kind: Type, number: Number | Sequence[Number]) -> str:
    if isinstance(number, Sequence):
        return f"<{', '.join(f'{kind.element.text} {_text(kind.element, one)}' for one in number)}>"
    if kind is f64:
        return _bits(number)
    return _bits(*struct.unpack("f", struct.pack("f", number))) if kind is f32 else str(number)


def _bits(number: float) -> str:
    """A float to the last bit; LLVM writes those of 32 bits as if they had 64."""
    return "0x" + struct.pack(">d", number).hex()
