"""The inverse of the error function: x (sqrt(pi) / 2 + x^2 P / Q) up to 0.85, a quotient of the tail beyond.

P / Q is a quotient in what x^2 lacks of 0.7226, the tail's in sqrt(-log((1 - x) / 2)): pieces after M.
Wichura, "Algorithm AS 241: the percentage points of the normal distribution" (Applied Statistics 37, 1988).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from compiler.loops.mathematics.gammas import quotient
from compiler.loops.mathematics.logarithms import log
from compiler.loops.mathematics.words import Lanes, Operand

_NEAR: Final = 0.85
_END: Final = 0.7226
"""From this squares are taken, a little beyond the last one."""
_SHIFT: Final = 1.6
"""What is taken from the root of the logarithm."""


def erfinv(m: Lanes, x: Operand) -> Operand:
    """Return the number whose erf is x: infinite at -1 and 1, NaN beyond, -0 of -0."""
    a = m.abs(x)
    square = m.mul(x, x)
    near = m.mul(x, m.fma(square, quotient(m, "erfinv_near", m.sub(_END, square)), math.sqrt(math.pi) / 2))
    is_far = m.gt(a, _NEAR)

    def with_far() -> Sequence[Operand]:
        """The tail (1 - a) / 2 leaves no rounding."""
        tail = m.mul(m.sub(1.0, a), 0.5)
        root = m.sqrt(m.neg(log(m, tail)))
        far = quotient(m, "erfinv_far", m.sub(root, _SHIFT))
        far = m.select(m.eq(a, 1.0), math.inf, far)
        return [m.select(is_far, m.with_sign_of(x, far), near)]

    return m.if_any(is_far, [near], with_far)[0]
