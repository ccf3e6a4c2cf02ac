"""Functions of mathematics: one formula each, of atoms that are accurate for every number.

Names and meanings are PyTorch's; edge cases and slopes too. What has no formula as accurate as that is an
atom.
"""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from typing import Any, Final

from compiler.errors import ArgumentError
from compiler.ir.bfloat16 import float_limits
from compiler.ir.formula.trace import REMAINDER, Var
from tinytorch.axes import counted
from tinytorch.elementwise import built_in, of_atom, of_formula
from tinytorch.ops.elementwise import (
    abs,
    ceil,
    clip,
    exact_softplus,
    floor,
    isnan,
    log,
    log1p,
    normal_cdf,
    round,
    sin,
    where,
    zmul,
)
from tinytorch.tensor import as_tensor
from tinytorch.values import checked_number

# Powers and logarithms


def _logaddexp(x: Any, y: Any, difference: Any) -> Any:
    """The larger operand leads, so that what is added to it is at most log(2)."""
    return where(x > y, x + exact_softplus(-difference), y + exact_softplus(difference))


def _log2addexp2(x: Any, y: Any, difference: Any) -> Any:
    ratio = math.log(2)
    fore, back = exact_softplus(-difference * ratio), exact_softplus(difference * ratio)
    return where(x > y, x + fore / ratio, y + back / ratio)


exp2 = of_atom("exp2", "2 to the power x. Infinite from 128 on in float32, from 1024 on in float64.")
log2 = of_atom("log2", "The binary logarithm, for x > 0; exact of powers of two.")
log10 = of_atom("log10", "The decimal logarithm, for x > 0: -infinity at 0, NaN below.")
cbrt = of_atom("cbrt", "The real cube root, of negative numbers too. Its slope is infinite at 0.")
_logit = of_atom(
    "logit", "The logarithm of the odds x / (1 - x), the inverse of sigmoid; NaN outside [0, 1]."
)
hypot = of_atom(
    "hypot", "The root of x^2 + y^2, also where a square would overflow. Its slope has no value at 0, 0."
)
logaddexp = built_in(
    "logaddexp",
    lambda x, y: _logaddexp(x, y, where((x == y) & (abs(x) == math.inf), 0, x - y)),
    doc="log(exp(x) + exp(y)), which neither overflows nor loses the smaller of two far apart.",
)
xlogy = built_in(
    "xlogy",
    lambda x, y: where(isnan(y), y, where((x == 0) & (y <= 0), 0, zmul(x, log(where(y < 0, math.nan, y))))),
    doc="x times log(y), and 0 where x is 0, but NaN where y is.",
)

logaddexp2 = built_in(
    "logaddexp2",
    lambda x, y: _log2addexp2(x, y, where((x == y) & (abs(x) == math.inf), 0, x - y)),
    doc="log2(2^x + 2^y), as `logaddexp` has it of natural logarithms.",
)
xlog1py = built_in(
    "xlog1py",
    lambda x, y: where(
        isnan(y), y, where((x == 0) & (y <= -1), 0, zmul(x, log1p(where(y < -1, math.nan, y))))
    ),
    doc="x times log(1 + y), and 0 where x is 0, but NaN where y is.",
)
ldexp = built_in(
    "ldexp",
    lambda x, y: x * exp2(y),
    doc="x times 2 to the power y, which rounds nothing where y is whole and no end of the range is met.",
)
ndtr = normal_cdf
"""PyTorch's name for it, in `torch.special`."""

# Angles

deg2rad = built_in(
    "deg2rad",
    lambda x: x * (math.pi / 180),
    doc="An angle of so many degrees in radians, of which half a turn has pi.",
)
rad2deg = built_in(
    "rad2deg",
    lambda x: x * (180 / math.pi),
    doc="An angle of so many radians in degrees, of which half a turn has 180.",
)

tan = of_atom("tan", "The tangent of an angle in radians, accurate for every float; NaN of an infinity.")
asin = of_atom("asin", "The angle between -pi/2 and pi/2 whose sine is x; NaN beyond 1.")
acos = of_atom("acos", "The angle between 0 and pi whose cosine is x; NaN beyond 1.")
atan = of_atom("atan", "The angle between -pi/2 and pi/2 whose tangent is x.")
atan2 = of_atom(
    "atan2",
    "The angle of the point with the coordinates y and x, in this order here, from -pi to pi: `atan2(y, x)`.",
)

_zeta = of_atom("zeta", "The sum of (y + k)^-x over k = 0, 1, 2, ...: Hurwitz's zeta function, for x > 1.")
_LARGEST_ORDER: Final = 170
"""Of a derivative: the factorial of the next is infinite."""

_SERIES: Final = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(13))
"""Of sin(t) / t, in t^2."""


def _sinc(x: Any) -> Any:
    """By its series below |t| = 2, where differences of slopes lose digits and at 0 there is no quotient.

    Beyond, whole turns are taken off x, which leaves no rounding, before it is multiplied by pi.
    """
    square, total = (math.pi * x) * (math.pi * x), 0.0
    for coefficient in reversed(_SERIES):
        total = total * square + coefficient
    whole = round(x)
    sign = where(whole == 2 * floor(whole / 2), 1, -1)
    return where(square < 4, total, sign * sin(math.pi * (x - whole)) / math.pi / x)


sinc = built_in("sinc", _sinc, doc="sin(pi x) / (pi x), and 1 at 0; 0 at all other integers.")

# Gamma

lgamma = of_atom(
    "lgamma",
    "The logarithm of |gamma(x)|, of (x - 1)! for whole x: infinite at 0, at negative whole numbers and at "
    "both infinities. To the left of 0 it crosses 0 again and again, and its error there is absolute.",
)
digamma = of_atom(
    "digamma",
    "The slope of `lgamma`: infinite at 0, NaN at negative whole numbers, with an absolute error left of 0.",
)
_polygamma = built_in(
    "polygamma",
    lambda x, *, power=2, factor=1.0: factor * _zeta(power, x),
    doc="A derivative of digamma: a multiple of the sum of (x + k)^-power over k = 0, 1, 2, ...",
)


def polygamma(n: int, x: Any) -> Any:
    """The derivative of order n of `digamma`, itself for 0: (-1)^(n+1) n! zeta(n + 1, x), for n up to 170.

    At 0 and at negative whole numbers it is the infinity to their right. The arguments are in PyTorch's
    order. Raises ArgumentError for another order.
    """
    order = counted("the order of polygamma", n)
    if not 0 <= order <= _LARGEST_ORDER:
        raise ArgumentError(f"the order of polygamma is from 0 to {_LARGEST_ORDER}, not {order}")
    if order == 0:
        return digamma(x)
    return _polygamma(x, power=order + 1, factor=float((-1) ** (order + 1) * math.factorial(order)))


# Hyperbolic functions

sinh = of_atom("sinh", "Half of exp(x) - exp(-x), without the cancellation that this has near 0.")
cosh = of_atom("cosh", "Half of exp(x) + exp(-x): the curve of a hanging chain.")
asinh = of_atom("asinh", "The number whose sinh is x.")
acosh = of_atom("acosh", "The number that is not negative and whose cosh is x, for x >= 1; NaN below.")
atanh = of_atom("atanh", "The number whose tanh is x: infinite at -1 and 1, NaN beyond.")

# Pieces

copysign = of_atom(
    "copysign", "The magnitude of x with the sign of y, that of a zero too. The slope by x is 0 where x is."
)

trunc = built_in(
    "trunc",
    lambda x: where(x < 0, ceil(x), floor(x)),
    doc="The nearest integer towards 0. The slope is 0 everywhere.",
)
fmod = of_atom(
    "fmod", "What is left of x when it is divided by y, exactly, with the sign of x. Integers by 0 give 0."
)
remainder = of_formula(
    REMAINDER, "What is left of x when it is divided by y, with the sign of y: Python's `%`."
)
floor_divide = of_atom(
    "floordiv",
    "The quotient rounded down: Python's `//`. Integers stay integers, and by 0 give 0. The slope is 0.",
)
frac = built_in("frac", lambda x: x - trunc(x), doc="What x has beyond `trunc(x)`, with the sign of x.")
fmax = built_in(
    "fmax",
    lambda x, y: where((x >= y) | isnan(y), x, y),
    doc="The larger of two values; where one is NaN, the other. The first has the gradient of equal ones.",
)
fmin = built_in(
    "fmin",
    lambda x, y: where((x <= y) | isnan(y), x, y),
    doc="The smaller of two values; where one is NaN, the other. The first has the gradient of equal ones.",
)
heaviside = built_in(
    "heaviside",
    lambda x, y: where(x == 0, y, where(x > 0, 1, 0)),
    doc="0 for x below 0 (and NaN), 1 above, and at 0 the value y.",
)
signbit = built_in("signbit", lambda x: copysign(1, x) < 0, doc="Whether x has a minus: -0 has one.")
isposinf = built_in("isposinf", lambda x: x == math.inf, doc="Whether the value is infinity.")
isneginf = built_in("isneginf", lambda x: x == -math.inf, doc="Whether the value is -infinity.")
lerp = built_in(
    "lerp",
    lambda start, end, weight: where(
        abs(weight) < 0.5, start + weight * (end - start), end - (end - start) * (1 - weight)
    ),
    doc="`start` for the weight 0, `end` for 1, and the straight line through both for any other.",
)
_isclose = built_in(
    "isclose",
    lambda x, y, *, rtol=1e-5, atol=1e-8: (
        (x == y) | ((abs(x - y) <= atol + rtol * abs(y)) & (abs(y) < math.inf))
    ),
    doc="Whether x is off from y by at most `atol` and `rtol` of y; infinities are close to themselves.",
)
_isclose_or_nan = built_in(
    "isclose_or_nan",
    lambda x, y, *, rtol=1e-5, atol=1e-8: _isclose(x, y, rtol=rtol, atol=atol) | (isnan(x) & isnan(y)),
    doc="As `isclose`, and NaN is close to NaN.",
)
_nan_to_num = built_in(
    "nan_to_num",
    lambda x, *, missing=0.0, top=0.0, bottom=0.0: where(
        isnan(x), missing, where(x == math.inf, top, where(x == -math.inf, bottom, x))
    ),
    doc="x with a number each for NaN and the two infinities.",
)


def logit(x: Any, eps: float | None = None) -> Any:
    """The logarithm of the odds x / (1 - x), the inverse of sigmoid: NaN outside [0, 1].

    With `eps` x is held between eps and 1 - eps before, and has the slope 0 outside.
    """
    return _logit(x if eps is None else clip(x, eps, 1 - checked_number("eps", eps)))


def isclose(x: Any, y: Any, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether x is off from y by at most `atol + rtol |y|`; infinities are close to themselves alone.

    NaN is close to nothing, or with `equal_nan` to NaN.
    """
    return (_isclose_or_nan if equal_nan else _isclose)(x, y, rtol=rtol, atol=atol)


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """x with `nan` in the place of NaN, and numbers for infinities: by default its dtype's outermost ones.

    What is replaced has the slope 0.
    """
    if isinstance(x, Var):
        if posinf is None or neginf is None:
            raise ArgumentError("nan_to_num in a formula needs posinf and neginf: a formula has no dtype yet")
        return _nan_to_num(x, missing=nan, top=posinf, bottom=neginf)
    x = as_tensor(x)
    if not x.dtype.is_float:
        return x
    largest = float(float_limits(x.dtype.numpy).max)
    ends = (largest if posinf is None else posinf), (-largest if neginf is None else neginf)
    return _nan_to_num(x, missing=nan, top=ends[0], bottom=ends[1])
