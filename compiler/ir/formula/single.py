"""float32's arithmetic on numbers of mpmath: what rounding every line of a formula makes of its value.

An error counts in units: one of the last place of the exact value, plus what one in the last place of the
argument changes. Nobody who is given the argument rounded can be asked for less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from compiler.ir.formula.precise import (
    Exact,
    evaluate_precisely,
    moved,
    mpmath_context,
    precise_literal,
    table,
)
from compiler.ir.formula.tape import Formula

_MANTISSA, _LOWEST, _TOP = 24, -149, 128
"""float32: the bits of a number, the exponent of the smallest one, and that of what is infinite."""

_STEP: Final = 12
"""Every so many exponents one number of either sign is tried."""

_NEAR: Final = (0.1, 0.3, 0.7, 1.1, 1.7, 2.6, 4.1, 6.3, 8.8, 11, 14, 17, 30, 60, 85)
"""Sizes at which functions bend and saturate; numbers of both signs are tried."""

GOAL: Final = 4
"""Units by which a slope may be off."""

_ENOUGH: Final = 30
"""Digits of a value that is rounded to float32."""


def largest() -> Any:
    """The largest number of float32."""
    return (2 - mpmath_context().mpf(2) ** (1 - _MANTISSA)) * mpmath_context().mpf(2) ** (_TOP - 1)


def in_float32(formula: Formula, point: list[Any]) -> Any | None:
    """The value with every line rounded to float32, overflow and underflow included."""
    atoms = {name: _rounding(function) for name, function in table().items()}
    try:
        with mpmath_context().workdps(_ENOUGH):
            return formula.evaluate(atoms, point, lambda value: rounded(precise_literal(value)))
    except (ArithmeticError, ValueError):
        return None


def _rounding(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: rounded(function(*arguments))


def rounded(value: Any) -> Any:
    """The nearest number of float32, or infinity; conditions as they are."""
    mp = mpmath_context()
    if isinstance(value, bool) or not mp.isfinite(value):
        return value
    if abs(value) < mp.mpf(2) ** (2 - _TOP):
        return mp.ldexp(mp.nint(mp.ldexp(value, -_LOWEST)), _LOWEST)
    near = mp.mpf(value, prec=_MANTISSA)
    return near if abs(near) <= largest() else mp.sign(near) * mp.inf


def last_place(value: Any) -> Any:
    """The distance of float32's numbers at a value."""
    mp = mpmath_context()
    exponent = mp.frexp(value)[1] - _MANTISSA if value else _LOWEST
    return mp.mpf(2) ** max(exponent, _LOWEST)


def unit(formula: Formula, parameter: int, point: list[Any], value: Any, exact: Exact) -> Any:
    """The unit in which errors of a formula count at a point where it has a value."""
    step = last_place(point[parameter])
    ends = [moved(point, parameter, point[parameter] + side * step) for side in (1, -1)]
    above, below = (evaluate_precisely(formula, end, exact) for end in ends)
    change = 0 if above is None or below is None else abs(above - below) / 2
    return last_place(value) + change


def is_faint(value: Any) -> bool:
    """Whether a value is below float32's normal numbers, where few digits are left."""
    return bool(abs(value) < mpmath_context().mpf(2) ** (2 - _TOP))


def sizes() -> list[Any]:
    """Positive numbers of float32 of all exponents, the largest first, then those at which functions bend."""
    mp = mpmath_context()
    anywhere = (mp.mpf(2) ** exponent for exponent in range(_TOP - 1, _LOWEST, -_STEP))
    return [largest(), *anywhere, *(rounded(mp.mpf(number)) for number in _NEAR)]
