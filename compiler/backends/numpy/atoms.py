"""The atoms as sequences of NumPy calls that write into given arrays.

Every sequence reads its arguments before, or in, the first call that writes to `out`, so `out` may be an
argument. `work(dtype)` gives the name of a further array of the tile's shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.numpy.blocks import apply_slowly, blocks
from compiler.backends.numpy.source import Source
from compiler.backends.reference.atoms import logit, power
from compiler.backends.reference.random_bits import random32, random64
from compiler.backends.reference.special import digamma, erf, erfc, erfinv, lgamma, normcdf, zeta
from compiler.ir.formula.atoms import of_every_atom
from compiler.ir.types import BOOL, FLOAT32, DType
from compiler.loops.mathematics.coefficients import COEFFICIENTS

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """Where an atom is written: its dtype, the result's array, and a way to get more arrays."""

    source: Source
    dtype: DType
    out: str
    work: Callable[[DType], str]

    def call(self, function: Callable[..., Any], *arguments: str, out: str | None = None) -> None:
        """`function(*arguments, out=out)`; NumPy takes an array of no axes faster than a Python number."""
        if self.dtype.is_float:
            arguments = tuple(
                self.source.scalar(item, self.dtype.numpy) if is_literal(item) else item for item in arguments
            )
        self.source.call(function, *arguments, out=out or self.out)

    @property
    def temporary(self) -> str:
        """A further array of the atom's dtype."""
        return self.work(self.dtype)


Emitter = Callable[..., None]


def _ufunc(function: Callable[..., Any]) -> Emitter:
    def emit(site: Site, *arguments: str) -> None:
        site.call(function, *arguments)

    return emit


def _pow(site: Site, x: str, y: str) -> None:
    """NumPy's integers have no negative powers, which a tensor of exponents may hold."""
    if site.dtype.is_float or (is_literal(y) and not y.startswith("-")):
        site.call(np.power, x, y)
        return
    site.source.call(power_of_integers, x, y, site.out)


def power_of_integers(x: Array, y: Array, out: Array) -> None:
    """x to the power y, of integers by any."""
    np.copyto(out, power(np.asarray(x, out.dtype), np.asarray(y, out.dtype)))


def _copy(site: Site, x: str) -> None:
    site.source.call(np.copyto, site.out, x)


def _rounding(function: Callable[..., Any]) -> Emitter:
    """Integers are whole already, and NumPy's functions would make floats of them."""

    def emit(site: Site, x: str) -> None:
        if site.dtype.is_float:
            site.call(function, x)
        else:
            _copy(site, x)

    return emit


def _where(site: Site, condition: str, x: str, y: str) -> None:
    if is_literal(x) and site.dtype is not BOOL:  # then `out` may be `y`, and nothing else that is read
        site.source.call(np.copyto, site.out, y)
        site.source.call(np.copyto, site.out, x, where=condition)
        return
    result = site.temporary
    site.source.call(np.copyto, result, y)
    site.source.call(np.copyto, result, x, where=condition)
    site.source.call(np.copyto, site.out, result)


def is_literal(shown: str) -> bool:
    """Whether an argument is a number in the text."""
    return shown.lstrip("-")[:1].isdigit()


def _zmul(site: Site, x: str, y: str) -> None:
    site.source.call(multiply_unless_zero, x, y, site.out, site.work(BOOL))


def multiply_unless_zero(x: Array | float, y: Array, out: Array, is_zero: Array) -> None:
    """x * y, and 0 where x is 0: the plain product unless something is infinite or NaN, as one sum shows.

    Where x is 0 the sign of the zero is free: the plain product's, or plus.
    """
    if out is x or out is y or np.may_share_memory(x, out):
        np.equal(x, 0, out=is_zero)
        np.multiply(x, y, out=out)
        np.copyto(out, 0, where=is_zero)
        return
    np.multiply(x, y, out=out)
    if np.size(x) < out.size and np.all(x):
        return  # a number, or a broadcast x, without a 0: found in less than the sum takes
    if not math.isfinite(np.add.reduce(out, axis=None)):
        np.equal(x, 0, out=is_zero)
        np.copyto(out, 0, where=is_zero)


def _sigmoid(site: Site, x: str) -> None:
    if is_literal(x):
        x = site.source.scalar(x, site.dtype.numpy)
    site.source.call(sigmoid, x, site.out)


def sigmoid(x: Array, out: Array) -> None:
    """1 / (1 + exp(-x)); by exp(-|x|), which takes longer, where the least x would make exp(-x) infinite."""
    if not reaches_infinity(x, out):
        np.negative(x, out=out)
        np.exp(out, out=out)
        np.add(out, 1, out=out)
        np.reciprocal(out, out=out)
        return
    small = np.exp(-np.abs(x))
    above = np.where(x >= 0, out.dtype.type(1), small)
    np.divide(above, small + 1, out=out)


def reaches_infinity(x: Array, out: Array) -> bool:
    """Whether exp(-x) is infinite or NaN somewhere in the dtype of `out`."""
    return bool(np.size(x)) and not np.minimum.reduce(x, axis=None) > _LEAST[out.dtype]


_LEAST: Final = {np.dtype(name): -math.log(float(np.finfo(name).max)) for name in ("float32", "float64")}


def _softplus(site: Site, x: str) -> None:
    rest = site.temporary
    site.call(np.abs, x, out=rest)
    site.call(np.negative, rest, out=rest)
    site.call(np.exp, rest, out=rest)
    site.call(np.log1p, rest, out=rest)
    site.call(np.maximum, x, "0")
    site.call(np.add, site.out, rest)


def _sech2(site: Site, x: str) -> None:
    """4 q / (1 + q)^2 with q = exp(-2 |x|); 1 - tanh(x)^2 would lose the tails."""
    q = site.temporary
    site.call(np.abs, x, out=q)
    site.call(np.multiply, q, "-2", out=q)
    site.call(np.exp, q, out=q)
    site.call(np.add, q, "1")
    site.call(np.multiply, site.out, site.out)
    site.call(np.multiply, q, "4", out=q)
    site.call(np.divide, q, site.out)


def _logit(site: Site, x: str) -> None:
    site.source.call(write_logit, x, site.out)


def write_logit(x: Array, out: Array) -> None:
    """The oracle's logit, into an array."""
    np.copyto(out, logit(np.asarray(x, out.dtype)))


def _isnan(site: Site, x: str) -> None:
    """x != x: np.isnan of a part of an array writes wrong bools into an array with strides (NumPy 2.4)."""
    site.call(np.not_equal, x, x)


def _normpdf(site: Site, x: str) -> None:
    site.call(np.multiply, x, x)
    site.call(np.multiply, site.out, "-0.5")
    site.call(np.exp, site.out)
    site.call(np.multiply, site.out, repr(1 / math.sqrt(2 * math.pi)))


def _slow(function: Callable[..., Any]) -> Emitter:
    def emit(site: Site, x: str) -> None:
        site.source.call(apply_slowly, site.source.bind(function, "special_"), x, site.out)

    return emit


def _zeta(site: Site, s: str, q: str) -> None:
    site.source.call(write_zeta, s, q, site.out)


def write_zeta(s: Any, q: Any, out: Array) -> None:
    """The oracle's zeta, into an array, block by block."""
    powers, places = (np.broadcast_to(np.asarray(x, out.dtype), out.shape) for x in (s, q))
    for block in blocks(out.shape, 1024):
        out[block] = zeta(powers[block], places[block])


def _random(function: Callable[..., Any]) -> Emitter:
    def emit(site: Site, key: str, counter: str) -> None:
        site.source.call(write_random, site.source.bind(function, "random_"), key, counter, site.out)

    return emit


def write_random(function: Callable[..., Any], key: Any, counter: Any, out: Array) -> None:
    """Writes the random bits of keys and counters, which may be broadcast, block by block."""
    keys, counters = (np.broadcast_to(x, out.shape) if np.ndim(x) else x for x in (key, counter))
    for block in blocks(out.shape):
        given = (x[block] if np.ndim(x) else x for x in (keys, counters))
        out[block] = function(*given)


def _polynomial(site: Site, coefficients: Sequence[float], x: str) -> str:
    """Horner's rule, constant term first, in a further array."""
    total = site.temporary
    *rest, last = coefficients
    site.call(np.multiply, x, repr(last), out=total)
    for coefficient in reversed(rest[1:]):
        site.call(np.add, total, repr(coefficient), out=total)
        site.call(np.multiply, total, x, out=total)
    site.call(np.add, total, repr(rest[0]), out=total)
    return total


def _erf(site: Site, x: str) -> None:
    """-expm1(-a H(a)) at a = |x| with the sign of x; H is the fit that the native backend uses."""
    if site.dtype is not FLOAT32:
        _slow(erf)(site, x)
        return
    table, a = COEFFICIENTS["float32"], site.temporary
    site.call(np.abs, x, out=a)
    site.call(np.minimum, a, repr(table["erf_limit"][0]), out=a)
    total = _polynomial(site, table["erf"], a)
    site.call(np.multiply, total, a, out=total)
    site.call(np.negative, total, out=total)
    site.call(np.expm1, total, out=total)
    site.call(np.copysign, total, x)


def _two_sided(name: str, rate: float, whole: int, in_float64: Callable[..., Any]) -> Emitter:
    """t = exp(-rate a^2) P(a)/Q(a) at a = |x| on one side of 0 and `whole` - t on the other.

    P and Q are the fit that the native backend uses; the tail keeps its digits.
    """
    is_tail = np.less_equal if name == "normcdf" else np.greater_equal

    def emit(site: Site, x: str) -> None:
        if site.dtype is not FLOAT32:
            _slow(in_float64)(site, x)
            return
        table, a, fades, chosen = COEFFICIENTS["float32"], site.temporary, site.temporary, site.work(BOOL)
        site.source.call(is_tail, x, site.source.scalar("0", site.dtype.numpy), out=chosen)
        site.call(np.abs, x, out=a)
        site.call(np.minimum, a, repr(table[f"{name}_limit"][0]), out=a)
        top, bottom = (_polynomial(site, table[f"{name}_{part}"], a) for part in ("top", "bottom"))
        site.call(np.multiply, a, a, out=fades)
        site.call(np.multiply, fades, repr(-rate), out=fades)
        site.call(np.exp, fades, out=fades)
        site.call(np.multiply, top, fades, out=top)
        site.call(np.divide, top, bottom, out=top)
        site.call(np.subtract, repr(whole), top)
        site.source.call(np.copyto, site.out, top, where=chosen)

    return emit


EMITTERS: Final[Mapping[str, Emitter]] = of_every_atom({
    "add": _ufunc(np.add), "sub": _ufunc(np.subtract), "mul": _ufunc(np.multiply), "div": _ufunc(np.divide),
    "neg": _ufunc(np.negative), "pow": _pow, "zmul": _zmul, "stop": _copy, "abs": _ufunc(np.abs),
    "sign": _ufunc(np.sign), "floor": _rounding(np.floor), "ceil": _rounding(np.ceil),
    "round": _rounding(np.rint),
    "maximum": _ufunc(np.maximum), "minimum": _ufunc(np.minimum), "lt": _ufunc(np.less),
    "le": _ufunc(np.less_equal), "gt": _ufunc(np.greater), "ge": _ufunc(np.greater_equal),
    "eq": _ufunc(np.equal),
    "ne": _ufunc(np.not_equal), "isnan": _isnan, "and": _ufunc(np.bitwise_and),
    "or": _ufunc(np.bitwise_or), "xor": _ufunc(np.bitwise_xor), "not": _ufunc(np.invert),
    "lshift": _ufunc(np.left_shift), "rshift": _ufunc(np.right_shift),
    "random32": _random(random32), "random64": _random(random64),
    "where": _where,
    "sqrt": _ufunc(np.sqrt), "exp": _ufunc(np.exp), "expm1": _ufunc(np.expm1), "log": _ufunc(np.log),
    "log1p": _ufunc(np.log1p), "sin": _ufunc(np.sin), "cos": _ufunc(np.cos), "tanh": _ufunc(np.tanh),
    "sech2": _sech2, "sigmoid": _sigmoid, "softplus": _softplus, "erf": _erf,
    "erfc": _two_sided("erfc", 1.0, 2, erfc),
    "normcdf": _two_sided("normcdf", 0.5, 1, normcdf), "normpdf": _normpdf,
    "logit": _logit, "exp2": _ufunc(np.exp2), "tan": _ufunc(np.tan), "log2": _ufunc(np.log2),
    "log10": _ufunc(np.log10),
    "asin": _ufunc(np.arcsin),
    "acos": _ufunc(np.arccos), "atan": _ufunc(np.arctan), "atan2": _ufunc(np.arctan2),
    "sinh": _ufunc(np.sinh), "cosh": _ufunc(np.cosh), "asinh": _ufunc(np.arcsinh),
    "acosh": _ufunc(np.arccosh), "atanh": _ufunc(np.arctanh), "cbrt": _ufunc(np.cbrt),
    "hypot": _ufunc(np.hypot), "copysign": _ufunc(np.copysign),
    "fmod": _ufunc(np.fmod), "floordiv": _ufunc(np.floor_divide),
    "erfinv": _slow(erfinv), "lgamma": _slow(lgamma), "digamma": _slow(digamma), "zeta": _zeta,
}, "the numpy backend")  # fmt: skip
"""What writes the calls of an atom."""
