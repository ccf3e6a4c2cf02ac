"""Formulas at 150 digits, by mpmath: values, slopes, and points that are spread over a domain."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final, TypeAlias

from compiler.ir.formula.atoms import of_every_atom
from compiler.ir.formula.tape import Formula
from compiler.ir.formula.threefry import of_numbers, signed
from compiler.ir.types import Scalar

DIGITS: Final = 150
STEP: Final = 40
"""Minus the decimal exponent of the step by which slopes are measured."""

_SCALES = (0.03, 0.4, 1.0, 2.5, 7.0, 18.0)
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)
_WIDTH: Final = 64
"""Bits of the longest integers."""

FARTHEST: Final = 2**60
"""Beyond this, exp is 0 or infinite and a wave has no value: a number of so many digits helps nobody."""

Exact: TypeAlias = Mapping[float, str]
"""What some literals were before they were rounded to floats, in decimals.

A literal to which two different numbers were rounded stands for itself; agreement is then asked to 13 digits.
"""
NOTHING: Final[Exact] = {}


@cache
def mpmath_context() -> Any:
    """A context of mpmath of our own, at `DIGITS` digits."""
    import mpmath  # comes with sympy and is as seldom needed

    context = mpmath.MPContext()
    context.dps = DIGITS
    return context


def _real(value: Any) -> Any:
    mp = mpmath_context()
    return value if mp.im(value) == 0 else mp.nan


def _pow(x: Any, y: Any) -> Any:
    mp = mpmath_context()
    return mp.nan if x == 0 and y < 0 else _real(mp.power(x, y))


def _sqrt(x: Any) -> Any:
    return _real(mpmath_context().sqrt(x))


def _log(x: Any) -> Any:
    return _real(mpmath_context().log(x))


def _log1p(x: Any) -> Any:
    return _log(1 + x)


def _div(x: Any, y: Any) -> Any:
    return mpmath_context().nan if y == 0 else x / y


def _zmul(x: Any, y: Any) -> Any:
    return x if x == 0 else x * y


def _exp(x: Any) -> Any:
    mp = mpmath_context()
    if abs(x) > FARTHEST:
        return mp.inf if x > 0 else mp.zero
    return mp.exp(x)


def _expm1(x: Any) -> Any:
    return _exp(x) - 1 if abs(x) > FARTHEST else mpmath_context().expm1(x)


def _sin(x: Any) -> Any:
    mp = mpmath_context()
    return mp.nan if abs(x) > FARTHEST else mp.sin(x)


def _cos(x: Any) -> Any:
    mp = mpmath_context()
    return mp.nan if abs(x) > FARTHEST else mp.cos(x)


def _whole(rounding: str, x: Any) -> Any:
    mp = mpmath_context()
    return getattr(mp, rounding)(x) if mp.isfinite(x) else x


def _bitwise(function: Callable[..., Any], *given: Any) -> Any:
    """A function of bits of truths, or of whole numbers, as long as they may be."""
    if all(isinstance(item, bool) for item in given):
        return bool(function(*given))
    return mpmath_context().mpf(function(*map(int, given)))


def _not(x: Any) -> Any:
    return not x if isinstance(x, bool) else -1 - x


def _lshift(x: int, count: int) -> int:
    return x << count if 0 <= count < _WIDTH else 0


def _rshift(x: int, count: int) -> int:
    return x >> (count if 0 <= count < _WIDTH else _WIDTH)


def _random32(key: int, counter: int) -> int:
    first, second = of_numbers(key, counter)
    return signed(first ^ second, 32)


def _random64(key: int, counter: int) -> int:
    first, second = of_numbers(key, counter)
    return signed(first << 32 | second, 64)


def _where(condition: Any, chosen: Any, other: Any) -> Any:
    return chosen if condition else other


def _maximum(x: Any, y: Any) -> Any:
    return x if x != x or x > y else y


def _minimum(x: Any, y: Any) -> Any:
    return x if x != x or x < y else y


def _same(x: Any) -> Any:
    return x


def _sech2(x: Any) -> Any:
    return 4 * _sigmoid(2 * x) * _sigmoid(-2 * x)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + _exp(-x))


def _softplus(x: Any) -> Any:
    return x + _log1p(_exp(-x)) if x > 0 else mpmath_context().log1p(_exp(x))


def _normcdf(x: Any) -> Any:
    mp = mpmath_context()
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _normpdf(x: Any) -> Any:
    mp = mpmath_context()
    return _exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _log_to(base: int, x: Any) -> Any:
    mp = mpmath_context()
    return _log(x) / mp.log(base)


def _real_of(name: str, x: Any) -> Any:
    """A function of mpmath's where it is real, and NaN where it is not."""
    mp = mpmath_context()
    try:
        return _real(getattr(mp, name)(x))
    except ValueError:  # at a pole
        return mp.sign(x) * mp.inf


def _exp2(x: Any) -> Any:
    return _exp(x * mpmath_context().log(2))


def _logit(x: Any) -> Any:
    mp = mpmath_context()
    return _log(x) if x == 0 else mp.inf if x == 1 else _log(x / (1 - x))


def _tan(x: Any) -> Any:
    mp = mpmath_context()
    return mp.nan if abs(x) > FARTHEST else mp.tan(x)


def _cbrt(x: Any) -> Any:
    mp = mpmath_context()
    return mp.sign(x) * mp.cbrt(abs(x))


def _sinh(x: Any) -> Any:
    mp = mpmath_context()
    return mp.sign(x) * mp.inf if abs(x) > FARTHEST else mp.sinh(x)


def _cosh(x: Any) -> Any:
    mp = mpmath_context()
    return mp.inf if abs(x) > FARTHEST else mp.cosh(x)


def _copysign(x: Any, y: Any) -> Any:
    return -abs(x) if y < 0 else abs(x)


def _fmod(x: Any, y: Any) -> Any:
    mp = mpmath_context()
    return x - y * (mp.floor if x * y > 0 else mp.ceil)(_div(x, y))


def _floordiv(x: Any, y: Any) -> Any:
    return mpmath_context().floor(_div(x, y))


def _erfinv(x: Any) -> Any:
    mp = mpmath_context()
    return mp.erfinv(x) if abs(x) < 1 else x * mp.inf if abs(x) == 1 else mp.nan


def _is_pole(x: Any) -> bool:
    mp = mpmath_context()
    return bool(x <= 0 and (mp.isinf(x) or x == mp.floor(x)))


def _lgamma(x: Any) -> Any:
    """To the left of 1/2 by reflection."""
    mp = mpmath_context()
    if mp.isnan(x) or _is_pole(x):
        return abs(x * mp.inf) if x else mp.inf
    if x < 0.5:
        return mp.log(mp.pi / abs(mp.sinpi(x))) - mp.loggamma(1 - x)
    return mp.loggamma(x)


def _digamma(x: Any) -> Any:
    mp = mpmath_context()
    return mp.nan if mp.isnan(x) or _is_pole(x) else mp.digamma(x)


def _zeta(s: Any, q: Any) -> Any:
    """Hurwitz's sum for s > 1; to the left of 0, for whole s, by polygamma."""
    mp = mpmath_context()
    if mp.isnan(q) or not s > 1:
        return mp.inf if s == 1 else mp.nan
    if _is_pole(q):
        return mp.inf
    if q > 0:
        return mp.zeta(s, q)
    if s != mp.floor(s):
        return mp.nan
    order = int(s) - 1
    return (-1) ** (order + 1) * mp.psi(order, q) / mp.factorial(order)


@cache
def table() -> Mapping[str, Callable[..., Any]]:
    """The value of every atom, of numbers of `mpmath_context`."""
    return of_every_atom({**_anywhere(), **_nearby()}, "the table of values at 150 digits")


def is_only_nearby(atom: str) -> bool:
    """Whether an atom has no value of 150 digits where its argument is larger than FARTHEST."""
    return atom in _nearby()


@cache
def _anywhere() -> Mapping[str, Callable[..., Any]]:
    mp = mpmath_context()
    return {
        "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": _div, "neg": operator.neg,
        "pow": _pow, "zmul": _zmul, "stop": _same, "abs": operator.abs, "sign": mp.sign,
        "floor": partial(_whole, "floor"), "ceil": partial(_whole, "ceil"), "round": partial(_whole, "nint"),
        "maximum": _maximum, "minimum": _minimum, "lt": operator.lt, "le": operator.le, "gt": operator.gt,
        "ge": operator.ge, "eq": operator.eq, "ne": operator.ne, "isnan": mp.isnan,
        "and": partial(_bitwise, int.__and__),
        "or": partial(_bitwise, int.__or__), "xor": partial(_bitwise, int.__xor__), "not": _not,
        "lshift": partial(_bitwise, _lshift), "rshift": partial(_bitwise, _rshift),
        "random32": partial(_bitwise, _random32), "random64": partial(_bitwise, _random64),
        "where": _where, "sqrt": _sqrt, "log": _log,
        "log1p": _log1p, "erfc": mp.erfc, "logit": _logit,
        "log2": partial(_log_to, 2), "log10": partial(_log_to, 10),
        "asin": partial(_real_of, "asin"), "acos": partial(_real_of, "acos"), "atan": mp.atan,
        "atan2": mp.atan2, "asinh": mp.asinh, "acosh": partial(_real_of, "acosh"),
        "atanh": partial(_real_of, "atanh"), "cbrt": _cbrt, "hypot": mp.hypot, "copysign": _copysign,
        "fmod": _fmod, "floordiv": _floordiv, "erfinv": _erfinv,
    }  # fmt: skip


@cache
def _nearby() -> Mapping[str, Callable[..., Any]]:
    mp = mpmath_context()
    return {
        "exp": _exp, "expm1": _expm1, "sin": _sin, "cos": _cos, "tanh": mp.tanh, "sech2": _sech2,
        "sigmoid": _sigmoid, "softplus": _softplus, "erf": mp.erf, "normcdf": _normcdf, "normpdf": _normpdf,
        "sinh": _sinh, "cosh": _cosh, "exp2": _exp2, "tan": _tan, "lgamma": _lgamma, "digamma": _digamma,
        "zeta": _zeta,
    }  # fmt: skip


def evaluate_anywhere(
    formula: Formula,
    arguments: Sequence[Any],
    exact: Exact = NOTHING,
    stop: Callable[[Any], Any] = _same,
) -> Any | None:
    """The formula's value at 150 digits; NaN where it has no real value, None where mpmath cannot tell.

    A branch of `where` that is not chosen need have no value. A float literal means its shortest decimal;
    `pi` and what is in `exact` mean themselves. `stop` evaluates the atom of this name.
    """
    atoms = table() if stop is _same else {**table(), "stop": stop}
    try:
        return formula.evaluate(atoms, list(arguments), lambda literal: precise_literal(literal, exact))
    except (ArithmeticError, ValueError):
        return None


def evaluate_precisely(
    formula: Formula,
    arguments: Sequence[Any],
    exact: Exact = NOTHING,
    stop: Callable[[Any], Any] = _same,
) -> Any | None:
    """`evaluate_anywhere`, but None where the value is no finite number."""
    value = evaluate_anywhere(formula, arguments, exact, stop)
    return value if value is not None and mpmath_context().isfinite(value) else None


def precise_literal(value: Scalar, exact: Exact = NOTHING) -> Any:
    """What a literal means."""
    mp = mpmath_context()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return mp.mpf(value)  # never rounded, whatever a float that is equal to it stands for
    return +mp.pi if value == math.pi else mp.mpf(exact.get(value, repr(value)))


def slope_at(
    formula: Formula, parameter: int, point: Sequence[Any], left: int = 1, right: int = 1
) -> Any | None:
    """The central (or one-sided) difference, with what stands in `stop` held at its value at the point.

    None where the formula has no finite value. The step is 1e-40, the error below 1e-70 where it is smooth.
    """
    step = mpmath_context().mpf(10) ** -STEP
    held: list[Any] = []
    if evaluate_precisely(formula, point, stop=lambda value: held.append(value) or value) is None:
        return None
    low = evaluate_precisely(
        formula, moved(point, parameter, point[parameter] - left * step), stop=_replay(held)
    )
    high = evaluate_precisely(
        formula, moved(point, parameter, point[parameter] + right * step), stop=_replay(held)
    )
    return None if low is None or high is None else (high - low) / ((left + right) * step)


def moved(point: Sequence[Any], parameter: int, value: Any) -> list[Any]:
    """A point with one coordinate changed."""
    return [*point[:parameter], value, *point[parameter + 1 :]]


def _replay(held: Sequence[Any]) -> Callable[[Any], Any]:
    values = iter(held)
    return lambda _: next(values)


def sample_points(count: int) -> Iterator[list[Any]]:
    """An endless, fixed sequence of points of both signs and several scales: Richtmyer's (1951).

    Coordinate k of point n is the fraction of n times the square root of the k-th prime. These roots are
    independent over the rationals, so that no two coordinates are tied to each other.
    """
    mp = mpmath_context()
    roots = [mp.sqrt(_PRIMES[k % len(_PRIMES)]) * (1 + k // len(_PRIMES)) for k in range(count)]
    number = 0
    while True:
        number += 1
        scales = [_SCALES[(number + k * (number // len(_SCALES))) % len(_SCALES)] for k in range(count)]
        yield [scale * (2 * mp.frac(number * root) - 1) for scale, root in zip(scales, roots, strict=True)]


def close(left: Any, right: Any, digits: int) -> bool:
    """Whether two values agree to a number of digits, relative to the larger where it is over 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return bool(left == right)
    return bool(abs(left - right) <= mpmath_context().mpf(10) ** -digits * max(1, abs(left), abs(right)))


def shown(values: Sequence[Any | None], digits: int = 6) -> str:
    """Numbers for a message."""
    mp = mpmath_context()
    return ", ".join("no real number" if value is None else mp.nstr(value, digits) for value in values)
