"""Derive every coefficient of the vectorised mathematics and write `coefficients.py`.

Run as `python -m compiler.backends.llvm.fit_coefficients`; needs mpmath only.

Each table is the best approximation P/Q in the weighted maximum norm, found by the Remez exchange for rational
functions (W. J. Cody, "A survey of practical rational and polynomial approximation of functions", SIAM Review 12,
1970): solve for the coefficients and the levelled error on a reference of alternating points, move the reference to the
extrema of the error, repeat until they agree. All of it in 80 decimal digits; rounding to the dtype comes last.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mpmath

Real = Any  # mpmath.mpf, which has no type stubs
Function = Callable[[Real], Real]

DIGITS = 80
EXCHANGES = 40
SAMPLES_PER_EXTREMUM = 24
ROUNDING_TRIALS = 256
ROUNDING_POINTS = 1000


@dataclass(frozen=True)
class Fit:
    """One approximation: P(v)/Q(v) to `target(x)` for x in [low, high], where v is x, or x^2 if `odd`.

    The error is measured times `weight(x)`; without a weight it is the relative error. Q's constant term is 1.
    `leading`, when given, is P's constant term (so that a value at 0 is exact); it is then not fitted.
    """

    name: str
    target: Function
    low: Real
    high: Real
    numerator: int
    denominator: int = 0
    leading: Real | None = None
    weight: Function | None = None
    odd: bool = False
    start: Real = mpmath.mpf("0.3")
    growth: Real = mpmath.mpf("1.2")


def reference(fit: Fit, count: int) -> list[Real]:
    """Return `count` Chebyshev points of [low, high], a little askew so that none is the middle (a weight may be 0)."""
    points = [(1 - mpmath.cos(mpmath.pi * (2 * i + 1) / (2 * count))) / 2 for i in range(count)]
    return [fit.low + (fit.high - fit.low) * u ** mpmath.mpf("1.03") for u in points]


def weight_of(fit: Fit, x: Real) -> Real:
    return fit.weight(x) if fit.weight else 1 / fit.target(x)


def levelled(fit: Fit, points: list[Real], bottom: list[Real], error: Real) -> tuple[list[Real], list[Real], Real]:
    """Take one Newton step towards P - (f + s E / w) Q = 0 with alternating s on `points`, from Q and E."""
    first = 0 if fit.leading is None else 1
    rows, right = [], []
    for i, x in enumerate(points):
        v, f, level = (x * x if fit.odd else x), fit.target(x), (-1) ** i / weight_of(fit, x)
        shifted, slope = f + error * level, level * horner(bottom, v)
        row = [v**j for j in range(first, fit.numerator + 1)]
        row += [-shifted * v**j for j in range(1, fit.denominator + 1)]
        rows.append([*row, -slope])
        right.append(shifted - slope * error - (0 if fit.leading is None else fit.leading))
    solution = list(mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix(right)))
    split = fit.numerator + 1 - first
    fixed = [] if fit.leading is None else [mpmath.mpf(fit.leading)]
    return fixed + solution[:split], [mpmath.mpf(1), *solution[split:-1]], solution[-1]


def settle(fit: Fit, points: list[Real], bottom: list[Real], error: Real) -> tuple[list[Real], list[Real], Real]:
    """Iterate `levelled` until its error stands still (once is enough for a polynomial)."""
    top: list[Real] = []
    for _ in range(30):
        top, bottom, new = levelled(fit, points, bottom, error)
        still = abs(new - error) <= abs(new) / 10**6
        error = new
        if still or not fit.denominator:
            break
    return top, bottom, error


def horner(coefficients: list[Real], v: Real) -> Real:
    total = mpmath.mpf(0)
    for c in reversed(coefficients):
        total = total * v + c
    return total


def weighted_error(fit: Fit, top: list[Real], bottom: list[Real], x: Real) -> Real:
    v = (x * x if fit.odd else x)
    return (horner(top, v) / horner(bottom, v) - fit.target(x)) * weight_of(fit, x)


def between(points: list[Real]) -> Iterator[Real]:
    for a, b in zip(points, points[1:], strict=False):
        for i in range(SAMPLES_PER_EXTREMUM):
            yield a + (b - a) * i / SAMPLES_PER_EXTREMUM
    yield points[-1]


def extrema(errors: list[tuple[Real, Real]], count: int) -> list[Real]:
    """Return `count` alternating extrema of the sampled error, dropping the smaller end while there are too many."""
    best: list[tuple[Real, Real]] = []
    for x, e in errors:
        if not best or (e > 0) != (best[-1][1] > 0):
            best.append((x, e))
        elif abs(e) > abs(best[-1][1]):
            best[-1] = (x, e)
    while len(best) > count:
        best.pop(0 if abs(best[0][1]) < abs(best[-1][1]) else -1)
    return [x for x, _ in best]


def exchange(fit: Fit, points: list[Real], tolerance: Real) -> tuple[list[Real], list[Real], Real, list[Real]]:
    """Return P, Q, the largest weighted error and the reference it levels to within `tolerance`.

    Raises:
        ArithmeticError: the exchange lost an extremum or did not settle.
    """
    bottom, error, largest = [mpmath.mpf(1)], mpmath.mpf(0), mpmath.mpf(0)
    for _ in range(EXCHANGES):
        top, bottom, error = settle(fit, points, bottom, error)
        ends = sorted({fit.low, *points, fit.high})
        errors = [(x, weighted_error(fit, top, bottom, x)) for x in between(ends)]
        largest = max(abs(e) for _, e in errors)
        moved = extrema(errors, len(points))
        if len(moved) < len(points):
            raise ArithmeticError(f"{fit.name}: {len(moved)} alternations where {len(points)} are needed")
        if largest <= abs(error) * tolerance:
            return top, bottom, largest, moved
        points = moved
    raise ArithmeticError(f"{fit.name}: the exchange did not settle, {mpmath.nstr(largest, 3)}")


def remez(fit: Fit) -> tuple[list[Real], list[Real], Real]:
    """Return P's and Q's coefficients, constant term first, and the largest weighted error.

    A rational fit starts on a short interval, where Chebyshev's points are a good reference, and grows from there.
    """
    count = fit.numerator + fit.denominator + (2 if fit.leading is None else 1)
    points = reference(fit, count)
    width = fit.high - fit.low
    part = mpmath.mpf(1) if not fit.denominator else fit.start
    points = [fit.low + (x - fit.low) * part for x in points]
    while part < 1:
        shorter = replace(fit, high=fit.low + width * part)
        *_, points = exchange(shorter, points, mpmath.mpf(2))
        grown = min(part * fit.growth, mpmath.mpf(1))
        points = [fit.low + (x - fit.low) * grown / part for x in points]
        part = grown
    return exchange(fit, points, mpmath.mpf("1.02"))[:3]


def quotient(f: Function, at_zero: Real) -> Function:
    """Return f with its removable singularity at 0 filled, remembering values: the exchange asks for some again."""
    known: dict[Real, Real] = {0: mpmath.mpf(at_zero)}

    def filled(x: Real) -> Real:
        if x not in known:
            known[x] = f(x)
        return known[x]

    return filled


def exp_remainder(x: Real) -> Real:
    """Return (exp(x) - 1 - x) / x^2."""
    return (mpmath.expm1(x) - x) / x**2


def scaled_erfc(x: Real) -> Real:
    """Return exp(x^2) erfc(x)."""
    return mpmath.exp(x * x) * mpmath.erfc(x)


def normal_tail(x: Real) -> Real:
    """Return exp(x^2 / 2) times the normal distribution function at -x."""
    return scaled_erfc(x / mpmath.sqrt(2)) / 2


def artanh_remainder(z: Real) -> Real:
    """Return (2 artanh(s) / s - 2) / z for s^2 = z."""
    s = mpmath.sqrt(z)
    return (2 * mpmath.atanh(s) / s - 2) / z


def log1p_remainder(x: Real) -> Real:
    """Return (log(1 + x) - x) / x^2."""
    return (mpmath.log1p(x) - x) / x**2


@dataclass(frozen=True)
class Degrees:
    """How long each table is for one dtype, and where the saturating functions saturate."""

    exp: int
    expm1: int
    log1p_unit: int
    log: int
    tanh: tuple[int, int, str]
    erf: tuple[int, int, str]
    tail: tuple[int, int]
    erfc_limit: str
    normcdf_limit: str
    ln2_bits: int


DEGREES = {
    "float32": Degrees(4, 4, 8, 7, (4, 4, "9.02"), (5, 5, "3.93"), (4, 5), "10.2", "14.5", 16),
    "float64": Degrees(9, 9, 20, 6, (9, 9, "19.07"), (12, 12, "5.93"), (9, 10), "27.3", "38.75", 41),
}


def polynomial_fits(dtype: str, n: Degrees) -> dict[str, tuple[list[Real], Fit]]:
    """Return for each table the coefficients known beforehand and the fit that gives those after them."""
    half = mpmath.log(2) / 2 * mpmath.mpf("1.0001")
    remainder = quotient(exp_remainder, mpmath.mpf(1) / 2)
    log_fit = Fit(
        "log", quotient(log1p_remainder, -mpmath.mpf(1) / 2), -mpmath.mpf(1) / 4, mpmath.mpf(1) / 2, n.log,
        weight=lambda x: abs(x**2 / mpmath.log1p(x)) if x else mpmath.mpf(0),
    )  # fmt: skip
    if dtype == "float64":
        artanh = quotient(artanh_remainder, mpmath.mpf(2) / 3)
        log_fit = Fit("log", artanh, mpmath.mpf(0), mpmath.mpf("0.0400001"), n.log, weight=lambda z: z)
    return {
        "exp": ([1, 1], Fit("exp", remainder, -half, half, n.exp, weight=lambda x: x**2 / mpmath.exp(x))),
        "expm1": (
            [1],
            Fit(
                "expm1", remainder, -half, half, n.expm1,
                weight=lambda x: abs(x**2 / mpmath.expm1(x)) if x else mpmath.mpf(0),
            ),
        ),
        "log1p_unit": (
            [],
            Fit(
                "log1p_unit", quotient(lambda x: mpmath.log1p(x) / x, 1), mpmath.mpf(0), mpmath.mpf(1), n.log1p_unit,
                leading=1,
            ),
        ),
        "log": ([], log_fit),
    }  # fmt: skip


def rational_fits(n: Degrees) -> list[Fit]:
    """Return the fits P/Q; every coefficient of them turns out positive, so no sum cancels."""
    zero, root_pi = mpmath.mpf(0), mpmath.sqrt(mpmath.pi)
    tanh = quotient(lambda x: mpmath.tanh(x) / x, 1)
    erf = quotient(lambda x: mpmath.erf(x) / x, 2 / root_pi)
    return [
        Fit("tanh", tanh, zero, mpmath.mpf(n.tanh[2]), *n.tanh[:2], leading=1, odd=True),
        Fit("erf", erf, zero, mpmath.mpf(n.erf[2]), *n.erf[:2], odd=True, start=mpmath.mpf("0.5")),
        Fit("erfc", quotient(scaled_erfc, 1), zero, mpmath.mpf(n.erfc_limit), *n.tail, leading=1),
        Fit(
            "normcdf", quotient(normal_tail, mpmath.mpf(1) / 2), zero, mpmath.mpf(n.normcdf_limit), *n.tail,
            leading=mpmath.mpf(1) / 2,
        ),
    ]  # fmt: skip


def rounded(number: Real, dtype: str) -> float:
    """Return the nearest number of the dtype."""
    nearest = float(number)
    return nearest if dtype == "float64" else struct.unpack("<f", struct.pack("<f", nearest))[0]


def paired_horner(coefficients: list[float], v: float, square: float, dtype: str) -> float:
    """Evaluate as `Lanes.paired_horner` does without a fused multiply-add, in the arithmetic of the dtype."""

    def step(a: float, b: float, c: float) -> float:
        return rounded(rounded(a * b, dtype) + c, dtype)

    pairs = [step(v, b, a) for a, b in zip(coefficients[::2], coefficients[1::2], strict=False)]
    total = coefficients[-1] if len(coefficients) % 2 else pairs.pop()
    for pair in reversed(pairs):
        total = step(square, total, pair)
    return total


def evaluated(fit: Fit, top: list[float], bottom: list[float], x: float, dtype: str) -> float:
    """Return the quotient, times x and at most 1 for an odd function, as the compiled code computes it."""
    v = rounded(x * x, dtype) if fit.odd else x
    square = rounded(v * v, dtype)
    numerator = paired_horner(top, v, square, dtype)
    if fit.odd:
        numerator = rounded(x * numerator, dtype)
    quotient = rounded(numerator / paired_horner(bottom, v, square, dtype), dtype)
    return min(quotient, 1.0) if fit.odd else quotient


def well_rounded(fit: Fit, top: list[Real], bottom: list[Real], dtype: str) -> tuple[list[Real], list[Real]]:
    """Multiply P and Q by the common factor in [1, 2) that leaves the smallest error in the last place.

    A quotient does not see the factor; the roundings of the coefficients and of every step do, and are nearly all of
    the error.
    """
    width = (fit.high - fit.low) / ROUNDING_POINTS
    points = [rounded(fit.low + width * (i - mpmath.mpf("0.37")), dtype) for i in range(1, ROUNDING_POINTS + 1)]
    wanted = [fit.target(mpmath.mpf(x)) * (x if fit.odd else 1) for x in points]
    digits = 24 if dtype == "float32" else 53
    units = [mpmath.mpf(2) ** (mpmath.frexp(f)[1] - digits) for f in wanted]

    def scaled(trial: int) -> tuple[list[Real], list[Real]]:
        factor = 1 + mpmath.mpf(trial) / ROUNDING_TRIALS
        return [c * factor for c in top], [c * factor for c in bottom]

    def harm(trial: int) -> Real:
        p, q = ([rounded(c, dtype) for c in side] for side in scaled(trial))
        errors = (
            (evaluated(fit, p, q, x, dtype) - f) / u for x, f, u in zip(points, wanted, units, strict=True)
        )
        return max(abs(error) for error in errors)

    with mpmath.workdps(30):
        return scaled(min(range(ROUNDING_TRIALS), key=harm))


def constants(dtype: str, n: Degrees) -> dict[str, list[Real]]:
    """Return the tables of one number. ln2_high has few bits, so that its product with an exponent is exact."""
    ln2 = mpmath.log(2)
    high = mpmath.floor(ln2 * 2**n.ln2_bits) / 2**n.ln2_bits
    return {"log2_e": [1 / ln2], "ln2": [ln2], "ln2_high": [high], "ln2_low": [ln2 - high]}


def tables(dtype: str) -> dict[str, tuple[list[float], Real | None]]:
    """Return every table of one dtype, rounded to it, with the largest weighted error of its fit before rounding."""
    n = DEGREES[dtype]
    result: dict[str, tuple[list[Real], Real | None]] = {k: (v, None) for k, v in constants(dtype, n).items()}
    for name, (known, fit) in polynomial_fits(dtype, n).items():
        top, _, error = remez(fit)
        result[name] = ([*known, *top], error)
    result["normpdf"] = ([c / mpmath.sqrt(2 * mpmath.pi) for c in result["exp"][0]], result["exp"][1])
    for fit in rational_fits(n):
        top, bottom, error = remez(fit)
        top, bottom = well_rounded(fit, top, bottom, dtype)
        result |= {f"{fit.name}_top": (top, error), f"{fit.name}_bottom": (bottom, error)}
        result[f"{fit.name}_limit"] = ([fit.high], None)
    return {name: ([rounded(c, dtype) for c in values], error) for name, (values, error) in result.items()}


def render(by_dtype: dict[str, dict[str, tuple[list[float], Real | None]]]) -> str:
    """Return the text of `coefficients.py`."""
    lines = [
        '"""Coefficients of the vectorised mathematics, constant term first. Generated by `fit_coefficients`."""',
        "",
        "COEFFICIENTS: dict[str, dict[str, tuple[float, ...]]] = {",
    ]
    for dtype, named in by_dtype.items():
        lines.append(f'    "{dtype}": {{')
        for name, (values, error) in named.items():
            note = "" if error is None else f"  # largest error of the fit {mpmath.nstr(error, 3)}"
            lines.append(f'        "{name}": ({note}')
            lines += [f"            {value!r}," for value in values]
            lines.append("        ),")
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


def main() -> None:
    """Fit everything, which takes a few minutes, and write `coefficients.py` beside this file."""
    mpmath.mp.dps = DIGITS
    text = render({dtype: tables(dtype) for dtype in DEGREES})
    Path(__file__).with_name("coefficients.py").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
