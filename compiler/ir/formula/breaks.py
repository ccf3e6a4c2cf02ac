"""Where a formula switches: the arguments at which a comparison, maximum, minimum, abs or sign jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from compiler.ir.formula.atoms import BREAKING
from compiler.ir.formula.precise import evaluate_precisely, moved, mpmath_context, sample_points
from compiler.ir.formula.tape import Formula, Tape

_DIGITS, _BISECTIONS = 50, 540
_SEARCH_DIGITS, _SEARCH_STEPS = 20, 120


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
    known = [(x, value) for x in _grid() if (value := gap(x)) is not None]
    known += [(x, value) for x in _dips(gap, known) if (value := gap(x)) is not None]
    known.sort()
    yield from (x for x, value in known if value == 0)
    for (low, before), (high, after) in pairwise(known):
        if before * after < 0:
            yield bisect(gap, low, high)


def _dips(gap: Callable[[Any], Any | None], known: Sequence[tuple[Any, Any]]) -> Iterator[Any]:
    """Where a gap comes nearest to 0 between three points of one sign, beyond which two switches may hide."""
    for (low, a), (_, b), (high, c) in zip(known, known[1:], known[2:], strict=False):
        if abs(b) < min(abs(a), abs(c)) and a * b > 0 and b * c > 0:
            yield _nearest_to_zero(gap, low, high)


def _nearest_to_zero(gap: Callable[[Any], Any | None], low: Any, high: Any) -> Any:
    """By ternary search, for a gap that has one dip between the ends."""
    sign, best = (1 if (gap(low) or 0) > 0 else -1), low
    for _ in range(_SEARCH_STEPS):
        third = (high - low) / 3
        left, right = low + third, high - third
        falls = sign * (gap(left) or 0) > sign * (gap(right) or 0)
        low, high = (left, high) if falls else (low, right)
        best = _small_rational((low + high) / 2, _SEARCH_DIGITS)
    return best


def bisect(function: Callable[[Any], Any | None], low: Any, high: Any) -> Any:
    """The argument at which a function changes its sign; a small rational if one is within 1e-50."""
    start = function(low)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        value = function(middle)
        if value == 0:
            return middle
        low, high = (middle, high) if value is not None and value * start > 0 else (low, middle)
    return _small_rational(low, _DIGITS)


def _small_rational(x: Any, digits: int) -> Any:
    """The number, or a fraction close to it: most switches lie at small rationals."""
    mp = mpmath_context()
    nearby = mp.nint(x * 5040) / 5040
    return nearby if abs(nearby - x) < mp.mpf(10) ** -digits else x
