"""One arithmetic for scalars and vectors: the words in which the mathematics is written.

A Python number stands for the literal in every lane. Nothing depends on the number of lanes, so a scalar tail
has the bits of the body.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, DType
from compiler.loops.language import Carry, If, Literal, Value
from compiler.loops.machine import Machine
from compiler.loops.mathematics.coefficients import COEFFICIENTS
from compiler.loops.writing import Writer

Operand: TypeAlias = Value | Literal
"""An operand that is no count any more."""

Word: TypeAlias = Operand | float | int
"""An operand, or a Python number for the same literal in every lane."""

TRUE: Final = Literal.of(True, BOOL)

_NUMBERS: Final[Mapping[DType, dict[float, Literal]]] = {dtype: {} for dtype in DType}
"""Literals of numbers that are not 0, of which there are two."""


@dataclass(frozen=True)
class Format:
    """A binary interchange format of IEEE 754: widths in bits."""

    width: int
    mantissa: int

    @property
    def bias(self) -> int:
        return (1 << (self.width - self.mantissa - 2)) - 1

    @property
    def largest(self) -> float:
        return 2.0**self.bias * (2.0 - 2.0**-self.mantissa)

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)

    @property
    def sign(self) -> int:
        """Return the bit of the sign, as a signed integer."""
        return -(1 << (self.width - 1))

    @property
    def exponent_mask(self) -> int:
        """Return sign and exponent, as a signed integer."""
        return -(1 << self.mantissa)

    def bits(self, number: float) -> int:
        """Return the pattern of `number` as an unsigned integer."""
        code = "<f" if self.width == 32 else "<d"
        return int.from_bytes(struct.pack(code, number), "little")


_FORMATS: Final = {FLOAT32: Format(32, 23), FLOAT64: Format(64, 52)}

LONG: Final = 10
LEADING: Final = 3
"""The coefficients of a polynomial that is long, and of those the ones whose roundings reach its value."""


class Lanes:
    """Records arithmetic of one dtype on `lanes` numbers at once (0: on one scalar)."""

    def __init__(self, writer: Writer, machine: Machine, dtype: DType, lanes: int) -> None:
        self.writer, self.machine, self.dtype, self.lanes = writer, machine, dtype, lanes
        self._literals = _NUMBERS[dtype]

    @property
    def format(self) -> Format:
        """How the numbers are written, where they are floats."""
        return _FORMATS[self.dtype]

    @property
    def coefficients(self) -> Mapping[str, tuple[float, ...]]:
        """The coefficients for the dtype, where it is a float."""
        return COEFFICIENTS[self.dtype.value]

    def of(self, dtype: DType) -> Lanes:
        """The words of as many lanes of another dtype."""
        return self if dtype is self.dtype else Lanes(self.writer, self.machine, dtype, self.lanes)

    def wide(self, lanes: int) -> Lanes:
        """The words of another number of lanes."""
        return Lanes(self.writer, self.machine, self.dtype, lanes)

    @cached_property
    def integers(self) -> Lanes:
        """The words of integers as wide as the floats."""
        return self.of(INT32 if self.dtype is FLOAT32 else INT64)

    @cached_property
    def truths(self) -> Lanes:
        """The words of truth values."""
        return self.of(BOOL)

    def operand(self, word: Word) -> Operand:
        """A word as an operand."""
        if isinstance(word, Value | Literal):
            return word
        found = self._literals.get(word) if word else None
        if found is None:
            found = self._literals[word] = Literal.of(word, self.dtype)
        return found

    def _same(self, atom: str, *words: Word) -> Value:
        return self.writer.let(atom, self.dtype, *map(self.operand, words), lanes=self.lanes)

    def _truth(self, atom: str, *words: Word) -> Value:
        return self.writer.let(atom, BOOL, *map(self.operand, words), lanes=self.lanes)

    def add(self, a: Word, b: Word) -> Value:
        return self._same("add", a, b)

    def sub(self, a: Word, b: Word) -> Value:
        return self._same("sub", a, b)

    def mul(self, a: Word, b: Word) -> Value:
        return self._same("mul", a, b)

    def div(self, a: Word, b: Word) -> Value:
        return self._same("div", a, b)

    def rem(self, a: Word, b: Word) -> Value:
        """Return what is left of integers when a is divided by b, which is not 0, with the sign of a."""
        return self._same("rem", a, b)

    def neg(self, a: Word) -> Value:
        return self._same("neg", a)

    def abs(self, a: Word) -> Value:
        return self._same("abs", a)

    def floor(self, a: Word) -> Value:
        return self._same("floor", a)

    def ceil(self, a: Word) -> Value:
        return self._same("ceil", a)

    def round(self, a: Word) -> Value:
        return self._same("round", a)

    def sqrt(self, a: Word) -> Value:
        return self._same("sqrt", a)

    def and_(self, a: Word, b: Word) -> Value:
        return self._same("and", a, b)

    def or_(self, a: Word, b: Word) -> Value:
        return self._same("or", a, b)

    def xor(self, a: Word, b: Word) -> Value:
        return self._same("xor", a, b)

    def not_(self, a: Word) -> Value:
        return self._same("not", a)

    def shl(self, a: Word, b: Word) -> Value:
        return self._same("shl", a, b)

    def lshr(self, a: Word, b: Word) -> Value:
        return self._same("lshr", a, b)

    def ashr(self, a: Word, b: Word) -> Value:
        return self._same("ashr", a, b)

    def below(self, a: Word, b: Word) -> Value:
        """Whether a < b, both read as unsigned."""
        return self._truth("ult", a, b)

    def fma(self, a: Word, b: Word, c: Word) -> Value:
        """Return a*b + c, rounded once where the machine fuses and twice where it does not."""
        return self._same("fma", a, b, c) if self.machine.has_fma else self.add(self.mul(a, b), c)

    def horner(self, coefficients: Sequence[float], x: Operand) -> Operand:
        """Evaluate the polynomial whose constant term comes first; two coefficients at least."""
        return self._added(coefficients[:-2], x, self.fma(x, coefficients[-1], coefficients[-2]))

    def polynomial(self, coefficients: Sequence[float], x: Operand) -> Operand:
        """Evaluate the same where the lowest terms lead: these by Horner's rule, and it rounds as that does.

        If it is long, the others are grouped, so that few steps wait for each other: float64 takes 0.85 of
        the time.
        """
        if len(coefficients) < LONG:
            return self.horner(coefficients, x)
        square = self.mul(x, x)
        others = self.grouped(coefficients[LEADING:], x, square, self.mul(square, square))
        return self._added(coefficients[:LEADING], x, others)

    def _added(self, coefficients: Sequence[float], x: Operand, total: Operand) -> Operand:
        """Return a polynomial of which a part, divided by a power of x, is known."""
        for c in reversed(coefficients):
            total = self.fma(x, total, c)
        return total

    def grouped(self, coefficients: Sequence[float], x: Operand, square: Operand, fourth: Operand) -> Operand:
        """Evaluate a polynomial given x, x^2 and x^4, constant term first.

        Neighbours are joined by x, then by x^2, the rest by Horner's rule in x^4 (after G. Estrin,
        "Organization of computer systems", 1960). Horner's rule alone would round once a coefficient where
        the highest terms lead, and wait for each.
        """
        terms = [self.operand(c) for c in coefficients]
        for power in (x, square):
            joined = [self.fma(power, high, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
            terms = [*joined, *terms[len(joined) * 2 :]]
        total = terms[-1]
        for term in reversed(terms[:-1]):
            total = self.fma(fourth, total, term)
        return total

    def with_sign_of(self, x: Operand, magnitude: Word) -> Value:
        """Return |magnitude| with the sign of x."""
        return self._same("copysign", magnitude, x)

    def lt(self, a: Word, b: Word) -> Value:
        return self._truth("lt", a, b)

    def le(self, a: Word, b: Word) -> Value:
        return self._truth("le", a, b)

    def gt(self, a: Word, b: Word) -> Value:
        return self._truth("gt", a, b)

    def ge(self, a: Word, b: Word) -> Value:
        return self._truth("ge", a, b)

    def eq(self, a: Word, b: Word) -> Value:
        return self._truth("eq", a, b)

    def ne(self, a: Word, b: Word) -> Value:
        return self._truth("ne", a, b)

    def not_below(self, a: Word, b: Word) -> Value:
        """Whether a >= b, or either is NaN."""
        return self._truth("uge", a, b)

    def has_sign(self, a: Operand) -> Value:
        """Whether the bit of the sign is set, as in -0; a blend of vectors reads it without a comparison."""
        return self.integers.lt(self.bits(a), 0)

    def is_nan(self, a: Operand) -> Value:
        return self._truth("isnan", a)

    def select(self, condition: Operand, a: Word, b: Word) -> Value:
        return self._same("where", condition, a, b)

    def at_least(self, x: Operand, bound: float) -> Value:
        """Return max(x, bound), and NaN for NaN: a comparison with it is false and keeps x."""
        return self.select(self.gt(bound, x), bound, x)

    def at_most(self, x: Operand, bound: float) -> Value:
        """Return min(x, bound), and NaN for NaN."""
        return self.select(self.lt(bound, x), bound, x)

    def if_any(
        self, condition: Value, given: Sequence[Operand], make: Callable[[], Sequence[Operand]]
    ) -> list[Operand]:
        """Return what `make` writes where a lane of `condition` is true, which is rare, else `given`."""
        writer = self.writer
        asked = writer.let("any", BOOL, condition) if condition.lanes else condition
        with writer.block() as body:
            made = make()
        pairs = [(Value(item.dtype, self.lanes), Value(item.dtype, self.lanes)) for item in made]
        carried = tuple(
            Carry(inside, first, following, after)
            for (inside, after), first, following in zip(pairs, given, made, strict=True)
        )
        writer.write(If(asked, tuple(body), carried=carried))
        return [after for _, after in pairs]

    def bits(self, x: Operand) -> Value:
        return self.writer.let("bits", self.integers.dtype, x, lanes=self.lanes)

    def half(self, x: Operand) -> Value:
        """Return the pattern of the float16 nearest to a float32, on a machine that converts them."""
        return self.writer.let("half", INT32, x, lanes=self.lanes)

    def from_half(self, n: Operand) -> Value:
        """Return the float32 of a float16's pattern, on a machine that converts them."""
        return self.writer.let("from_half", FLOAT32, n, lanes=self.lanes)

    def from_bits(self, n: Operand) -> Value:
        return self.writer.let("from_bits", self.dtype, n, lanes=self.lanes)

    def splat(self, x: Operand) -> Operand:
        """Return a scalar in every lane; a vector is that already."""
        is_scalar = self.lanes and isinstance(x, Value) and not x.lanes
        return self.writer.let("splat", self.dtype, x, lanes=self.lanes) if is_scalar else x

    def cast(self, x: Operand) -> Operand:
        """Return a value of another dtype in this one, as NumPy converts it."""
        if x.dtype is self.dtype:
            return x
        if self.dtype is BOOL:
            return self.of(x.dtype).ne(x, 0)
        return self.writer.let("cast", self.dtype, x, lanes=self.lanes)

    @property
    def scales(self) -> bool:
        """Whether the lanes fill registers of a machine whose instructions scale and take masks."""
        return self.machine.scales and self.lanes * self.dtype.size in (16, 32, 64, 128, 256)

    def scalef(self, x: Operand, k: Operand, where: Operand | None) -> Value:
        """Return x * 2^k, and 0 where not `where`."""
        return self._same("scalef", TRUE if where is None else where, x, k)

    def getmant(self, x: Operand) -> Value:
        return self._same("getmant", x)

    def getexp(self, x: Operand) -> Value:
        return self._same("getexp", x)
