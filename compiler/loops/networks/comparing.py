"""What the comparators of a network put in order: elements, or elements with their places.

    values      x                                          as they are
    keys        order(x)                                   as integers
    packed      order(x) << 32 | place                     of elements of 32 bits, one integer
    pairs       order(x), place                            of elements of 64 bits

`order` is an integer that stands to others as the elements do: the bits of a float, those of a negative one
turned, and inverted where the order descends. NaN is the greatest, of one sign and payload, and zeros are
equal. No two elements with their places are equal, so every order of them is that of a stable sort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np

from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, DType
from compiler.loops.language import Literal, Number, Value
from compiler.loops.ways import Way

Item: TypeAlias = tuple[Value, ...]
"""Vectors that move together."""

INTEGERS: Final = {FLOAT32: INT32, FLOAT64: INT64}
"""The integers that are as wide as floats."""


class Kind(Protocol):
    """What an item is made of, and how two of them compare."""

    @property
    def dtypes(self) -> tuple[DType, ...]:
        """Of the parts of an item."""
        ...

    @property
    def last(self) -> tuple[Literal, ...]:
        """An item that no other one comes behind."""
        ...

    @property
    def instructions(self) -> float:
        """Of a comparator."""
        ...

    @property
    def layers(self) -> int:
        """How many layers of a network are walked over at once."""
        ...

    def made(self, x: Value, place: Number) -> Item:
        """The item of elements of a column."""
        ...

    def exchanged(self, a: Item, b: Item) -> tuple[Item, Item]:
        """Both, the one that comes first before the other."""
        ...

    def result(self, item: Item) -> Value:
        """What is stored of an item."""
        ...

    def is_nan(self, item: Item) -> Value | None:
        """In which lanes the element is NaN; None where it never is."""
        ...


def _ends(dtype: DType, descending: bool) -> Literal:
    """The last number of a dtype in an order of numbers."""
    if dtype.is_float:
        return Literal.of(-np.inf if descending else np.inf, dtype)
    limits = np.iinfo(dtype.numpy)
    return Literal.of(int(limits.min if descending else limits.max), dtype)


def in_order(way: Way, dtype: DType, descending: bool, x: Value) -> Value:
    """Integers in the order of elements, as wide as they are."""
    if dtype.is_float:
        integer = INTEGERS[dtype]
        zero, nan = (Literal.of(number, dtype) for number in (0.0, np.nan))
        x = way.let("where", way.let("eq", x, zero, dtype=BOOL), zero, x, dtype=dtype)
        x = way.let("where", way.let("isnan", x, dtype=BOOL), nan, x, dtype=dtype)
        bits = way.let("bits", x, dtype=integer)
        x = _turned(way, bits)
    return way.let("not", x, dtype=x.dtype) if descending else x


def from_order(way: Way, dtype: DType, descending: bool, key: Value) -> Value:
    """The elements of integers in their order."""
    if descending:
        key = way.let("not", key, dtype=key.dtype)
    if not dtype.is_float:
        return key
    return way.let("from_bits", _turned(way, key), dtype=dtype)


def _turned(way: Way, bits: Value) -> Value:
    """Integers, of which those of negative ones but the sign are inverted; and back."""
    dtype = bits.dtype
    sign = way.let("ashr", bits, Literal.of(8 * dtype.size - 1, dtype), dtype=dtype)
    return way.let("xor", bits, way.let("and", sign, _ends(dtype, False), dtype=dtype), dtype=dtype)


def nan_in_order(dtype: DType, descending: bool) -> Literal:
    """Where NaN stands in the order of floats."""
    integer = INTEGERS[dtype]
    pattern = int(np.array(np.nan, dtype.numpy).view(integer.numpy))
    return Literal.of(~pattern if descending else pattern, integer)


@dataclass(frozen=True)
class Values:
    """Elements themselves; of NaN an infinity."""

    way: Way
    dtype: DType
    descending: bool
    instructions = 4.0
    layers = 3

    @property
    def dtypes(self) -> tuple[DType, ...]:
        return (self.dtype,)

    @property
    def last(self) -> tuple[Literal, ...]:
        return (_ends(self.dtype, self.descending),)

    def made(self, x: Value, place: Number) -> Item:
        if not self.dtype.is_float:
            return (x,)
        is_nan = self.way.let("isnan", x, dtype=BOOL)
        return (self.way.let("where", is_nan, Literal.of(np.inf, self.dtype), x, dtype=self.dtype),)

    def exchanged(self, a: Item, b: Item) -> tuple[Item, Item]:
        way, (one,), (other,) = self.way, a, b
        is_first = way.let("gt" if self.descending else "lt", one, other, dtype=BOOL)
        first = way.let("where", is_first, one, other, dtype=self.dtype)
        if self.dtype.is_float:
            return (first,), (way.let("where", is_first, other, one, dtype=self.dtype),)
        return (first,), (self._other(one, other, first),)

    def _other(self, one: Value, other: Value, first: Value) -> Value:
        """The one of two that is not the first; the maximum would wait for where the minimum is found."""
        both = self.way.let("xor", one, other, dtype=self.dtype)
        return self.way.let("xor", both, first, dtype=self.dtype)

    def result(self, item: Item) -> Value:
        return item[0]

    def is_nan(self, item: Item) -> Value | None:
        return self.way.let("isnan", item[0], dtype=BOOL) if self.dtype.is_float else None


@dataclass(frozen=True)
class _Placed:
    """Elements with their places."""

    way: Way
    dtype: DType
    descending: bool
    is_along: bool = False
    """Whether lanes hold neighbours of a row; else rows."""

    def _places(self, place: Number) -> Value:
        """Of elements, given that of the first lane's."""
        first, atom = self.way.writer.sum(place, 0), "lanes" if self.is_along else "splat"
        return self.way.writer.let(atom, INT64, first, lanes=self.way.lanes)

    def _is_nan(self, key: Value) -> Value | None:
        """In which lanes a key is that of NaN; None where it never is."""
        if not self.dtype.is_float:
            return None
        nan = nan_in_order(self.dtype, self.descending).value
        return self.way.let("eq", key, Literal.of(nan, key.dtype), dtype=BOOL)


class Keys(_Placed):
    """Elements as integers in their order, alone."""

    instructions = 4.0
    layers = 3

    @property
    def dtypes(self) -> tuple[DType, ...]:
        return (self.way.dtype,)

    @property
    def last(self) -> tuple[Literal, ...]:
        return (_ends(self.way.dtype, False),)

    def made(self, x: Value, place: Number) -> Item:
        return (in_order(self.way, self.dtype, self.descending, x),)

    def exchanged(self, a: Item, b: Item) -> tuple[Item, Item]:
        return Values(self.way, self.way.dtype, descending=False).exchanged(a, b)

    def result(self, item: Item) -> Value:
        return from_order(self.way, self.dtype, self.descending, item[0])

    def is_nan(self, item: Item) -> Value | None:
        return self._is_nan(item[0])


class Packed(Keys):
    """Elements of 32 bits above their places."""

    instructions = 5.0

    def made(self, x: Value, place: Number) -> Item:
        way = self.way
        key = way.let("cast", in_order(self.way, self.dtype, self.descending, x), dtype=INT64)
        above = way.let("shl", key, Literal.of(32, INT64), dtype=INT64)
        return (way.let("or", above, self._places(place), dtype=INT64),)

    def result(self, item: Item) -> Value:
        return self.way.let("and", item[0], Literal.of((1 << 32) - 1, INT64), dtype=INT64)

    def is_nan(self, item: Item) -> Value | None:
        key = self.way.let("ashr", item[0], Literal.of(32, INT64), dtype=INT64)
        return self._is_nan(key)


class Pairs(_Placed):
    """Elements of 64 bits beside their places."""

    instructions = 12.0
    layers = 2

    @property
    def dtypes(self) -> tuple[DType, ...]:
        return INT64, INT64

    @property
    def last(self) -> tuple[Literal, ...]:
        return _ends(INT64, False), _ends(INT64, False)

    def made(self, x: Value, place: Number) -> Item:
        return in_order(self.way, self.dtype, self.descending, x), self._places(place)

    def exchanged(self, a: Item, b: Item) -> tuple[Item, Item]:
        way = self.way
        is_less = way.let("lt", a[0], b[0], dtype=BOOL)
        is_equal = way.let("eq", a[0], b[0], dtype=BOOL)
        is_before = way.let("lt", a[1], b[1], dtype=BOOL)
        is_first = way.let("or", is_less, way.let("and", is_equal, is_before, dtype=BOOL), dtype=BOOL)
        first = tuple(way.let("where", is_first, *pair, dtype=INT64) for pair in zip(a, b, strict=True))
        second = tuple(way.let("where", is_first, *pair, dtype=INT64) for pair in zip(b, a, strict=True))
        return first, second

    def result(self, item: Item) -> Value:
        return item[1]

    def is_nan(self, item: Item) -> Value | None:
        return self._is_nan(item[0])
