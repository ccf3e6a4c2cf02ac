"""Interval arithmetic (Moore, Interval Analysis, 1966): the range of every atom from those of its arguments.

Sums and products of finite values count as finite; what may overflow or have no value is exp and its kin,
division, log, sqrt and pow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from compiler.ir.formula.atoms import of_every_atom

_LARGEST_EXPONENT = 88.0
"""exp of more than this may overflow float32."""
_LEAST_NORMAL = 2.0**-126
_LARGE_GAMMA = 4e36
"""Beyond it the logarithm of gamma is infinite in float32."""
"""The least normal number of float32: less than this may round to 0, and its reciprocal may overflow."""


_ROUNDED = 2.0**-24
"""How far, at most, float32 rounds a number, beside it."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values of one line: its numbers lie in [low, high]; `infinite` and `nan` say what else may occur.

    `nonzero` promises that 0 is not among them. A range is unreachable if low > high.
    """

    low: float = -math.inf
    high: float = math.inf
    infinite: bool = False
    nan: bool = False
    nonzero: bool = False

    @property
    def may_be_zero(self) -> bool:
        return self.low <= 0 <= self.high and not self.nonzero

    @property
    def may_be_top(self) -> bool:
        """Whether it can be positive infinity."""
        return self.infinite and self.high == math.inf

    @property
    def may_be_bottom(self) -> bool:
        """Whether it can be negative infinity."""
        return self.infinite and self.low == -math.inf

    @property
    def blows_up(self) -> bool:
        """Whether it can be infinite or NaN."""
        return self.nan or self.may_be_top or self.may_be_bottom

    @property
    def magnitude(self) -> tuple[float, float]:
        """The least and the largest absolute value."""
        least = 0.0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high))
        return least, max(abs(self.low), abs(self.high))


def intersect(left: Range, right: Range) -> Range:
    """What lies in both."""
    return Range(
        max(left.low, right.low), min(left.high, right.high), left.infinite and right.infinite,
        left.nan and right.nan, left.nonzero or right.nonzero,
    )  # fmt: skip


def join(*ranges: Range) -> Range:
    """What lies in any."""
    return Range(
        min(item.low for item in ranges), max(item.high for item in ranges),
        any(item.infinite for item in ranges), any(item.nan for item in ranges),
        not any(item.may_be_zero for item in ranges),
    )  # fmt: skip


def settle(found: Range) -> Range:
    """The range with ends that float32 may round to 0 moved there, infinite only if an end is."""
    low = 0.0 if 0 < found.low < _LEAST_NORMAL else found.low
    high = 0.0 if -_LEAST_NORMAL < found.high < 0 else found.high
    return replace(found, low=low, high=high, infinite=found.may_be_top or found.may_be_bottom)


def literal(value: float) -> Range:
    """One number alone, or NaN."""
    if math.isnan(value):
        return Range(infinite=True, nan=True)
    return Range(value, value, infinite=math.isinf(value), nonzero=value != 0)


def _add(x: Range, y: Range) -> Range:
    opposed = (x.may_be_top and y.may_be_bottom) or (x.may_be_bottom and y.may_be_top)
    low = -math.inf if -math.inf in (x.low, y.low) else x.low + y.low
    high = math.inf if math.inf in (x.high, y.high) else x.high + y.high
    return Range(low, high, x.infinite or y.infinite, x.nan or y.nan or opposed)


def _neg(x: Range) -> Range:
    return replace(x, low=-x.high, high=-x.low)


def _mul(x: Range, y: Range) -> Range:
    corners = [0.0 if a == 0 or b == 0 else a * b for a in (x.low, x.high) for b in (y.low, y.high)]
    lost = (x.infinite and y.may_be_zero) or (y.infinite and x.may_be_zero)
    return Range(min(corners), max(corners), x.infinite or y.infinite, x.nan or y.nan or lost)


def _sub(x: Range, y: Range) -> Range:
    return _add(x, _neg(y))


def _div(x: Range, y: Range) -> Range:
    undefined = (x.infinite and y.infinite) or (x.may_be_zero and y.may_be_zero)
    nan = x.nan or y.nan or undefined
    if y.may_be_zero or y.low < 0 < y.high:
        return Range(infinite=y.magnitude[0] < _LEAST_NORMAL or x.infinite, nan=nan)
    bounds = sorted((_reciprocal(y.low, y.high), _reciprocal(y.high, y.low)))
    quotient = _mul(replace(x, nan=False), Range(bounds[0], bounds[1]))
    return replace(quotient, infinite=x.infinite or y.magnitude[0] < _LEAST_NORMAL, nan=nan)


def _reciprocal(value: float, other_end: float) -> float:
    """1 / value for an end of an interval that does not contain 0 but may end there."""
    return 1 / value if value != 0 else math.copysign(math.inf, other_end)


def _pow(x: Range, y: Range) -> Range:
    nan = x.nan or y.nan
    if y.low == y.high and float(y.low).is_integer() and abs(y.low) < math.inf:
        return _integer_power(x, int(y.low))
    if x.low < 0:
        return Range(infinite=True, nan=True)
    if x.high <= 1 and y.low >= 0:
        return Range(0.0, 1.0, nan=nan)
    tame = y.low == y.high >= 0 and not y.infinite and not x.infinite
    return Range(0.0, math.inf, infinite=not tame, nan=nan or (x.infinite and y.infinite))


def _integer_power(x: Range, n: int) -> Range:
    if n < 0:
        return _div(literal(1.0), _integer_power(x, -n))
    if n == 0:
        return literal(1.0)
    if n % 2:
        return replace(x, low=_power(x.low, n), high=_power(x.high, n), nonzero=n == 1 and x.nonzero)
    least, largest = x.magnitude
    return Range(_power(least, n), _power(largest, n), x.infinite, x.nan)


def _power(base: float, n: int) -> float:
    try:
        return float(base) ** n
    except OverflowError:
        return math.copysign(math.inf, base) if n % 2 else math.inf


def _abs(x: Range) -> Range:
    return replace(x, low=x.magnitude[0], high=x.magnitude[1])


def _maximum(x: Range, y: Range) -> Range:
    return Range(max(x.low, y.low), max(x.high, y.high), x.infinite or y.infinite, x.nan or y.nan)


def _minimum(x: Range, y: Range) -> Range:
    return _neg(_maximum(_neg(x), _neg(y)))


def _rising(function: Callable[[float], float], bottom: float, top: float) -> Callable[[Range], Range]:
    """The rule of a function that never falls, with its limits at the infinities; NaN only at NaN."""

    def at(x: float) -> float:
        return function(x) if math.isfinite(x) else bottom if x < 0 else top

    return lambda x: Range(at(x.low), at(x.high), x.infinite, x.nan)


def _bounded(low: float, high: float, *, waves: bool = False) -> Callable[[Range], Range]:
    """The rule of a function into [low, high]. One that waves has no value at infinity."""
    return lambda x: Range(low, high, nan=x.nan or (waves and x.infinite))


def _exp(x: Range) -> Range:
    low, high = (math.exp(end) if end < 700 else math.inf for end in (x.low, x.high))
    return Range(low, high, infinite=x.infinite or x.high > _LARGEST_EXPONENT, nan=x.nan)


def _exp2(x: Range) -> Range:
    return _exp(replace(x, low=x.low * math.log(2), high=x.high * math.log(2)))


def _expm1(x: Range) -> Range:
    low, high = (math.expm1(end) if end < 700 else math.inf for end in (x.low, x.high))
    return replace(_exp(x), low=low, high=high)


def _log(x: Range) -> Range:
    low, high = (math.log(end) if end > 0 else -math.inf for end in (x.low, x.high))
    return Range(low, high, infinite=x.infinite or x.may_be_zero, nan=x.nan or x.low < 0)


def _log1p(x: Range) -> Range:
    low, high = (math.log1p(end) if end > -1 else -math.inf for end in (x.low, x.high))
    return replace(_log(_add(x, literal(1.0))), low=low, high=high)


def _sqrt(x: Range) -> Range:
    low, high = (math.sqrt(max(end, 0.0)) for end in (x.low, x.high))
    return Range(low, high, x.infinite, x.nan or x.low < 0, x.nonzero)


def _log_to(base: float) -> Callable[[Range], Range]:
    """The rule of a logarithm to a base."""

    def found(x: Range) -> Range:
        natural, scale = _log(x), 1 / math.log(base)
        return replace(natural, low=natural.low * scale, high=natural.high * scale)

    return found


def _logit(x: Range) -> Range:
    below, above = _log(x), _log(_sub(literal(1.0), x))
    return Range(infinite=below.infinite or above.infinite, nan=below.nan or above.nan)


def _sinh(x: Range) -> Range:
    low, high = (math.sinh(end) if abs(end) < 700 else end * math.inf for end in (x.low, x.high))
    return Range(low, high, infinite=x.infinite or x.magnitude[1] > _LARGEST_EXPONENT, nan=x.nan)


def _cosh(x: Range) -> Range:
    least, largest = (math.cosh(end) if end < 700 else math.inf for end in x.magnitude)
    return Range(least, largest, x.infinite or x.magnitude[1] > _LARGEST_EXPONENT, x.nan, nonzero=True)


def _above(x: float) -> float:
    return x + abs(x) * _ROUNDED


def _below(x: float) -> float:
    return x - abs(x) * _ROUNDED


def _within_one(function: Callable[[float], float]) -> Callable[[Range], Range]:
    """The rule of a function on [-1, 1] that rises or falls, NaN outside."""

    def found(x: Range) -> Range:
        ends = [function(min(max(end, -1.0), 1.0)) for end in (x.low, x.high)]
        return Range(_below(min(ends)), _above(max(ends)), nan=x.nan or x.magnitude[1] > 1)

    return found


def _atanh(x: Range) -> Range:
    low, high = (math.atanh(end) if abs(end) < 1 else math.copysign(math.inf, end) for end in (x.low, x.high))
    return Range(low, high, infinite=x.magnitude[1] >= 1, nan=x.nan or x.magnitude[1] > 1)


def _erfinv(x: Range) -> Range:
    """Between x times its slope at 0, the root of pi over 2, and atanh(x): not nearer to 0, not farther."""
    far, least = _atanh(x), math.sqrt(math.pi) / 2 * (1 - 1e-15)
    low = x.low * least if x.low > 0 else far.low
    return replace(far, low=low, high=x.high * least if x.high < 0 else far.high)


def _acosh(x: Range) -> Range:
    low, high = (math.acosh(max(end, 1.0)) if end < math.inf else math.inf for end in (x.low, x.high))
    return Range(low, high, x.infinite, x.nan or x.low < 1)


def _atan(x: Range) -> Range:
    return Range(_below(math.atan(x.low)), _above(math.atan(x.high)), nan=x.nan)


def _cube_root(x: float) -> float:
    return math.copysign(abs(x) ** (1 / 3), x)


def _hypot(x: Range, y: Range) -> Range:
    least, largest = (math.hypot(*ends) for ends in zip(x.magnitude, y.magnitude, strict=True))
    return Range(least, largest, x.infinite or y.infinite, x.nan or y.nan, x.nonzero or y.nonzero)


def _copysign(x: Range, y: Range) -> Range:
    _, largest = x.magnitude
    return Range(-largest, largest, x.infinite, x.nan, x.nonzero)


def _fmod(x: Range, y: Range) -> Range:
    largest = min(x.magnitude[1], y.magnitude[1])
    nan = x.nan or y.nan or x.infinite or y.may_be_zero
    return Range(-largest if x.low < 0 else 0.0, largest if x.high > 0 else 0.0, nan=nan)


def _floordiv(x: Range, y: Range) -> Range:
    quotient = _div(x, y)
    low, high = (math.floor(end) if math.isfinite(end) else end for end in (quotient.low, quotient.high))
    return replace(quotient, low=low, high=high, nonzero=False)


def _lgamma(x: Range) -> Range:
    """Above 0 it is at least log(gamma(1.46...)); it overflows where the argument nearly does."""
    low = -0.1215 if x.low > 0 else -math.inf
    return Range(low, math.inf, x.infinite or x.low <= 0 or x.high > _LARGE_GAMMA, x.nan)


def _digamma(x: Range) -> Range:
    """Above 0 between log(x) - 1 / x and log(x) - 1 / (2 x)."""
    if x.low <= 0:
        return Range(infinite=True, nan=x.nan or x.low < 0)
    low = _below(math.log(x.low) - 1 / x.low) if x.low > _LEAST_NORMAL else -math.inf
    high = _above(math.log(x.high) - 0.5 / x.high) if x.high < math.inf else math.inf
    return Range(low, high, x.infinite or low == -math.inf, x.nan)


def _zeta(s: Range, q: Range) -> Range:
    is_number = s.low >= 1 and q.low >= 0
    return Range(0.0 if is_number else -math.inf, infinite=True, nan=not is_number or s.nan or q.nan)


def _angle(x: Range, y: Range) -> Range:
    return Range(_below(-math.pi), _above(math.pi), nan=x.nan or y.nan)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _normcdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _erfc(x: Range) -> Range:
    return _add(literal(1.0), _neg(_ERF(x)))


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def _same(x: Range) -> Range:
    return x


def _truth(*_: Range) -> Range:
    return Range(0.0, 1.0)


def _integer(*_: Range) -> Range:
    return Range(-(2.0**63), 2.0**63)


def _word(*_: Range) -> Range:
    return Range(-(2.0**31), 2.0**31 - 1)


def _and(x: Range, y: Range) -> Range:
    """Not negative, and not above it, where an operand is not negative: it masks the other."""
    highs = [item.high for item in (x, y) if item.low >= 0 and item.high < math.inf]
    return Range(0.0, min(highs)) if highs else _integer()


def _bits(x: Range, y: Range) -> Range:
    """Bit by bit: truths of truths, and of integers that are not negative none longer than the longest."""
    if min(x.low, y.low) < 0 or math.inf in (x.high, y.high):
        return _integer()
    longest = max(int(x.high), int(y.high)).bit_length()
    return Range(0.0, float((1 << longest) - 1))


def _not(x: Range) -> Range:
    """Of a truth the other one, of an integer -1 - x."""
    return join(_truth(), _add(literal(-1.0), _neg(x)))


def _rshift(x: Range, _: Range) -> Range:
    """Nearer to 0 or -1."""
    return Range(min(x.low, 0.0) if x.low > -math.inf else -(2.0**63), max(x.high, 0.0))


_ERF = _rising(math.erf, -1, 1)

RULES: Final[Mapping[str, Callable[..., Range]]] = of_every_atom({
    "add": _add, "sub": _sub, "mul": _mul, "zmul": _mul, "div": _div, "neg": _neg, "pow": _pow, "stop": _same,
    "abs": _abs, "maximum": _maximum, "minimum": _minimum, "sign": _rising(_sign, -1, 1),
    "floor": _rising(math.floor, -math.inf, math.inf), "ceil": _rising(math.ceil, -math.inf, math.inf),
    "round": _rising(round, -math.inf, math.inf), "lt": _truth, "le": _truth, "gt": _truth, "ge": _truth,
    "eq": _truth, "ne": _truth, "isnan": _truth, "and": _and, "or": _bits, "xor": _bits, "not": _not,
    "lshift": _integer, "rshift": _rshift,
    "random32": _word, "random64": _integer,
    "sqrt": _sqrt, "exp": _exp, "expm1": _expm1, "log": _log, "log1p": _log1p,
    "sin": _bounded(-1, 1, waves=True), "cos": _bounded(-1, 1, waves=True), "tanh": _rising(math.tanh, -1, 1),
    "sech2": _bounded(0, 1), "sigmoid": _rising(_sigmoid, 0, 1), "softplus": _rising(_softplus, 0, math.inf),
    "erf": _ERF, "erfc": _erfc, "normcdf": _rising(_normcdf, 0, 1),
    "normpdf": _bounded(0, 1 / math.sqrt(2 * math.pi)), "exp2": _exp2, "logit": _logit,
    "tan": lambda x: Range(nan=x.nan or x.infinite), "log2": _log_to(2.0), "log10": _log_to(10.0),
    "asin": _within_one(math.asin), "acos": _within_one(math.acos),
    "atan": _atan, "atan2": _angle, "sinh": _sinh, "cosh": _cosh,
    "asinh": _rising(math.asinh, -math.inf, math.inf), "acosh": _acosh, "atanh": _atanh,
    "cbrt": _rising(_cube_root, -math.inf, math.inf), "hypot": _hypot, "copysign": _copysign,
    "fmod": _fmod, "floordiv": _floordiv, "erfinv": _erfinv, "lgamma": _lgamma, "digamma": _digamma,
    "zeta": _zeta,
}, "the table of interval rules", but=("where",))  # fmt: skip
"""The rule of every atom but `where`, whose branches are judged under its condition (`intervals.py`)."""
