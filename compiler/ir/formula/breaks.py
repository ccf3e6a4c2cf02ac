"""Where a formula switches: the arguments at which a comparison, maximum, minimum, abs or sign jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from compiler.ir.formula.atoms import BREAKING
from compiler.ir.formula.precise import evaluate_precisely, moved, mpmath_context, sample_points
from compiler.ir.formula.tape import Formula, Tape

_DIGITS = 50


def break_points(formula: Formula, parameter: int) -> list[list[Any]]:
    """Points at which an atom of the formula switches, along one parameter with the others held fixed."""
    base = next(sample_points(len(formula.parameters)))
    found: list[Any] = []
    for gap in _gaps(formula):
        roots = _roots(lambda x, gap=gap: evaluate_precisely(gap, moved(base, parameter, x)))
        found += [root for root in roots if root not in found]
    return [moved(base, parameter, root) for root in sorted(found)]


def _gaps(formula: Formula) -> Iterator[Formula]:
    """For each switching line, the function whose zeros are where it switches."""
    for line in formula.lines:
        if line.atom in BREAKING:
            tape = Tape(formula.parameters)
            tape.lines = list(formula.lines)
            sides = line.arguments
            yield tape.finish("gap", tape.emit("sub", *sides) if len(sides) == 2 else sides[0])


def _grid() -> list[Any]:
    """Points that bracket switches: dense to 30, then by powers of 2 to a million. None is a round number."""
    mp = mpmath_context()
    far = [mp.mpf(2) ** k for k in range(5, 21)]
    near = [mp.mpf(k) / 3 for k in range(-90, 91)]
    return [x + mp.mpf("0.01") for x in (*(-x for x in reversed(far)), *near, *far)]


def _roots(gap: Callable[[Any], Any | None]) -> Iterator[Any]:
    grid = _grid()
    values = [gap(x) for x in grid]
    for left, right, a, b in zip(grid, grid[1:], values, values[1:], strict=False):
        if a is not None and b is not None and a * b <= 0 and a != b:
            yield _bisect(gap, left, right)


def _bisect(function: Callable[[Any], Any | None], low: Any, high: Any) -> Any:
    mp = mpmath_context()
    start = function(low)
    for _ in range(540):
        middle = (low + high) / 2
        value = function(middle)
        if value == 0:
            return middle
        low, high = (middle, high) if value is not None and value * start > 0 else (low, middle)
    nearby = mp.nint(low * 5040) / 5040  # most switches lie at small rationals
    return nearby if abs(nearby - low) < mp.mpf(10) ** -_DIGITS else low
