"""Numbers of fewer than 32 bits, which registers hold as int32: integers as they are, halves as patterns.

Conversions round to the nearest, of two to the even one; what is too large becomes infinite, and a NaN stays
one, made quiet, with the first bits of its payload. Where no instruction converts halves, integer operations
do, with the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from compiler.ir.types import BFLOAT16, FLOAT16, FLOAT32, INT32, UINT8, DType
from compiler.loops.language import Literal
from compiler.loops.mathematics.words import Lanes, Operand

Words: TypeAlias = Callable[[DType], Lanes]
"""The words of some lanes of a dtype."""

_SIGN: Final = 0x8000
_INFINITE: Final = 0x7C00
_QUIET: Final = 0x0200
_WIDE_INFINITE: Final = 0x7F800000
_WIDE_QUIET: Final = 0x00400000
_REBIASED: Final = (127 - 15) << 23
"""What the exponent of a float32 has more than that of a float16 of the same number, in its place."""

_LEAST_NORMAL: Final = _REBIASED + (1 << 23)
"""The pattern of 2^-14 as a float32."""

_HALF: Final = 126 << 23
"""The pattern of 0.5 as a float32."""


def in_register(dtype: DType) -> DType:
    """The dtype of values in registers that are elements of a dtype in memory."""
    return INT32 if dtype.is_storage else dtype


def literal_in_register(item: Literal) -> Literal:
    """A literal of any dtype as registers hold it."""
    if not item.dtype.is_storage or item.dtype.is_integer:
        return Literal(item.text, in_register(item.dtype))
    with np.errstate(over="ignore"):
        number = np.float32(item.value)
        if item.dtype is FLOAT16:
            return Literal.of(int(number.astype(np.float16).view(np.uint16)), INT32)
    bits = int(number.view(np.uint32))
    rounded = bits >> 16 | 0x40 if np.isnan(number) else bits + 0x7FFF + (bits >> 16 & 1) >> 16
    return Literal.of(rounded, INT32)


def converted(words: Words, given: DType, wanted: DType, x: Operand) -> Operand:
    """A value of a dtype in another, as registers hold both, by way of the dtypes that compute for them."""
    if given is wanted:
        return x
    found = words(wanted.compute).cast(_widened(words, given, x))
    return _narrowed(words, wanted, found)


def _widened(words: Words, given: DType, x: Operand) -> Operand:
    """What a register holds as a number in the dtype that computes for it."""
    if given is BFLOAT16:
        return words(FLOAT32).from_bits(words(INT32).shl(x, 16))
    if given is FLOAT16:
        converts = words(INT32).machine.converts_halves
        return words(FLOAT32).from_half(x) if converts else _from_half(words, x)
    return x


def _narrowed(words: Words, wanted: DType, x: Operand) -> Operand:
    """A number of the dtype that computes for another as registers hold it in that."""
    m = words(INT32)
    if wanted is BFLOAT16:
        return _to_bfloat16(words, x)
    if wanted is FLOAT16:
        return words(FLOAT32).half(x) if m.machine.converts_halves else _to_half(words, x)
    if wanted is UINT8:
        return m.and_(x, 0xFF)
    if wanted.is_storage:
        unused = 32 - 8 * wanted.size
        return m.ashr(m.shl(x, unused), unused)
    return x


def _to_bfloat16(words: Words, x: Operand) -> Operand:
    """The upper half of a float32, rounded by what the lower half adds to it."""
    m, bits = words(INT32), words(FLOAT32).bits(x)
    rounded = m.add(bits, m.add(m.and_(m.lshr(bits, 16), 1), 0x7FFF))
    quiet = m.or_(bits, _WIDE_QUIET)
    return m.lshr(m.select(words(FLOAT32).is_nan(x), quiet, rounded), 16)


def _to_half(words: Words, x: Operand) -> Operand:
    """The pattern of the float16 nearest to a float32.

    Below 2^-14, 0.5 is added as a float, whose last place is then that of the result: its own rounding
    is the one that is wanted.
    """
    f, m = words(FLOAT32), words(INT32)
    bits = f.bits(x)
    size = m.and_(bits, 0x7FFFFFFF)
    odd = m.and_(m.lshr(size, 13), 1)
    normal = m.lshr(m.sub(m.add(size, m.add(odd, 0xFFF)), _REBIASED), 13)
    small = m.sub(f.bits(f.add(f.from_bits(size), 0.5)), _HALF)
    found = m.select(m.lt(size, _LEAST_NORMAL), small, m.select(m.lt(normal, _INFINITE), normal, _INFINITE))
    payload = m.and_(m.lshr(size, 13), _INFINITE - 1)
    found = m.select(f.is_nan(x), m.or_(payload, _INFINITE | _QUIET), found)
    return m.or_(found, m.and_(m.lshr(bits, 16), _SIGN))


def _from_half(words: Words, x: Operand) -> Operand:
    """The float32 of a float16's pattern; small ones are whole multiples of 2^-24."""
    f, m = words(FLOAT32), words(INT32)
    size = m.and_(x, _SIGN - 1)
    moved = m.shl(size, 13)
    small = f.bits(f.mul(f.cast(size), 2.0**-24))
    infinite = m.or_(moved, _WIDE_INFINITE)
    special = m.select(m.lt(_INFINITE, size), m.or_(infinite, _WIDE_QUIET), infinite)
    found = m.select(m.lt(size, 1 << 10), small, m.add(moved, _REBIASED))
    found = m.select(m.lt(size, _INFINITE), found, special)
    return f.from_bits(m.or_(found, m.shl(m.and_(x, _SIGN), 16)))
