"""Functions of mathematics and activations of straight lines, and their slopes, as `references` has them."""

from __future__ import annotations

from typing import Any

from tests.accuracy.references import Arithmetic, elu, elu_slope

celu, celu_slope = elu, elu_slope


def relu6(m: Arithmetic, x: Any) -> Any:
    return m.where(x <= 0, 0 * x, m.where(x >= 6, 6, x))


def relu6_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(x <= 0, 0, m.where(x >= 6, 0, 1))


def hardtanh(m: Arithmetic, x: Any) -> Any:
    return m.where(x <= -1, -1, m.where(x >= 1, 1, x))


def hardtanh_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(abs(x) >= 1, 0, 1)


def hard_shrink(m: Arithmetic, x: Any) -> Any:
    return m.where(abs(x) <= m.number("0.5"), 0, x)


def hard_shrink_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(abs(x) <= m.number("0.5"), 0, 1)


soft_shrink_slope = hard_shrink_slope


def soft_shrink(m: Arithmetic, x: Any) -> Any:
    half = m.number("0.5")
    return m.where(x > half, x - half, m.where(x < -half, x + half, 0))


def threshold(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, x, 0)


def threshold_slope(m: Arithmetic, x: Any) -> Any:
    return m.where(x > 0, 1, 0)


def exp2(m: Arithmetic, x: Any) -> Any:
    return m.exp(x * m.log(m.number("2")))


def exp2_slope(m: Arithmetic, x: Any) -> Any:
    return exp2(m, x) * m.log(m.number("2"))


def log2(m: Arithmetic, x: Any) -> Any:
    return m.log(x) / m.log(m.number("2"))


def log2_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / x / m.log(m.number("2"))


def log10(m: Arithmetic, x: Any) -> Any:
    return m.log(x) / m.log(m.number("10"))


def log10_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / x / m.log(m.number("10"))


def cbrt(m: Arithmetic, x: Any) -> Any:
    return m.where(x < 0, -1, 1) * m.named("cbrt")(abs(x))


def cbrt_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / (3 * cbrt(m, x) * cbrt(m, x))


def tan(m: Arithmetic, x: Any) -> Any:
    return m.sin(x) / m.cos(x)


def tan_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / (m.cos(x) * m.cos(x))


def asin(m: Arithmetic, x: Any) -> Any:
    return m.named("asin")(x)


def asin_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / m.sqrt((1 - x) * (1 + x))


def acos(m: Arithmetic, x: Any) -> Any:
    return m.named("acos")(x)


def acos_slope(m: Arithmetic, x: Any) -> Any:
    return -asin_slope(m, x)


def atan(m: Arithmetic, x: Any) -> Any:
    return m.named("atan")(x)


def atan_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / (1 + x * x)


def sinh(m: Arithmetic, x: Any) -> Any:
    return m.named("sinh")(x)


def cosh(m: Arithmetic, x: Any) -> Any:
    return m.named("cosh")(x)


sinh_slope, cosh_slope = cosh, sinh


def asinh(m: Arithmetic, x: Any) -> Any:
    return m.named("asinh")(x)


def asinh_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / m.sqrt(1 + x * x)


def acosh(m: Arithmetic, x: Any) -> Any:
    return m.named("acosh")(x)


def acosh_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / (m.sqrt(x - 1) * m.sqrt(x + 1))


def atanh(m: Arithmetic, x: Any) -> Any:
    return m.named("atanh")(x)


def atanh_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / ((1 - x) * (1 + x))


def logit(m: Arithmetic, x: Any) -> Any:
    near = m.where(abs(x - m.number("0.5")) < m.number("0.25"), x, m.number("0.5"))
    return m.where(
        abs(x - m.number("0.5")) < m.number("0.25"),
        m.log1p((2 * near - 1) / (1 - near)),
        m.log(x) - m.log1p(-x),
    )


def logit_slope(m: Arithmetic, x: Any) -> Any:
    return 1 / (x * (1 - x))


def _turned(m: Arithmetic, x: Any) -> tuple[Any, Any]:
    """sin and cos of pi x, half turns taken off first."""
    floor, half = m.named("floor"), m.number("0.5")
    whole = floor(x + half)
    sign = 1 - 2 * (whole - 2 * floor(whole / 2))
    return sign * m.sin(m.pi * (x - whole)), sign * m.cos(m.pi * (x - whole))


def sinc(m: Arithmetic, x: Any) -> Any:
    safe = m.where(x == 0, 1, x)
    return m.where(x == 0, 1, _turned(m, safe)[0] / m.pi / safe)


def sinc_slope(m: Arithmetic, x: Any) -> Any:
    """A series where the difference loses digits."""
    t = m.pi * x
    square = m.where(abs(t) < 1, t, 1) ** 2
    total, term = 0 * square, -m.pi * m.pi * x / 3
    for k in range(1, 14):
        total = total + term
        term = -term * square * (k + 1) / (k * (2 * k + 2) * (2 * k + 3))
    far = m.where(abs(t) < 1, 1, x)
    sine, cosine = _turned(m, far)
    return m.where(abs(t) < 1, total, (cosine - sine / m.pi / far) / far)


def erfinv(m: Arithmetic, x: Any) -> Any:
    return m.named("erfinv")(x)


def erfinv_slope(m: Arithmetic, x: Any) -> Any:
    root = erfinv(m, x)
    return m.exp(root * root) * m.sqrt(m.pi) / 2


def lgamma(m: Arithmetic, x: Any) -> Any:
    return m.named("lgamma")(x)


def digamma(m: Arithmetic, x: Any) -> Any:
    return m.named("digamma")(x)


def trigamma(m: Arithmetic, x: Any) -> Any:
    return m.named("zeta")(2, x)


def trigamma_slope(m: Arithmetic, x: Any) -> Any:
    return -2 * m.named("zeta")(3, x)


lgamma_slope, digamma_slope = digamma, trigamma
lgamma_left_of_0, lgamma_left_of_0_slope = lgamma, digamma
digamma_left_of_0, digamma_left_of_0_slope = digamma, trigamma
