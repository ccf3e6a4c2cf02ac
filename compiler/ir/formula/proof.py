"""Evidence for a derived formula: agreement with the function itself at 50 digits, by mpmath.

The slope of a function is measured by a central difference at 150 digits with a step of 1e-40, whose error is
below 1e-70, so nothing that sympy did is used to judge what sympy did.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from compiler.errors import FormulaError
from compiler.ir.formula.atoms import BREAKING
from compiler.ir.formula.tape import Formula, Tape

POINTS: Final = 40
"""How many points of its domain a derived formula must agree at, besides every break point."""

_DIGITS, _STEP, _TOLERANCE, _ROUNDED_TOLERANCE, _ONE_SIDED = 150, 40, 50, 13, 12
_SCALES = (0.03, 0.4, 1.0, 2.5, 7.0, 18.0)


@cache
def _mpmath() -> Any:
    import mpmath  # comes with sympy and is as seldom needed

    context = mpmath.MPContext()
    context.dps = _DIGITS
    return context


@cache
def _table() -> dict[str, Callable[..., Any]]:
    mp = _mpmath()
    root_half = mp.sqrt(mp.mpf(1) / 2)
    return {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y,
        "neg": lambda x: -x,
        "pow": lambda x, y: _real(mp.power(x, y)),
        "zmul": lambda x, y: x * y,
        "stop": lambda x: x,
        "abs": abs,
        "sign": mp.sign,
        "floor": mp.floor,
        "ceil": mp.ceil,
        "round": mp.nint,
        "maximum": max,
        "minimum": min,
        "lt": lambda x, y: x < y,
        "le": lambda x, y: x <= y,
        "gt": lambda x, y: x > y,
        "ge": lambda x, y: x >= y,
        "eq": lambda x, y: x == y,
        "ne": lambda x, y: x != y,
        "isnan": mp.isnan,
        "and": lambda x, y: x and y,
        "or": lambda x, y: x or y,
        "xor": lambda x, y: x != y,
        "not": lambda x: not x,
        "where": lambda c, x, y: _pick(c, x, y),
        "sqrt": lambda x: _real(mp.sqrt(x)),
        "exp": mp.exp,
        "expm1": mp.expm1,
        "log": lambda x: _real(mp.log(x)),
        "log1p": lambda x: _real(mp.log1p(x)),
        "sin": mp.sin,
        "cos": mp.cos,
        "tanh": mp.tanh,
        "sech2": lambda x: mp.sech(x) ** 2,
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
        "softplus": lambda x: mp.log1p(mp.exp(x)),
        "erf": mp.erf,
        "erfc": mp.erfc,
        "normcdf": lambda x: mp.erfc(-x * root_half) / 2,
        "normpdf": lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi),
    }


class _Undefined(ArithmeticError):
    """The function has no real value at the point."""


def _real(value: Any) -> Any:
    if _mpmath().im(value) != 0:
        raise _Undefined
    return value


def _pick(condition: Any, chosen: Any, other: Any) -> Any:
    return chosen if condition else other


Exact: TypeAlias = Mapping[float, str]
"""What some literals were before they were rounded to floats, in decimals.

A literal to which two different numbers were rounded stands for itself; agreement is then asked to 13 digits.
"""


def evaluate_precisely(
    formula: Formula,
    arguments: Sequence[Any],
    exact: Exact = {},
    table: Mapping[str, Callable[..., Any]] | None = None,
) -> Any | None:
    """The formula's value at 150 digits, or None where it (or a part of it) is no finite real number.

    A float literal means its shortest decimal, `pi` and what is in `exact` mean themselves.
    """
    mp = _mpmath()
    try:
        value = formula.evaluate(table or _table(), list(arguments), lambda literal: _precise(literal, exact))
    except (ArithmeticError, ValueError):
        return None
    return value if mp.isfinite(value) else None


def _precise(value: Any, exact: Exact) -> Any:
    mp = _mpmath()
    if isinstance(value, bool):
        return value
    return +mp.pi if value == math.pi else mp.mpf(exact.get(value, repr(value)))


def sample_points(count: int) -> Iterator[list[Any]]:
    """An endless, fixed, well-spread sequence of points (Kronecker's, by the golden ratio's powers) of both signs."""
    mp = _mpmath()
    ratio = (mp.sqrt(5) - 1) / 2
    number = 0
    while True:
        number += 1
        scale = _SCALES[number % len(_SCALES)]
        yield [scale * (2 * mp.frac(number * ratio ** (k + 1)) - 1) for k in range(count)]


def disproof_of_partial(
    formula: Formula, parameter: int, partial: Formula, exact: Exact = {}
) -> str | None:
    """Why `partial` is not the derivative of `formula` by a parameter; None if it agrees everywhere asked.

    Raises FormulaError if the function has real values at too few points to tell.
    """
    mp = _mpmath()
    is_rounded = any(repr(literal) == digits for literal, digits in exact.items())
    tolerance = _ROUNDED_TOLERANCE if is_rounded else _TOLERANCE
    for point in _domain(formula, parameter):
        slope, value = _slope(formula, parameter, point), evaluate_precisely(partial, point, exact)
        if slope is not None and (value is None or not _close(value, slope, tolerance)):
            shown = ", ".join(mp.nstr(item, 6) for item in point)
            return f"at ({shown}) it is {_show(value)} and the slope is {_show(slope)}"
    for point in break_points(formula, parameter):
        reason = _disproof_at_break(formula, parameter, partial, point, exact)
        if reason is not None:
            return reason
    return None


def agree(left: Formula, right: Formula, exact: Exact = {}) -> bool:
    """Whether two formulas of the same parameters have equal values at `POINTS` points where both are real."""
    compared = 0
    points = sample_points(len(left.parameters))
    for _ in range(10 * POINTS):
        point = next(points)
        values = evaluate_precisely(left, point), evaluate_precisely(right, point, exact)
        if values == (None, None):
            continue
        if None in values or not _close(*values, _TOLERANCE):
            return False
        compared += 1
        if compared == POINTS:
            return True
    return False


def break_points(formula: Formula, parameter: int) -> list[list[Any]]:
    """Points at which an atom of the formula switches, found along one parameter with the others held fixed."""
    base = next(sample_points(len(formula.parameters)))
    found: list[list[Any]] = []
    for gap in _gaps(formula):
        found += _roots(gap, parameter, base)
    return found


def _gaps(formula: Formula) -> Iterator[Formula]:
    """For each switching line, the function whose zeros are where it switches."""
    for line in formula.lines:
        if line.atom in BREAKING:
            tape = Tape(formula.parameters)
            tape.lines = list(formula.lines)
            sides = line.arguments
            yield tape.finish("gap", tape.emit("sub", *sides) if len(sides) == 2 else sides[0])


def _roots(gap: Formula, parameter: int, base: list[Any]) -> list[list[Any]]:
    mp = _mpmath()
    grid = [mp.mpf(k) / 3 + mp.mpf("0.01") for k in range(-90, 91)]
    moved = [[*base[:parameter], x, *base[parameter + 1 :]] for x in grid]
    values = [evaluate_precisely(gap, point) for point in moved]
    roots: list[list[Any]] = []
    for left, right, a, b in zip(grid, grid[1:], values, values[1:], strict=False):
        if a is None or b is None or a * b > 0 or a == b:
            continue
        root = _bisect(lambda x: evaluate_precisely(gap, [*base[:parameter], x, *base[parameter + 1 :]]), left, right)
        roots.append([*base[:parameter], root, *base[parameter + 1 :]])
    return roots


def _bisect(function: Callable[[Any], Any], low: Any, high: Any) -> Any:
    mp = _mpmath()
    start = function(low)
    for _ in range(480):
        middle = (low + high) / 2
        value = function(middle)
        if value == 0:
            return middle
        low, high = (middle, high) if value is not None and value * start > 0 else (low, middle)
    nearby = mp.nint(low * 5040) / 5040  # most switches lie at small rationals
    return nearby if abs(nearby - low) < mp.mpf(10) ** -_TOLERANCE else low


def _domain(formula: Formula, parameter: int) -> Iterator[list[Any]]:
    points, accepted = sample_points(len(formula.parameters)), 0
    for _ in range(12 * POINTS):
        point = next(points)
        if _slope(formula, parameter, point) is not None:
            accepted += 1
            yield point
        if accepted == POINTS:
            return
    if accepted < POINTS // 2:
        raise FormulaError(
            f"{formula.name} has a real slope at {accepted} of {12 * POINTS} points tried; "
            "its derivative cannot be verified"
        )


def _slope(formula: Formula, parameter: int, point: list[Any], left: int = 1, right: int = 1) -> Any | None:
    """The central (or one-sided) difference, with what stands in `stop` held at its value at the point."""
    step = _mpmath().mpf(10) ** -_STEP
    low, high = list(point), list(point)
    low[parameter] -= left * step
    high[parameter] += right * step
    held: list[Any] = []
    centre = _evaluate_holding(formula, point, lambda value: held.append(value) or value)
    values = [_evaluate_holding(formula, moved, _replay(held)) for moved in (low, high)]
    if centre is None or None in values:
        return None
    return (values[1] - values[0]) / ((left + right) * step)


def _replay(held: Sequence[Any]) -> Callable[[Any], Any]:
    values = iter(held)
    return lambda _: next(values)


def _evaluate_holding(formula: Formula, point: Sequence[Any], stop: Callable[[Any], Any]) -> Any | None:
    if all(line.atom != "stop" for line in formula.lines):
        return evaluate_precisely(formula, point)
    return evaluate_precisely(formula, point, table=_table() | {"stop": stop})


def _disproof_at_break(
    formula: Formula, parameter: int, partial: Formula, point: list[Any], exact: Exact
) -> str | None:
    sides = [_slope(formula, parameter, point, 1, 0), _slope(formula, parameter, point, 0, 1)]
    mp, value = _mpmath(), evaluate_precisely(partial, point, exact)
    limit = mp.mpf(10) ** (_STEP // 2)
    if None in sides or any(abs(side) > limit for side in sides):
        return None  # no value or a jump: no derivative to agree with
    slack = mp.mpf(10) ** -_ONE_SIDED * (1 + max(map(abs, sides)))
    if value is not None and min(sides) - slack <= value <= max(sides) + slack:
        return None
    shown = ", ".join(mp.nstr(item, 6) for item in point)
    return f"at the break point ({shown}) it is {_show(value)}, not between the one-sided slopes"


def _close(left: Any, right: Any, digits: int) -> bool:
    mp = _mpmath()
    if isinstance(left, bool) or isinstance(right, bool):
        return bool(left == right)
    return bool(abs(left - right) <= mp.mpf(10) ** -digits * max(1, abs(left), abs(right)))


def _show(value: Any) -> str:
    return "no real number" if value is None else _mpmath().nstr(value, 8)

