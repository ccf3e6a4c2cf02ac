"""Powers: of integers, and of floats with small literal exponents as NumPy computes them."""

from __future__ import annotations

from compiler.loops.language import Literal
from compiler.loops.mathematics.words import Lanes, Operand


def power(m: Lanes, base: Operand, exponent: Operand) -> Operand:
    """Return base^exponent."""
    if not m.dtype.is_float:
        return _of_integers(m, base, exponent)
    known = _known_power(m, base, exponent.value) if isinstance(exponent, Literal) else None
    return m.pow(base, exponent) if known is None else known


def _known_power(m: Lanes, base: Operand, exponent: float) -> Operand | None:
    """A power with a small exponent; None for any other."""
    if exponent == 1.0:
        return base
    if exponent == 0.5:
        return m.sqrt(base)
    if exponent == -1.0:
        return m.div(1.0, base)
    if exponent not in (2.0, 3.0, 4.0):
        return None
    square = m.mul(base, base)
    return square if exponent == 2.0 else m.mul(square, base if exponent == 3.0 else square)


def _of_integers(m: Lanes, base: Operand, exponent: Operand) -> Operand:
    """Square and multiply over the exponent's bits, modulo 2^n as integers are."""
    total: Operand = m.operand(1)
    for bit in range(m.dtype.size * 8 - 1):
        is_set = m.ne(m.and_(m.lshr(exponent, bit), 1), 0)
        total = m.select(is_set, m.mul(total, base), total)
        base = m.mul(base, base)
    return total
