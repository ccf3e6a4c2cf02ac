"""Evidence for a derived formula: agreement with the function itself at 50 digits.

The slope of a function is measured by differences at 150 digits (`precise.py`), so nothing that sympy did is
used to judge what sympy did.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from compiler.errors import FormulaError
from compiler.ir.formula.breaks import break_points
from compiler.ir.formula.precise import (
    NOTHING,
    Exact,
    close,
    evaluate_precisely,
    mpmath_context,
    sample_points,
    shown,
    slope_at,
)  # fmt: skip
from compiler.ir.formula.tape import Formula

POINTS: Final = 40
"""How many points of its domain a derived formula must agree at, besides every break point."""

TOLERANCE: Final = 50
"""Digits to which it must agree."""

_ROUNDED_TOLERANCE, _ONE_SIDED = 13, 12
_FARTHER: Final = 10**10
"""How many times as long the step is that a one-sided slope must not depend on."""


def disproof_of_partial(
    formula: Formula, parameter: int, partial: Formula, exact: Exact = NOTHING
) -> str | None:
    """Why `partial` is not the derivative of `formula` by a parameter; None if it agrees everywhere asked.

    Raises FormulaError if the function has real values at too few points to tell.
    """
    is_rounded = any(repr(literal) == digits for literal, digits in exact.items())
    tolerance = _ROUNDED_TOLERANCE if is_rounded else TOLERANCE
    for point, slope in _domain(formula, parameter):
        value = evaluate_precisely(partial, point, exact)
        if value is None or not close(value, slope, tolerance):
            return f"at ({shown(point)}) it is {shown([value], 8)} and the slope is {shown([slope], 8)}"
    for point in break_points(formula, parameter):
        reason = _disproof_at_break(formula, parameter, partial, point, exact)
        if reason is not None:
            return reason
    return None


def agree(left: Formula, right: Formula, exact: Exact = NOTHING) -> bool:
    """Whether two formulas of the same parameters are equal at `POINTS` points where both are real."""
    compared = 0
    points = sample_points(len(left.parameters))
    for _ in range(10 * POINTS):
        point = next(points)
        one, other = evaluate_precisely(left, point), evaluate_precisely(right, point, exact)
        if one is None and other is None:
            continue
        if one is None or other is None or not close(one, other, TOLERANCE):
            return False
        compared += 1
        if compared == POINTS:
            return True
    return False


def _domain(formula: Formula, parameter: int) -> Iterator[tuple[list[Any], Any]]:
    """Points at which the formula has a slope, with it."""
    points, accepted = sample_points(len(formula.parameters)), 0
    for _ in range(12 * POINTS):
        point = next(points)
        if (slope := slope_at(formula, parameter, point)) is not None:
            accepted += 1
            yield point, slope
        if accepted == POINTS:
            return
    if accepted < POINTS // 2:
        raise FormulaError(
            f"{formula.name} has a real slope at {accepted} of {12 * POINTS} points tried; "
            "its derivative cannot be verified"
        )


def _disproof_at_break(
    formula: Formula, parameter: int, partial: Formula, point: list[Any], exact: Exact
) -> str | None:
    left, right = (_one_sided_slope(formula, parameter, point, *side) for side in ((1, 0), (0, 1)))
    ten, value = mpmath_context().mpf(10), evaluate_precisely(partial, point, exact)
    if left is None or right is None:
        return None
    slack = ten**-_ONE_SIDED * (1 + max(abs(left), abs(right)))
    if value is not None and min(left, right) - slack <= value <= max(left, right) + slack:
        return None
    return f"at the break point ({shown(point)}) it is {shown([value], 8)}, not between the one-sided slopes"


def _one_sided_slope(formula: Formula, parameter: int, point: list[Any], left: int, right: int) -> Any | None:
    """The slope on one side; None where there is none: no value, a jump, or a tangent that is vertical."""
    near = slope_at(formula, parameter, point, left, right)
    far = slope_at(formula, parameter, point, _FARTHER * left, _FARTHER * right)
    return near if near is not None and far is not None and close(near, far, _ONE_SIDED) else None
