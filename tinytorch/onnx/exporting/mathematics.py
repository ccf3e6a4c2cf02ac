"""Functions that ONNX has no operator for, or ONNX Runtime no kernel of float64: in NumPy's language.

They are of arrays too, and are tested there beside NumPy. The special functions are those of the oracle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from compiler.loops.mathematics.coefficients import COEFFICIENTS
from tinytorch.onnx.exporting.values import numpy

LARGE: Final = 1e8
"""From here on 1 + x^2 is x^2 even in float64."""


def log1p(x: Any) -> Any:
    """log(1 + x): what adding loses comes back as a factor (HP-15C Advanced Functions Handbook, 1982)."""
    sum_ = x + 1
    found = sum_ - 1
    near = numpy.where(sum_ == 1, x, numpy.log(sum_) * (x / found))
    return numpy.where(found == x, numpy.log(sum_), near)


def expm1(x: Any) -> Any:
    """exp(x) - 1 = tanh(x / 2) (exp(x) + 1), which cancels nowhere."""
    return numpy.tanh(x * 0.5) * (numpy.exp(x) + 1)


def exp2(x: Any) -> Any:
    """2 to the power x."""
    return numpy.power(numpy.full_like(x, 2), x)


def log2(x: Any) -> Any:
    """The logarithm to base 2."""
    return numpy.log(x) * (1 / math.log(2))


def log10(x: Any) -> Any:
    """The logarithm to base 10."""
    return numpy.log(x) * (1 / math.log(10))


def tan(x: Any) -> Any:
    """The tangent."""
    return numpy.sin(x) / numpy.cos(x)


def atan(x: Any) -> Any:
    """The inverse tangent of float64: that of float32, and the angle between the two, which is tiny.

    tan(y - z) = (tan(y) - tan(z)) / (1 + tan(y) tan(z)); beyond 1 it is that of 1 / x, taken from pi / 2.
    """
    is_far = numpy.abs(x) > 1
    near = numpy.where(is_far, 1 / x, x)
    guess = numpy.arctan(near.astype(numpy.float32)).astype(numpy.float64)
    sine, cosine = numpy.sin(guess), numpy.cos(guess)
    found = guess + (near * cosine - sine) / (cosine + near * sine)
    return numpy.where(is_far, numpy.sign(x) * (math.pi / 2) - found, found)


def asin(x: Any) -> Any:
    """The inverse sine, by that of the tangent of half the angle."""
    return 2 * numpy.arctan(x / (1 + numpy.sqrt((1 - x) * (1 + x))))


def acos(x: Any) -> Any:
    """The inverse cosine, by that of the tangent of half the angle."""
    return 2 * numpy.arctan(numpy.sqrt((1 - x) / (1 + x)))


def has_sign(x: Any) -> Any:
    """Whether a number is below 0, or the zero below 0."""
    return numpy.where(x == 0, 1 / x, x) < 0


def copysign(x: Any, y: Any) -> Any:
    """|x| with the sign of y."""
    size = numpy.abs(x)
    return numpy.where(has_sign(y), -size, size)


def atan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y), by the tangent of what lies between it and the nearest axis."""
    width, height = numpy.abs(x), numpy.abs(y)
    less, more = numpy.minimum(width, height), numpy.maximum(width, height)
    ratio = numpy.where(
        less == more, numpy.where(more == 0, 0.0, numpy.where(more > 0, 1.0, more)), less / more
    )
    angle = numpy.arctan(ratio)
    angle = numpy.where(height > width, math.pi / 2 - angle, angle)
    return copysign(numpy.where(has_sign(x), math.pi - angle, angle), y)


def sinh(x: Any) -> Any:
    """The hyperbolic sine: by expm1 near 0, by two factors where exp(x) alone overflows."""
    size = numpy.abs(x)
    grown = numpy.expm1(size)
    half = numpy.exp(size * 0.5)
    return numpy.sign(x) * numpy.where(size > 20, 0.5 * half * half, 0.5 * (grown + grown / (grown + 1)))


def cosh(x: Any) -> Any:
    """The hyperbolic cosine, by factors that do not overflow before it does."""
    half = numpy.exp(numpy.abs(x) * 0.5)
    return 0.5 * half * half + 0.5 / half / half


def asinh(x: Any) -> Any:
    """The inverse of sinh."""
    size = numpy.abs(x)
    square = size * size
    near = numpy.log1p(size + square / (1 + numpy.sqrt(1 + square)))
    return numpy.sign(x) * numpy.where(size > LARGE, numpy.log(size) + math.log(2), near)


def acosh(x: Any) -> Any:
    """The inverse of cosh."""
    over = x - 1
    return numpy.where(
        x > LARGE, numpy.log(x) + math.log(2), numpy.log1p(over + numpy.sqrt(over) * numpy.sqrt(x + 1))
    )


def atanh(x: Any) -> Any:
    """The inverse of tanh."""
    size = numpy.abs(x)
    return numpy.sign(x) * 0.5 * numpy.log1p(2 * size / (1 - size))


def cbrt(x: Any) -> Any:
    """The cube root: a power, and a step of Newton's where there is one to take."""
    size = numpy.abs(x)
    root = numpy.power(size, 1 / 3)
    better = root - (root - size / (root * root)) / 3
    return numpy.sign(x) * numpy.where((size == 0) | (size == numpy.inf), root, better)


def hypot(x: Any, y: Any) -> Any:
    """The length of (x, y), whose squares do not overflow; infinite beside an infinity, even of NaN."""
    width, height = numpy.abs(x), numpy.abs(y)
    less, more = numpy.minimum(width, height), numpy.maximum(width, height)
    ratio = less / more
    found = numpy.where(more == 0, more, more * numpy.sqrt(1 + ratio * ratio))
    return numpy.where((width == numpy.inf) | (height == numpy.inf), numpy.inf, found)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), which overflows nowhere."""
    return numpy.maximum(x, 0) + numpy.log1p(numpy.exp(-numpy.abs(x)))


def _table(name: str, x: Any) -> tuple[float, ...]:
    return COEFFICIENTS[numpy.dtype(x.dtype).name][name]


def polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """Of the constant term first, by Horner's rule."""
    total = x * coefficients[-1] + coefficients[-2]
    for item in reversed(coefficients[:-2]):
        total = total * x + item
    return total


def erf(x: Any) -> Any:
    """1 - exp(-a H(a)) with the sign of x; H is a polynomial, and a = |x| up to where erf is 1."""
    size = numpy.minimum(numpy.abs(x), _table("erf_limit", x)[0])
    return -numpy.sign(x) * numpy.expm1(-size * polynomial(_table("erf", x), size))


def upper_tail(name: str, x: Any, rate: float) -> Any:
    """exp(-rate a^2) P(a) / Q(a) for a = |x| (after W. J. Cody, Mathematics of Computation 23, 1969)."""
    size = numpy.minimum(numpy.abs(x), _table(f"{name}_limit", x)[0])
    top, bottom = (polynomial(_table(f"{name}_{part}", x), size) for part in ("top", "bottom"))
    return numpy.exp(-rate * size * size) * (top / bottom)


def erfc(x: Any) -> Any:
    """1 - erf(x), with all its digits where that cancels."""
    tail = upper_tail("erfc", x, 1.0)
    return numpy.where(x < 0, 2 - tail, tail)


def normcdf(x: Any) -> Any:
    """The standard normal distribution function."""
    tail = upper_tail("normcdf", x, 0.5)
    return numpy.where(x > 0, 1 - tail, tail)


def floor_divide(x: Any, y: Any) -> Any:
    """NumPy's: from the remainder, so that what is rounded is near a whole number."""
    rest = numpy.fmod(x, y)
    quotient = (x - rest) / y
    quotient = numpy.where((rest != 0) & ((y < 0) != (rest < 0)), quotient - 1, quotient)
    whole = numpy.floor(quotient)
    whole = numpy.where(quotient - whole > 0.5, whole + 1, whole)
    return numpy.where(y == 0, x / y, whole)


def cut_quotient(x: Any, y: Any, divide: Any) -> Any:
    """x / y of integers, cut; 0 by 0, and modulo 2^n by -1, where processors would stop the program."""
    is_plain = (y != 0) & (y != -1)
    found = divide(x, numpy.where(is_plain, y, 1))
    return numpy.where(is_plain, found, numpy.where(y == 0, 0, -x))


def floored_quotient(x: Any, y: Any, divide: Any) -> Any:
    """x / y of integers, rounded down; 0 by 0."""
    quotient = cut_quotient(x, y, divide)
    rest = x - quotient * y
    return numpy.where((y != 0) & (rest != 0) & ((rest < 0) != (y < 0)), quotient - 1, quotient)


def integer_power(x: Any, y: Any) -> Any:
    """x^y modulo 2^n, by squares; of negative powers 1 / x^-y, cut."""
    width = 8 * numpy.dtype(x.dtype).itemsize
    square, result = x, numpy.where((y & 1) != 0, x, 1)
    for place in range(1, width - 1):
        square = square * square
        result = numpy.where((y & (1 << place)) != 0, result * square, result)
    units = numpy.where(x == 1, 1, numpy.where(x == -1, 1 - 2 * (y & 1), 0))
    return numpy.where(y < 0, units, result)
