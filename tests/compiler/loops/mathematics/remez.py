"""Best rational approximation in a weighted maximum norm, by the Remez exchange; needs mpmath only.

Solve for the coefficients and the levelled error on a reference of alternating points, move the reference
to the extrema of the error, repeat until both agree (E. W. Cheney, "Introduction to Approximation Theory",
1966, chapters 3 and 5). For a quotient the levelled error enters as a product with the denominator;
Newton's method solves that, and a short interval, where Chebyshev's points are a good reference, is grown
to the whole one.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

mpmath: Any = importlib.import_module("mpmath")  # ships no types

Real = Any  # mpmath.mpf
Function = Callable[[Real], Real]
Solution = tuple[list[Real], list[Real], Real]  # P, Q, constant terms first, and an error

EXCHANGES = 40
NEWTON_STEPS = 30
SAMPLES_PER_EXTREMUM = 24
SHORT = 0.3  # the part of the interval on which a quotient starts
GROWTH = 1.2


@dataclass(frozen=True)
class Fit:
    """P/Q close to `target` on [low, high]: P of degree `degree`, Q of `denominator` with constant term 1.

    The error is measured times `weight(x)`; without a weight it is the relative error. `leading`, when
    given, is P's constant term, so that the value at 0 is exact; it is then not fitted.
    """

    target: Function
    low: Real
    high: Real
    degree: int
    denominator: int = 0
    weight: Function | None = None
    leading: Real | None = None


def remez(fit: Fit) -> Solution:
    """P's and Q's coefficients, constant term first, and the largest weighted error.

    Raises:
        ArithmeticError: the exchange lost an extremum or did not settle: the degrees do not suit.
    """
    points = _chebyshev(fit, fit.degree + fit.denominator + (2 if fit.leading is None else 1))
    part, width = SHORT if fit.denominator else 1.0, fit.high - fit.low
    points = [fit.low + (x - fit.low) * part for x in points]
    while part < 1.0:
        *_, points = _exchange(replace(fit, high=fit.low + width * part), points, 2.0)
        grown = min(part * GROWTH, 1.0)
        points = [fit.low + (x - fit.low) * grown / part for x in points]
        part = grown
    return _exchange(fit, points, 1.02)[:3]


def horner(coefficients: list[Real], x: Real) -> Real:
    """The polynomial whose constant term comes first."""
    total = mpmath.mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def _chebyshev(fit: Fit, count: int) -> list[Real]:
    """`count` Chebyshev points, a little askew so that none is the middle, where a weight may be 0."""
    points = [(1 - mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * count))) / 2 for i in range(count)]
    return [fit.low + (fit.high - fit.low) * u ** mpmath.mpf("1.03") for u in points]


def _weight(fit: Fit, x: Real) -> Real:
    return fit.weight(x) if fit.weight else 1 / fit.target(x)


def _newton_step(fit: Fit, points: list[Real], bottom: list[Real], error: Real) -> Solution:
    """One step towards P - (target + s E / weight) Q = 0 with alternating s on `points`, from Q and E."""
    first = 0 if fit.leading is None else 1
    rows: list[list[Real]] = []
    right: list[Real] = []
    for i, x in enumerate(points):
        level = (-1) ** i / _weight(fit, x)
        shifted, slope = fit.target(x) + error * level, level * horner(bottom, x)
        row = [x**j for j in range(first, fit.degree + 1)]
        rows.append([*row, *(-shifted * x**j for j in range(1, fit.denominator + 1)), -slope])
        right.append(shifted - slope * error - (fit.leading or 0))
    *solution, levelled = mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix(right))
    top = [mpmath.mpf(fit.leading or 0)] * first + solution[: fit.degree + 1 - first]
    return top, [mpmath.mpf(1), *solution[fit.degree + 1 - first :]], levelled


def _levelled(fit: Fit, points: list[Real], bottom: list[Real], error: Real) -> Solution:
    """Step until the error stands still; once is enough for a polynomial."""
    top: list[Real] = []
    for _ in range(NEWTON_STEPS if fit.denominator else 1):
        before = error
        top, bottom, error = _newton_step(fit, points, bottom, error)
        if abs(error - before) <= abs(error) / 10**6:
            break
    return top, bottom, error


def _exchange(
    fit: Fit, points: list[Real], tolerance: float
) -> tuple[list[Real], list[Real], Real, list[Real]]:
    """P, Q, the largest weighted error, and the reference that levels it to within `tolerance`."""
    bottom, error = [mpmath.mpf(1)], mpmath.mpf(0)
    for _ in range(EXCHANGES):
        top, bottom, error = _levelled(fit, points, bottom, error)
        grid = _between(sorted({fit.low, *points, fit.high}))
        errors = [(x, (horner(top, x) / horner(bottom, x) - fit.target(x)) * _weight(fit, x)) for x in grid]
        largest = max(abs(e) for _, e in errors)
        moved = _extrema(errors, len(points))
        if len(moved) < len(points):
            raise ArithmeticError(f"{len(moved)} alternations where {len(points)} are needed")
        if largest <= abs(error) * tolerance:
            return top, bottom, largest, moved
        points = moved
    raise ArithmeticError("the exchange did not settle")


def _between(points: list[Real]) -> Iterator[Real]:
    """A fine grid through sorted points."""
    for a, b in itertools.pairwise(points):
        for i in range(SAMPLES_PER_EXTREMUM):
            yield a + (b - a) * i / SAMPLES_PER_EXTREMUM
    yield points[-1]


def _extrema(errors: list[tuple[Real, Real]], count: int) -> list[Real]:
    """`count` alternating extrema of the sampled error, dropping the smaller end while there are too many."""
    best: list[tuple[Real, Real]] = []
    for x, e in errors:
        if not best or (e > 0) != (best[-1][1] > 0):
            best.append((x, e))
        elif abs(e) > abs(best[-1][1]):
            best[-1] = (x, e)
    while len(best) > count:
        best.pop(0 if abs(best[0][1]) < abs(best[-1][1]) else -1)
    return [x for x, _ in best]
