"""What values are in C: their types, literals, halves of what is wider than a register, splats and casts.

A truth value is 0 or 1; in a vector it is 0 or -1 in every lane, an integer as wide as what was compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from compiler.ir.types import (
    BFLOAT16,
    BOOL,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    DType,
)
from compiler.loops.language import Literal

_ELEMENTS: Final[Mapping[DType, str]] = {
    BOOL: "i32",
    INT32: "i32",
    INT64: "i64",
    FLOAT32: "f32",
    FLOAT64: "f64",
}
IN_MEMORY: Final[Mapping[DType, str]] = {
    BOOL: "truth8",
    UINT8: "u8",
    INT8: "i8",
    INT16: "i16",
    FLOAT16: "u16",
    BFLOAT16: "u16",
}
"""The types of elements that are others in memory than in registers."""

_SIZES: Final = {"f32": 4, "i32": 4, "f64": 8, "i64": 8}


@dataclass(frozen=True, slots=True)
class Type:
    """Numbers in lanes; 0 lanes are a scalar, and so is one."""

    element: str
    lanes: int = 0

    @property
    def name(self) -> str:
        """As C calls it: `f32x16`, or `f32`."""
        return f"{self.element}x{self.lanes}" if self.lanes else self.element

    @property
    def size(self) -> int:
        """The bytes of an element."""
        return _SIZES[self.element]

    @property
    def half(self) -> Type:
        """Half as many lanes."""
        return vector(self.element, self.lanes // 2)

    @property
    def truth(self) -> Type:
        """The truths of comparisons of such."""
        return Type(f"i{8 * self.size}" if self.lanes else "i32", self.lanes)


def vector(element: str, lanes: int) -> Type:
    """The type of some lanes."""
    return Type(element, lanes if lanes > 1 else 0)


def type_of(dtype: DType, lanes: int) -> Type:
    """The type of numbers of a dtype; of truths, the narrow one."""
    return vector(_ELEMENTS[dtype], lanes)


@dataclass(frozen=True, slots=True)
class Term:
    """An operand: the text of a C expression that needs no brackets, and its type."""

    text: str
    type: Type
    is_literal: bool = False
    halves: tuple[Term, Term] | None = None
    """Of what is made of halves, these."""


Make: TypeAlias = Callable[[Type, Sequence[Term]], str]
"""An expression of a type in registers."""


@dataclass(frozen=True)
class Registers:
    """The words of a machine whose registers have so many bytes."""

    vector_bytes: int

    def is_wide(self, kind: Type) -> bool:
        """Whether a vector is a pair of halves."""
        return kind.lanes * kind.size > self.vector_bytes

    def pieces(self, kind: Type, terms: Sequence[Term], make: Make) -> Term:
        """An expression, made of those of both halves where one of its types is wider than a register."""
        if not any(map(self.is_wide, (kind, *(term.type for term in terms)))):
            return Term(make(kind, terms), kind)
        low, high = (
            self.pieces(kind.half, [self.part(term, is_high=is_high) for term in terms], make)
            for is_high in (False, True)
        )
        return self.joined(kind, low, high)

    def joined(self, kind: Type, low: Term, high: Term) -> Term:
        """A vector of two halves."""
        if self.is_wide(kind):
            return Term(f"({kind.name}){{{low.text}, {high.text}}}", kind, halves=(low, high))
        return Term(f"join_{kind.name}({low.text}, {high.text})", kind)

    def part(self, term: Term, *, is_high: bool) -> Term:
        """A half of a vector; a scalar stands for itself."""
        if not term.type.lanes:
            return term
        if term.halves is not None:
            return term.halves[is_high]
        name = "high" if is_high else "low"
        text = f"{term.text}.{name}" if self.is_wide(term.type) else f"{name}_{term.type.name}({term.text})"
        return Term(text, term.type.half)

    def spread(self, term: Term, kind: Type) -> Term:
        """A literal or a scalar in every lane of a vector; anything else as it is."""
        if term.type.lanes or not kind.lanes:
            return term
        return self.pieces(Type(term.type.element, kind.lanes), [term], _splat)

    def cast(self, term: Term, element: str) -> Term:
        """Numbers in other ones, as C and NumPy convert."""
        if term.type.element == element:
            return term
        kind = Type(element, term.type.lanes)
        return self.pieces(kind, [term], _cast) if kind.lanes else Term(f"({kind.name}){term.text}", kind)

    def truth(self, term: Term, kind: Type) -> Term:
        """A truth as wide as those of comparisons of a type."""
        if term.type.lanes:
            return self.cast(term, kind.truth.element)
        return self.spread(replace(term, type=Type(kind.truth.element)), kind.truth)


def literal(item: Literal, lanes: int) -> Term:
    """A literal. A truth beside vectors is what it is in their lanes."""
    kind = Type(_ELEMENTS[item.dtype])
    if item.dtype.is_float:
        return Term(_float(float(item.text), item.dtype), kind, is_literal=True)
    value = int(item.text)
    if item.dtype is BOOL and lanes:
        value = -value
    return Term(_integer(value, item.dtype), kind, is_literal=True)


def _splat(kind: Type, terms: Sequence[Term]) -> str:
    return f"splat_{kind.name}({terms[0].text})"


def _cast(kind: Type, terms: Sequence[Term]) -> str:
    (term,) = terms
    return f"{kind.name}_of_{term.type.name}({term.text})"


def _float(value: float, dtype: DType) -> str:
    """The shortest decimals that read back to the same bits of the dtype."""
    number = np.float32(value) if dtype is FLOAT32 else np.float64(value)
    if np.isnan(number):
        return "NAN"
    if np.isinf(number):
        return "INFINITY" if number > 0 else "-INFINITY"
    text = repr(float(number)) if dtype is FLOAT64 else str(number)
    return text + "f" if dtype is FLOAT32 else text


def _integer(value: int, dtype: DType) -> str:
    """The least integer has no literal of its own."""
    bits = 8 * dtype.size - 1
    if dtype is not BOOL and value == -(1 << bits):
        return f"(-{(1 << bits) - 1}{'LL' if bits > 31 else ''} - 1)"
    return f"{value}LL" if abs(value) > 2**31 - 1 else str(value)
