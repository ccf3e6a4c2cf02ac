"""Every activation and its slope, written so that nothing cancels but what must where a slope crosses 0.

Each is one function of an `Arithmetic`, so the same lines run on NumPy's float64, which is exact enough to
judge float32, and on mpmath's numbers of any precision. Where there is no derivative, PyTorch's slope stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import erfc as one_erfc
from typing import Any

import mpmath
import numpy as np

from compiler.backends.reference import special

REACH_OF_ERFC = 45
"""Beyond it erfc is 0 or 2 in every dtype, and mpmath's takes long."""


@dataclass(frozen=True)
class Arithmetic:
    """The functions that a number system needs; `number` reads a decimal as it is written."""

    number: Callable[[str], Any]
    exp: Callable[[Any], Any]
    expm1: Callable[[Any], Any]
    log1p: Callable[[Any], Any]
    erfc: Callable[[Any], Any]
    where: Callable[[Any, Any, Any], Any]
    sqrt: Callable[[Any], Any]
    log: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    pi: Any
    named: Callable[[str], Callable[[Any], Any]]
    """Further functions by mpmath's names."""


def exact(digits: int) -> Arithmetic:
    """mpmath at the working precision, which the caller holds at `digits` while it computes."""
    with mpmath.workdps(digits):
        pi = +mpmath.pi
    return Arithmetic(
        mpmath.mpf,
        mpmath.exp,
        mpmath.expm1,
        mpmath.log1p,
        _held_erfc,
        _choose,
        mpmath.sqrt,
        mpmath.log,
        mpmath.sin,
        mpmath.cos,
        pi,
        lambda name: _EXACT.get(name) or getattr(mpmath, name),
    )


def _lgamma(x: Any) -> Any:
    """To the left of 0 by reflection, since mpmath has the complex function."""
    if x > 0:
        return mpmath.loggamma(x)
    return mpmath.log(mpmath.pi / abs(mpmath.sinpi(x))) - mpmath.loggamma(1 - x) if x % 1 else mpmath.inf


def _digamma(x: Any) -> Any:
    return mpmath.digamma(x) if x > 0 or x % 1 else mpmath.nan


def _zeta(s: Any, x: Any) -> Any:
    """The whole orders, which have a value to the left of 0."""
    if x > 0:
        return mpmath.zeta(s, x)
    return (-1) ** s * mpmath.psi(s - 1, x) / mpmath.factorial(s - 1) if x % 1 else mpmath.inf


_EXACT = {"lgamma": _lgamma, "digamma": _digamma, "zeta": _zeta}


def _held_erfc(x: Any) -> Any:
    return mpmath.erfc(max(min(x, mpmath.mpf(REACH_OF_ERFC)), mpmath.mpf(-REACH_OF_ERFC)))


def _choose(condition: bool, chosen: Any, other: Any) -> Any:
    return chosen if condition else other


FLOAT64 = Arithmetic(
    float,
    np.exp,
    np.expm1,
    np.log1p,
    np.vectorize(one_erfc, otypes=[np.float64]),
    np.where,
    np.sqrt,
    np.log,
    np.sin,
    np.cos,
    np.pi,
    lambda name: getattr(special, name, None) or getattr(np, re.sub("^a(?!rc)", "arc", name)),
)

Reference = Callable[[Arithmetic, Any], Any]


def relu(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, x, 0 * x)


def relu_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, 1, 0)


def leaky_relu(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, x, x * m.number("0.01"))


def leaky_relu_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, 1, m.number("0.01"))


def elu(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, x, m.expm1(-abs(x)))


def elu_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, 1, m.exp(-abs(x)))


SELU_SCALE = "1.0507009873554804934193349852946"
SELU_ALPHA = "1.6732632423543772848170429916717"


def selu(m: Arithmetic, x: Any) -> Any:
    scale, alpha = m.number(SELU_SCALE), m.number(SELU_ALPHA)
    return m.where(x > 0, x * scale, m.expm1(-abs(x)) * (scale * alpha))


def selu_slope(m: Arithmetic, x: Any) -> Any:
    scale, alpha = m.number(SELU_SCALE), m.number(SELU_ALPHA)
    return m.where(x > 0, scale, m.exp(-abs(x)) * (scale * alpha))


def sigmoid(m: Arithmetic, x: Any) -> Any:
    small = m.exp(-abs(x))
    return m.where(x < 0, small, 1) / (1 + small)


def sigmoid_slope(m: Arithmetic, x: Any) -> Any:
    small = m.exp(-abs(x))
    return small / ((1 + small) * (1 + small))


def _softplus(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, x, 0 * x) + m.log1p(m.exp(-abs(x)))


def softplus(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 20, x, _softplus(m, x))


def softplus_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 20, 1, sigmoid(m, x))


def log_sigmoid(m: Arithmetic, x: Any) -> Any:
    return -_softplus(m, -x)


def log_sigmoid_slope(m: Arithmetic, x: Any) -> Any:
    return sigmoid(m, -x)


def silu(m: Arithmetic, x: Any) -> Any:
    return x * sigmoid(m, x)


def silu_slope(m: Arithmetic, x: Any) -> Any:
    return sigmoid(m, x) * (1 + x * sigmoid(m, -x))


def _tanh_of_softplus(m: Arithmetic, x: Any) -> Any:
    """tanh(log(1 + e^x)) = (e^2x + 2 e^x) / (e^2x + 2 e^x + 2), by powers that stay below 1."""
    small = m.exp(-abs(x))
    return m.where(
        x < 0,
        small * (small + 2) / (small * (small + 2) + 2),
        (1 + 2 * small) / (1 + 2 * small + 2 * small * small),
    )


def mish(m: Arithmetic, x: Any) -> Any:
    return x * _tanh_of_softplus(m, x)


def mish_slope(m: Arithmetic, x: Any) -> Any:
    small = m.exp(-abs(x))
    below = small * (small + 2) + 2
    above = 1 + 2 * small + 2 * small * small
    bent = m.where(
        x < 0, 4 * small * (1 + small) / (below * below), 4 * small * small * (1 + small) / (above * above)
    )
    return _tanh_of_softplus(m, x) + x * bent


def tanh(m: Arithmetic, x: Any) -> Any:
    fall = m.expm1(-2 * abs(x))
    return m.where(x < 0, fall, -fall) / (2 + fall)


def tanh_slope(m: Arithmetic, x: Any) -> Any:
    small = m.exp(-2 * abs(x))
    return 4 * small / ((1 + small) * (1 + small))


def softsign(m: Arithmetic, x: Any) -> Any:
    return x / (1 + abs(x))


def softsign_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / (1 + abs(x)) / (1 + abs(x))


def hard_sigmoid(m: Arithmetic, x: Any) -> Any:
    return m.where(x <= -3, 0, m.where(x >= 3, 1, (x + 3) / 6))


def hard_sigmoid_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(x <= -3, 0, m.where(x >= 3, 0, m.number("1") / 6))


def hard_swish(m: Arithmetic, x: Any) -> Any:
    return m.where(x <= -3, 0, m.where(x >= 3, x, x * ((x + 3) / 6)))


def hard_swish_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(x <= -3, 0, m.where(x >= 3, 1, (2 * x + 3) / 6))


def _normal_cdf(m: Arithmetic, x: Any) -> Any:
    return m.erfc(-x / m.sqrt(m.number("2"))) / 2


def gelu(m: Arithmetic, x: Any) -> Any:
    return x * _normal_cdf(m, x)


def gelu_slope(m: Arithmetic, x: Any) -> Any:
    return _normal_cdf(m, x) + x * m.exp(-x * x / 2) / m.sqrt(2 * m.pi)


def _inner_of_gelu_tanh(m: Arithmetic, x: Any) -> Any:
    return 2 * m.sqrt(2 / m.pi) * x * (1 + m.number("0.044715") * x * x)


def gelu_tanh(m: Arithmetic, x: Any) -> Any:
    """`x (1 + tanh(u)) / 2` is `x sigmoid(2u)`."""
    return x * sigmoid(m, _inner_of_gelu_tanh(m, x))


def gelu_tanh_slope(m: Arithmetic, x: Any) -> Any:
    inner = _inner_of_gelu_tanh(m, x)
    slope = 2 * m.sqrt(2 / m.pi) * (1 + 3 * m.number("0.044715") * x * x)
    return sigmoid(m, inner) * (1 + x * slope * sigmoid(m, -inner))


def gelu_sigmoid(m: Arithmetic, x: Any) -> Any:
    return x * sigmoid(m, m.number("1.702") * x)


def gelu_sigmoid_slope(m: Arithmetic, x: Any) -> Any:
    inner = m.number("1.702") * x
    return sigmoid(m, inner) * (1 + inner * sigmoid(m, -inner))


def exp(m: Arithmetic, x: Any) -> Any:
    return m.exp(x)


exp_slope = expm1_slope = exp


def expm1(m: Arithmetic, x: Any) -> Any:
    return m.expm1(x)


def log(m: Arithmetic, x: Any) -> Any:
    return m.log(x)


def log_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / x


def log1p(m: Arithmetic, x: Any) -> Any:
    return m.log1p(x)


def log1p_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / (1 + x)


def sin(m: Arithmetic, x: Any) -> Any:
    return m.sin(x)


def cos(m: Arithmetic, x: Any) -> Any:
    return m.cos(x)


sin_slope = cos


def cos_slope(m: Arithmetic, x: Any) -> Any:
    return -m.sin(x)


def erf(m: Arithmetic, x: Any) -> Any:
    """A series where erfc is nearly 1."""
    size = abs(x)
    square = m.where(size < m.number("0.1"), size, m.number("0.1")) ** 2
    total, term = 1 + 0 * square, 1 + 0 * square
    for n in range(1, 40):
        term = -term * square / n
        total = total + term / (2 * n + 1)
    return m.where(
        size < m.number("0.1"), 2 * x * total / m.sqrt(m.pi), m.where(x > 0, 1, -1) * (1 - m.erfc(size))
    )


def erf_slope(m: Arithmetic, x: Any) -> Any:
    return 2 * m.exp(-x * x) / m.sqrt(m.pi)


def erfc(m: Arithmetic, x: Any) -> Any:
    return m.erfc(x)


def erfc_slope(m: Arithmetic, x: Any) -> Any:
    return -erf_slope(m, x)


def sqrt(m: Arithmetic, x: Any) -> Any:
    return m.sqrt(x)


def sqrt_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / (2 * m.sqrt(x))


def rsqrt(m: Arithmetic, x: Any) -> Any:
    return 1 / m.sqrt(x)


def rsqrt_slope(m: Arithmetic, x: Any) -> Any:
    return -1 / m.sqrt(x) / x / 2


power_of_minus_half, power_of_minus_half_slope = rsqrt, rsqrt_slope


def reciprocal(m: Arithmetic, x: Any) -> Any:
    return 1 / x


def reciprocal_slope(m: Arithmetic, x: Any) -> Any:
    return -1 / x / x


def cube(m: Arithmetic, x: Any) -> Any:
    return x * x * x


def cube_slope(m: Arithmetic, x: Any) -> Any:
    return 3 * x * x


def seventh_power(m: Arithmetic, x: Any) -> Any:
    return cube(m, x) * cube(m, x) * x


def seventh_power_slope(m: Arithmetic, x: Any) -> Any:
    return 7 * cube(m, x) * cube(m, x)


def power_of_five_halves(m: Arithmetic, x: Any) -> Any:
    return x * x * m.sqrt(x)


def power_of_five_halves_slope(m: Arithmetic, x: Any) -> Any:
    return 5 * x * m.sqrt(x) / 2


def power_of_seven_quarters(m: Arithmetic, x: Any) -> Any:
    return x * m.sqrt(x) * m.sqrt(m.sqrt(x))


def power_of_seven_quarters_slope(m: Arithmetic, x: Any) -> Any:
    return 7 * m.sqrt(x) * m.sqrt(m.sqrt(x)) / 4


def power_of_three(m: Arithmetic, x: Any) -> Any:
    return m.exp(x * m.log(m.number("3")))


def power_of_three_slope(m: Arithmetic, x: Any) -> Any:
    return power_of_three(m, x) * m.log(m.number("3"))
