"""Atoms of a few instructions that mean what NumPy's functions mean."""

from __future__ import annotations

from compiler.loops.language import Literal, Value
from compiler.loops.mathematics.words import Lanes, Operand


def maximum(m: Lanes, a: Operand, b: Operand) -> Operand:
    """Return the larger, NaN if either is NaN, and a where they are equal: of (-0, +0), -0."""
    if not m.dtype.is_float:
        return m.select(m.ge(a, b), a, b)
    return _keep_nan(m, b, m.select(m.gt(b, a), b, a))


def minimum(m: Lanes, a: Operand, b: Operand) -> Operand:
    """Return the smaller, NaN if either is NaN, and a where they are equal."""
    if not m.dtype.is_float:
        return m.select(m.le(a, b), a, b)
    return _keep_nan(m, b, m.select(m.lt(b, a), b, a))


def _keep_nan(m: Lanes, b: Operand, chosen: Operand) -> Operand:
    """Replace `chosen`, which is a where either is NaN, by b where b is NaN."""
    return m.select(m.is_nan(b), b, chosen)


def sign(m: Lanes, x: Operand) -> Operand:
    """Return 1, -1, or +0 for either zero; NaN for NaN."""
    below = m.select(m.lt(x, 0), -1, m.add(x, 0) if m.dtype.is_float else 0)
    return m.select(m.gt(x, 0), 1, below)


def zmul(m: Lanes, a: Operand, b: Operand) -> Operand:
    """Return a*b, but 0 where a is 0, whatever b is."""
    return m.select(m.eq(a, 0.0), 0.0, m.mul(a, b)) if m.dtype.is_float else m.mul(a, b)


def magnitude(m: Lanes, x: Operand) -> Operand:
    """Return |x|; that of the smallest integer is itself."""
    return m.abs(x) if m.dtype.is_float else m.select(m.lt(x, 0), m.sub(0, x), x)


def negative(m: Lanes, x: Operand) -> Operand:
    """Return -x."""
    return m.neg(x) if m.dtype.is_float else m.sub(0, x)


def copysign(m: Lanes, x: Operand, y: Operand) -> Operand:
    """Return |x| with the sign of y, which a zero has too."""
    return m.with_sign_of(y, x)


def is_nan(m: Lanes, x: Operand) -> Operand:
    """Whether x is NaN, which only floats can be."""
    return m.is_nan(x) if m.dtype.is_float else m.truths.operand(False)


def left_shift(m: Lanes, x: Operand, count: Operand) -> Operand:
    """Return x moved by bits to the left; 0 for as many as it has, and more, and for fewer than none."""
    width = 8 * m.dtype.size
    if isinstance(count, Literal):
        return m.shl(x, count) if 0 <= count.value < width else m.and_(x, 0)
    return m.select(m.below(count, width), m.shl(x, m.and_(count, width - 1)), 0)


def right_shift(m: Lanes, x: Operand, count: Operand) -> Operand:
    """Return x moved by bits to the right, its sign from the left; the sign alone where a left shift is 0."""
    last = 8 * m.dtype.size - 1
    if isinstance(count, Literal):
        return m.ashr(x, count if 0 <= count.value < last else last)
    return m.ashr(x, m.select(m.below(count, last), count, last))


def place(m: Lanes, first: Operand, *others: Operand) -> Operand:
    """Return the row-major position of indices: place(i, j, n, k, l) = (i * n + j) * l + k.

    What is a scalar is computed as one, before it meets a vector.
    """
    total, scalars = first, m.wide(0)
    for index, extent in zip(others[::2], others[1::2], strict=True):
        words = m if any(isinstance(x, Value) and x.lanes for x in (total, extent)) else scalars
        product = words.mul(words.splat(total), words.splat(extent))
        words = m if any(isinstance(x, Value) and x.lanes for x in (product, index)) else scalars
        total = words.add(words.splat(product), words.splat(index))
    return m.splat(total)


def fms(m: Lanes, a: Operand, b: Operand, c: Operand) -> Operand:
    """Return a*b - c, rounded once where the machine fuses."""
    return m.fma(a, b, m.neg(c))
