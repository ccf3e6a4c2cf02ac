"""What rounding does to a saved form: which values are exact on any backend, and how far float32 is off."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from compiler.ir.formula import single
from compiler.ir.formula.atoms import ATOMS, COMPARISONS, Rounding
from compiler.ir.formula.precise import (
    Exact,
    evaluate_anywhere,
    evaluate_precisely,
    mpmath_context,
    precise_literal,
    slope_at,
    table,
)  # fmt: skip
from compiler.ir.formula.tape import Formula
from compiler.ir.types import Scalar

_ALLOWED = 2.0**-19
"""32 units in the last place of float32, for the slope or, where it is below 1, for 1."""
_NEAR = 2.0**-19
"""How close to a break point, relative to it, the slope on either side of it will do."""
_LARGEST = 2.0**127
_SATURATED = (0.3, 0.7, 1.5, 2.5, 5.0, 9.0, 17.0, 40.0, 88.0)


class _Tracked(NamedTuple):
    """A number at 150 digits, and whether every backend computes exactly it."""

    value: Any
    exact: bool


def is_exact_at(formula: Formula, x: Any, *, known: bool = True) -> bool:
    """Whether every backend computes the formula's value at `x` without rounding, in float32 and float64.

    Unless `known`, x is any number nearby: then the value must not depend on it.
    """
    argument = _Tracked(x, known and to_float32(x) == x)
    rules = {atom: _tracked(atom, function) for atom, function in table().items()}
    try:
        return formula.evaluate(rules, [argument], _literal).exact
    except (ArithmeticError, ValueError):
        return False


def _literal(value: Scalar) -> _Tracked:
    number = precise_literal(value)
    return _Tracked(number, isinstance(value, bool) or to_float32(number) == number)


def _tracked(atom: str, function: Callable[..., Any]) -> Callable[..., _Tracked]:
    """The evaluation of an atom that tracks exactness."""

    def evaluate(*items: _Tracked) -> _Tracked:
        value = function(*(item.value for item in items))
        return _Tracked(value, _is_exact(atom, items, value))

    if atom == "where":
        return _pick
    return _extreme(function) if atom in ("maximum", "minimum") else evaluate


def _is_exact(atom: str, items: Sequence[_Tracked], value: Any) -> bool:
    if atom in COMPARISONS:
        return all(item.exact for item in items) or _differ(*items)
    if atom in ("mul", "zmul", "div") and any(item == (0, True) for item in items):
        return True
    if not all(item.exact for item in items):
        return False
    if isinstance(value, bool):
        return True
    return (ATOMS[atom].rounding is not Rounding.CLOSE or items[0].value == 0) and to_float32(value) == value


def _pick(condition: _Tracked, chosen: _Tracked, other: _Tracked) -> _Tracked:
    value = chosen if condition.value else other
    return _Tracked(value.value, value.exact and condition.exact)


def _extreme(function: Callable[..., Any]) -> Callable[..., _Tracked]:
    def evaluate(x: _Tracked, y: _Tracked) -> _Tracked:
        if not _differ(x, y):
            return _Tracked(x.value, x.exact and y.exact)
        return x if function(x.value, y.value) == x.value else y

    return evaluate


def _differ(x: _Tracked, y: _Tracked) -> bool:
    return bool(abs(x.value - y.value) > _NEAR * max(abs(x.value), abs(y.value)))


def to_float32(value: Any) -> Any | None:
    """The nearest number of float32, as a number of 150 digits; None beyond its range."""
    mp = mpmath_context()
    if not mp.isfinite(value) or abs(value) >= _LARGEST:
        return None
    return mp.mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


class Deviation(NamedTuple):
    """An argument, the slope there, and what the saved form makes of the value in float32."""

    x: Any
    slope: Any
    got: Any | None


def deviation_in_float32(
    formula: Formula, saved: Formula, breaks: Sequence[Any], exact: Exact
) -> Deviation | None:
    """Where the form, given the value rounded to float32, is off by more than 32 units in the last place."""
    for x in _grid(breaks):
        y, slope = evaluate_precisely(formula, [x]), slope_at(formula, 0, [x])
        rounded = None if y is None else to_float32(y)
        if rounded is None or slope is None or abs(slope) >= _LARGEST:
            continue
        got = evaluate_anywhere(saved, [rounded], exact)
        if got is None or not abs(got - slope) <= _ALLOWED * max(1, abs(slope)):
            return Deviation(x, slope, got)
    return None


def _grid(breaks: Sequence[Any]) -> Iterator[Any]:
    mp = mpmath_context()
    sizes = [*(mp.mpf(2) ** k for k in range(-120, 15, 5)), *map(mp.mpf, _SATURATED)]
    for x in [*sizes, *(-size for size in sizes)]:
        if all(abs(x - point) >= _NEAR * abs(point) for point in breaks):
            yield x
    for point in breaks:
        yield from (point * (1 - _NEAR), point * (1 + _NEAR)) if point else ()


class Loss(NamedTuple):
    """The most that rounding the value and all lines of a form costs, in the units of `single`, and where."""

    units: float
    x: float


def loss_in_float32(
    formula: Formula, partial: Formula, saved: Formula, breaks: Sequence[Any], exact: Exact
) -> Loss:
    """What a form loses where the slope is a normal number of float32."""
    worst = Loss(0.0, 0.0)
    for size in single.sizes():
        for x in (size, -size):
            y, slope = evaluate_precisely(formula, [x]), evaluate_precisely(partial, [x])
            is_near = any(abs(x - point) <= _NEAR * abs(point) for point in breaks)
            if is_near or y is None or slope is None or single.is_faint(slope) or abs(slope) >= _LARGEST:
                continue
            got = single.in_float32(saved, [single.rounded(y)])
            off = single.largest() if got is None else abs(got - slope)
            units = float(off / single.unit(partial, 0, [x], slope, exact))
            worst = max(worst, Loss(units, float(x)))
    return worst
