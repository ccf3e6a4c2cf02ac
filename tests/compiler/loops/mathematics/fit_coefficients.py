"""Derive every coefficient of the vectorised mathematics and write `coefficients.py`.

Run as `python -m tests.compiler.loops.mathematics.fit_coefficients`; needs mpmath only, and two minutes.

Each table is a best approximation in a weighted maximum norm, computed in 60 decimal digits; rounding to
the dtype comes last.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from compiler.loops.mathematics import coefficients
from tests.compiler.loops.mathematics.remez import Fit, Function, Real, mpmath, remez

DIGITS = 60
WORDS = 20
"""How many words of 2 / pi there are."""


def remembered(f: Function, at_zero: Real) -> Function:
    """`f` with its removable singularity at 0 filled and its values kept for the next exchange."""
    known: dict[Real, Real] = {0: mpmath.mpf(at_zero)}

    def filled(x: Real) -> Real:
        if x not in known:
            known[x] = f(x)
        return known[x]

    return filled


def exp_remainder(x: Real) -> Real:
    """(exp(x) - 1 - x) / x^2."""
    return (mpmath.expm1(x) - x) / x**2


def log1p_remainder(x: Real) -> Real:
    """(log(1 + x) - x) / x^2."""
    return (mpmath.log1p(x) - x) / x**2


def artanh_remainder(z: Real) -> Real:
    """(2 artanh(s) / s - 2) / z for s^2 = z."""
    s = mpmath.sqrt(z)
    return (2 * mpmath.atanh(s) / s - 2) / z


def artanh_second_remainder(z: Real) -> Real:
    """(2 artanh(s) / s - 2 - 2 z / 3) / z^2 for s^2 = z."""
    s = mpmath.sqrt(z)
    return (2 * mpmath.atanh(s) / s - 2 - 2 * z / 3) / z**2


def sine_remainder(z: Real) -> Real:
    """(sin(r) / r - 1) / z for r^2 = z."""
    r = mpmath.sqrt(z)
    return (mpmath.sin(r) / r - 1) / z


def cosine_remainder(z: Real) -> Real:
    """(cos(r) - 1 + z / 2) / z^2 for r^2 = z."""
    return (mpmath.cos(mpmath.sqrt(z)) - 1 + z / 2) / z**2


def tail(x: Real) -> Real:
    """exp(x^2) erfc(x)."""
    return mpmath.exp(x * x) * mpmath.erfc(x)


def normal_tail(x: Real) -> Real:
    """exp(x^2 / 2) times the normal distribution function at -x."""
    return tail(x / mpmath.sqrt(2)) / 2


def odd_remainder(f: Function) -> Function:
    """(f(t) / t - 1) / z for t^2 = z, of an odd function with slope 1 at 0."""

    def remainder(z: Real) -> Real:
        t = mpmath.sqrt(z)
        return (f(t) / t - 1) / z

    return remainder


INVERSE_ERROR_END = mpmath.mpf(7226) / 10000
"""A little beyond the square of 0.85. Squares are taken from it, so that coefficients have one sign."""


def inverse_error_near(u: Real) -> Real:
    """(erfinv(x) / x - sqrt(pi) / 2) / x^2 for u = 0.7226 - x^2."""
    z, slope = INVERSE_ERROR_END - u, mpmath.sqrt(mpmath.pi) / 2
    return (mpmath.erfinv(mpmath.sqrt(z)) / mpmath.sqrt(z) - slope) / z if z else slope * mpmath.pi / 12


def inverse_error_weight(u: Real) -> Real:
    """What an error of it does to erfinv, and a little where that is nothing."""
    z = INVERSE_ERROR_END - u
    return (z + mpmath.mpf(1) / 50) / (z * inverse_error_near(u) + mpmath.sqrt(mpmath.pi) / 2)


def inverse_error_far(u: Real) -> Real:
    """erfinv(x) for u = sqrt(-log((1 - x) / 2)) - 1.6."""
    return mpmath.erfinv(1 - 2 * mpmath.exp(-((u + mpmath.mpf("1.6")) ** 2)))


def log_gamma_near(u: Real) -> Real:
    """log(gamma(x)) / ((x - 1) (x - 2)) for x = u + 1/2, filled where a factor is 0."""
    x = u + mpmath.mpf(1) / 2
    if x in (1, 2):
        return mpmath.euler if x == 1 else 1 - mpmath.euler
    return mpmath.loggamma(x) / ((x - 1) * (x - 2))


def log_gamma_middle(u: Real) -> Real:
    """log(gamma(x)) for x = u + 3."""
    return mpmath.loggamma(u + 3)


def stirling_remainder(z: Real) -> Real:
    """x times what Stirling's formula lacks of log(gamma(x)), for z = 1 / x^2."""
    x = 1 / mpmath.sqrt(z)
    half = mpmath.mpf(1) / 2
    return x * (mpmath.loggamma(x) - (x - half) * mpmath.log(x) + x - mpmath.log(2 * mpmath.pi) / 2)


def digamma_root() -> Real:
    """The positive root of digamma."""
    return mpmath.findroot(mpmath.digamma, mpmath.mpf("1.46163214496836"))


def digamma_near(u: Real) -> Real:
    """digamma(x) / (x - root) for x = u + 1, filled at the root."""
    x, root = u + 1, digamma_root()
    is_root = abs(x - root) < mpmath.mpf(10) ** (5 - DIGITS // 2)
    return mpmath.psi(1, root) if is_root else mpmath.digamma(x) / (x - root)


def digamma_remainder(z: Real) -> Real:
    """(log(x) - 1 / (2 x) - digamma(x)) x^2 for z = 1 / x^2."""
    x = 1 / mpmath.sqrt(z)
    return (mpmath.log(x) - 1 / (2 * x) - mpmath.digamma(x)) * x**2


@dataclass(frozen=True)
class Tail:
    """A tail fitted as P(a)/Q(a) for a in [0, limit], its value at 0 exact."""

    function: Function
    at_zero: float
    limit: str
    degrees: tuple[int, int]

    def fit(self) -> Fit:
        function = remembered(self.function, self.at_zero)
        leading = mpmath.mpf(self.at_zero)
        return Fit(function, mpmath.mpf(0), mpmath.mpf(self.limit), *self.degrees, leading=leading)


@dataclass(frozen=True)
class Choices:
    """How long each table is for one dtype, and where the functions reach their limits."""

    exp: int
    expm1: int
    log1p_unit: int
    log: int
    erf: int
    erf_limit: str
    tails: dict[str, Tail]
    ln2_bits: int
    log_pair: int
    sin: int
    cos: int
    atan: int
    asin: int
    sinh: int
    cbrt: int
    lgamma_far: int
    digamma_far: int
    digamma_limit: int
    quotients: dict[str, tuple[int, int]]
    digits: int
    """Binary ones, of a number."""
    short_digits: int
    """Of a part of pi / 2 whose product with a number of quadrants is exact."""


CHOICES = {
    "float32": Choices(
        exp=4, expm1=4, log1p_unit=8, log=7, erf=7, erf_limit="3.95", ln2_bits=16,
        log_pair=2, sin=2, cos=2, atan=4, asin=5, sinh=3, cbrt=3, digits=24, short_digits=11,
        lgamma_far=2, digamma_far=5, digamma_limit=3,
        quotients={
            "erfinv_near": (3, 3), "erfinv_far": (3, 3), "lgamma_near": (4, 5), "lgamma_middle": (4, 4),
            "digamma_near": (3, 4),
        },
        tails={
            "erfc": Tail(tail, 1.0, "10.2", (4, 5)),
            "normcdf": Tail(normal_tail, 0.5, "14.5", (4, 5)),
        },
    ),
    "float64": Choices(
        exp=9, expm1=9, log1p_unit=20, log=6, erf=23, erf_limit="5.95", ln2_bits=41,
        log_pair=7, sin=5, cos=5, atan=10, asin=13, sinh=6, cbrt=5, digits=53, short_digits=33,
        lgamma_far=6, digamma_far=9, digamma_limit=6,
        quotients={
            "erfinv_near": (7, 7), "erfinv_far": (8, 8), "lgamma_near": (9, 9), "lgamma_middle": (8, 8),
            "digamma_near": (8, 8),
        },
        tails={
            "erfc": Tail(tail, 1.0, "27.3", (10, 11)),
            "normcdf": Tail(normal_tail, 0.5, "38.75", (10, 11)),
        },
    ),
}  # fmt: skip


def exp_fit(degree: int, of: Function) -> Fit:
    """The fit of exp's terms from x^2 on, as near as they matter to `of(x)`."""
    half = mpmath.log(2) / 2 * mpmath.mpf("1.0001")
    remainder = remembered(exp_remainder, mpmath.mpf(1) / 2)
    return Fit(remainder, -half, half, degree, weight=lambda x: abs(x**2 / of(x)) if x else mpmath.mpf(0))


def log_fit(dtype: str, degree: int) -> Fit:
    """The fit of log(1 + f) in f for float32, in s^2 = (f / (2 + f))^2 for float64; see `logarithms`."""
    if dtype == "float64":
        artanh = remembered(artanh_remainder, mpmath.mpf(2) / 3)
        return Fit(artanh, mpmath.mpf(0), mpmath.mpf("0.0400001"), degree, weight=lambda z: z)
    quarter = mpmath.mpf(1) / 4
    remainder = remembered(log1p_remainder, -mpmath.mpf(1) / 2)
    return Fit(
        remainder, -quarter, 2 * quarter, degree,
        weight=lambda x: abs(x**2 / mpmath.log1p(x)) if x else mpmath.mpf(0),
    )  # fmt: skip


def sine_fit(degree: int) -> Fit:
    """The fit of sin from r^3 on, a little beyond an eighth of a turn."""
    return Fit(
        remembered(sine_remainder, -mpmath.mpf(1) / 6), mpmath.mpf(0), mpmath.mpf("0.63"), degree,
        weight=lambda z: z * mpmath.sqrt(z) / mpmath.sin(mpmath.sqrt(z)) if z else mpmath.mpf(0),
    )  # fmt: skip


def cosine_fit(degree: int) -> Fit:
    """The fit of cos from r^4 on, a little beyond an eighth of a turn."""
    return Fit(
        remembered(cosine_remainder, mpmath.mpf(1) / 24), mpmath.mpf(0), mpmath.mpf("0.63"), degree,
        weight=lambda z: z**2 / mpmath.cos(mpmath.sqrt(z)),
    )  # fmt: skip


def odd_fit(f: Function, at_zero: Real, limit: str, degree: int) -> Fit:
    """The fit of an odd function with slope 1 at 0 from t^3 on, in z = t^2, up to a limit of t."""

    def weight(z: Real) -> Real:
        t = mpmath.sqrt(z)
        return abs(z * t / f(t)) if z else mpmath.mpf(0)

    end = mpmath.mpf(limit) ** 2
    return Fit(remembered(odd_remainder(f), at_zero), mpmath.mpf(0), end, degree, weight=weight)


def cube_root_fit(degree: int) -> Fit:
    """The fit of a cube root that Newton's steps begin with."""
    low, high = mpmath.mpf(3) / 4, mpmath.mpf(3) / 2
    return Fit(mpmath.cbrt, low, high, degree, weight=lambda x: 1 / mpmath.cbrt(x))


def reciprocal_fit(f: Function, least: int, degree: int) -> Fit:
    """The fit of a function of 1 / x^2 that is 1/12 at 0, for x from `least` on."""
    end = 1 / mpmath.mpf(least) ** 2
    return Fit(remembered(f, mpmath.mpf(1) / 12), mpmath.mpf(0), end, degree)


def quotient_fits(n: Choices) -> dict[str, Fit]:
    """The fits of quotients: erfinv to 0.85 and beyond, log-gamma from 1/2 to 3 to 8, digamma from 1."""
    zero = mpmath.mpf(0)
    found = {
        "erfinv_near": (inverse_error_near, INVERSE_ERROR_END),
        "erfinv_far": (inverse_error_far, mpmath.mpf("2.65") if n.digits == 24 else mpmath.mpf("4.6")),
        "lgamma_near": (log_gamma_near, mpmath.mpf("2.5")),
        "lgamma_middle": (log_gamma_middle, mpmath.mpf(5)),
        "digamma_near": (digamma_near, mpmath.mpf(n.digamma_limit - 1)),
    }
    weights = {"erfinv_near": inverse_error_weight}
    return {
        name: Fit(f, zero, end, *n.quotients[name], weight=weights.get(name))
        for name, (f, end) in found.items()
    }


def parts(number: Real, digits: int, last: int) -> list[Real]:
    """A number as a sum of three parts of so many binary digits each, and where they are few a fourth."""
    lengths = [digits] * 3 + [last] * (digits < last)
    found: list[Real] = []
    for length in lengths:
        rest = number - mpmath.fsum(found)
        with mpmath.workprec(length):
            found.append(+rest)
    return found


def split_below(number: Real, bits: int) -> list[Real]:
    """A number as one with so many binary places that is not above it, and the rest."""
    high = mpmath.floor(number * 2**bits) / 2**bits
    return [high, number - high]


def log_pair_fit(degree: int) -> Fit:
    """The fit of log(1 + f) from s^5 on, s = f / (2 + f), for f in [-1/4, 1/2]."""
    remainder = remembered(artanh_second_remainder, mpmath.mpf(2) / 5)
    return Fit(remainder, mpmath.mpf(0), mpmath.mpf("0.0400001"), degree, weight=lambda z: z**2)


def erf_fit(degree: int, limit: str) -> Fit:
    """The fit of -log(erfc(x)) / x, weighted with what its relative error does to erf."""
    at_zero = 2 / mpmath.sqrt(mpmath.pi)

    def weight(x: Real) -> Real:
        return x * mpmath.erfc(x) / mpmath.erf(x) if x else 1 / at_zero

    target = remembered(lambda x: -mpmath.log(mpmath.erfc(x)) / x, at_zero)
    return Fit(target, mpmath.mpf(0), mpmath.mpf(limit), degree, weight=weight)


def rounded(number: Real, dtype: str) -> float:
    """The nearest number of the dtype."""
    nearest = float(number)
    return nearest if dtype == "float64" else struct.unpack("<f", struct.pack("<f", nearest))[0]


def constants(n: Choices) -> dict[str, list[Real]]:
    """The tables of one number. ln2_high has few bits, so that its product with an exponent is exact."""
    ln2 = mpmath.log(2)
    high, low = split_below(ln2, n.ln2_bits)
    return {
        "log2_e": [1 / ln2],
        "ln2": [ln2],
        "log10_e": [1 / mpmath.log(10)],
        "log10_2": split_below(ln2 / mpmath.log(10), n.ln2_bits),
        "ln2_high": [high],
        "ln2_low": [low],
        "two_thirds": parts(mpmath.mpf(2) / 3, n.digits, n.digits)[:2],
        "two_over_pi": [2 / mpmath.pi],
        "half_pi": parts(mpmath.pi / 2, n.digits, n.digits),
        "half_pi_short": parts(mpmath.pi / 2, n.short_digits, n.digits),
        "digamma_root": parts(digamma_root(), n.digits, n.digits)[:2],
        "digamma_limit": [mpmath.mpf(n.digamma_limit)],
        "erf_limit": [mpmath.mpf(n.erf_limit)],
        **{f"{name}_limit": [mpmath.mpf(kind.limit)] for name, kind in n.tails.items()},
    }


Table = tuple[list[float], Real]


def tables(dtype: str) -> dict[str, Table]:
    """Every table of one dtype, rounded to it, with the largest weighted error of its fit before rounding."""
    n = CHOICES[dtype]
    unit_interval = Fit(
        remembered(lambda x: mpmath.log1p(x) / x, 1), 0, mpmath.mpf(1), n.log1p_unit, leading=1
    )
    fits: dict[str, tuple[list[int], Fit]] = {
        "exp": ([1, 1], exp_fit(n.exp, mpmath.exp)),
        "expm1": ([1], exp_fit(n.expm1, mpmath.expm1)),
        "log1p_unit": ([], unit_interval),
        "log": ([], log_fit(dtype, n.log)),
        "erf": ([], erf_fit(n.erf, n.erf_limit)),
        "log_pair": ([], log_pair_fit(n.log_pair)),
        "sin": ([], sine_fit(n.sin)),
        "cos": ([], cosine_fit(n.cos)),
        "atan": ([], odd_fit(mpmath.atan, -mpmath.mpf(1) / 3, "0.41421357", n.atan)),
        "asin": ([], odd_fit(mpmath.asin, mpmath.mpf(1) / 6, "0.5404", n.asin)),
        "sinh": ([], odd_fit(mpmath.sinh, mpmath.mpf(1) / 6, "1", n.sinh)),
        "cbrt": ([], cube_root_fit(n.cbrt)),
        "lgamma_far": ([], reciprocal_fit(stirling_remainder, 8, n.lgamma_far)),
        "digamma_far": ([], reciprocal_fit(digamma_remainder, n.digamma_limit, n.digamma_far)),
    }
    found = {name: (known, *remez(fit)[::2]) for name, (known, fit) in fits.items()}
    exact = {name: ([*known, *fitted], error) for name, (known, fitted, error) in found.items()}
    density, error = exact["exp"]
    exact["normpdf"] = ([c / mpmath.sqrt(2 * mpmath.pi) for c in density], error)
    exact["exp2"] = ([c * mpmath.log(2) ** k for k, c in enumerate(density)], error)
    exact |= {name: (values, 0) for name, values in constants(n).items()}
    result: dict[str, Table] = {k: ([rounded(c, dtype) for c in v], error) for k, (v, error) in exact.items()}
    for name, fit in {**{k: v.fit() for k, v in n.tails.items()}, **quotient_fits(n)}.items():
        top, bottom, error = remez(fit)
        result[f"{name}_top"] = ([rounded(c, dtype) for c in top], error)
        result[f"{name}_bottom"] = ([rounded(c, dtype) for c in bottom], error)
    return result


def words_of_two_over_pi() -> list[int]:
    """2 / pi behind a word of zeros, by words of 64 bits: enough for the largest float64."""
    with mpmath.workprec(WORDS * 64):
        digits = int(mpmath.floor(2 / mpmath.pi * 2 ** (64 * (WORDS - 1))))
    return [digits >> 64 * place & (2**64 - 1) for place in reversed(range(WORDS))]


def render(by_dtype: dict[str, dict[str, Table]]) -> str:
    """The text of `coefficients.py`."""
    lines = [
        '"""Coefficients of the mathematics, constant term first. Written by `fit_coefficients`."""',
        "",
        "COEFFICIENTS: dict[str, dict[str, tuple[float, ...]]] = {",
    ]
    for dtype, named in by_dtype.items():
        lines.append(f'    "{dtype}": {{')
        for name, (values, error) in named.items():
            if len(values) == 1:
                lines.append(f'        "{name}": ({values[0]!r},),')
                continue
            about = f"  # largest error of the fit {mpmath.nstr(error, 3)}" if error else ""
            lines.append(f'        "{name}": ({about}')
            lines += [f"            {value!r}," for value in values]
            lines.append("        ),")
        lines.append("    },")
    words = [f"    0x{word:016X}," for word in words_of_two_over_pi()]
    about = '"""The bits of 2 / pi, 64 a word, behind a word of zeros."""'
    return "\n".join([*lines, "}", "", "TWO_OVER_PI: tuple[int, ...] = (", *words, ")", about, ""])


def main() -> None:
    """Fit everything, write `coefficients.py`, and print it."""
    mpmath.mp.dps = DIGITS
    text = render({dtype: tables(dtype) for dtype in CHOICES})
    Path(coefficients.__file__).write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
