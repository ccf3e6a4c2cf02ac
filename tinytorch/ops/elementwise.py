"""Element-wise ops: one formula each, and nothing else.

Gradient, kernels, in-place form, LaTeX and tests follow from the formula. Names, meanings, edge cases and
the slopes at nonsmooth points are PyTorch's where it has the function. Every op works on tensors, on
numbers, and on the variables of another formula.

Conditions are written so that NaN falls into a branch that keeps it: `where(x <= 0, 0, x)`, not `where(x >
0, x, 0)`.
"""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from functools import partial
from typing import Any, Final

from compiler.errors import ArgumentError
from compiler.ir.build import atom_formula
from compiler.ir.formula.trace import Var
from tinytorch.elementwise import Documentation, Elementwise, Traced, built_in, of_atom
from tinytorch.tensor import Tensor, as_tensor


class _Logical(Elementwise):
    """Bits of truths: what is not 0 (NaN included) is true, as in NumPy."""

    __doc__ = Documentation(__doc__)  # pyright: ignore[reportAssignmentType]  # a text, made when asked for

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        return super().__call__(*map(_truth, operands), **parameters)


def _atom(name: str) -> Traced:
    return atom_formula(name), {}


def _truth(value: Any) -> Any:
    if isinstance(value, Var):
        return value.truth
    if isinstance(value, bool):
        return value
    tensor = as_tensor(value)
    return tensor if tensor.dtype.value == "bool" else tensor != 0


# Arithmetic

add = of_atom("add", "The sum of two values. Integers wrap around; bools are refused.")
subtract = of_atom("sub", "The first value less the second. Integers wrap around; bools are refused.")
multiply = of_atom("mul", "The product of two values. 0 times an infinity is NaN, other than with `zmul`.")
divide = of_atom(
    "div", "The true quotient, floating for integers too. Of 0 by 0 it is NaN, of others by 0 an infinity."
)
negative = of_atom("neg", "The value with the other sign, of 0 too.")
square = built_in("square", lambda x: x * x, doc="The value times itself, rounded once.")
reciprocal = built_in("reciprocal", lambda x: 1 / x, doc="One over x; infinite at 0, with its sign.")
zmul = of_atom(
    "zmul",
    "The product, but 0 where the first operand is 0, whatever the second is. Gradients of masked branches "
    "are made with it: a slope that is infinite or NaN is not met where nothing is passed on.",
)


def pow(base: Any, exponent: Any) -> Any:  # PyTorch's name
    """`base ** exponent`. Integers have no power by a negative number (DTypeError).

    By a tensor of integers they have: 1 / base^-exponent, cut to a whole number, as in PyTorch.
    """
    is_lazy = isinstance(base, Tensor | Var) or isinstance(exponent, Tensor | Var)
    return base**exponent if is_lazy else as_tensor(base) ** exponent


# Comparison and logic; results are bool and have no gradient

equal = of_atom("eq", "Whether two values are the same number. NaN is none, and 0 is -0.")
not_equal = of_atom("ne", "Whether two values are not the same number; true where one is NaN.")
less = of_atom("lt", "Whether the first value is the smaller one; false where one is NaN.")
less_equal = of_atom("le", "Whether the first value is no larger than the second; false where one is NaN.")
greater = of_atom("gt", "Whether the first value is the larger one; false where one is NaN.")
greater_equal = of_atom(
    "ge", "Whether the first value is no smaller than the second; false where one is NaN."
)
logical_and, logical_or, logical_xor, logical_not = (
    _Logical(name, partial(_atom, name), f"{doc} What is no bool is true where it is not 0, NaN included.")
    for name, doc in (
        ("and", "Whether both conditions hold."),
        ("or", "Whether at least one of two conditions holds."),
        ("xor", "Whether exactly one of two conditions holds."),
        ("not", "Whether the condition does not hold."),
    )
)
bitwise_and = of_atom("and", "The bits that two integers both have; of bools, whether both hold.")
bitwise_or = of_atom("or", "The bits that one of two integers has, or both; of bools, whether one holds.")
bitwise_xor = of_atom("xor", "The bits that exactly one of two integers has; of bools, whether they differ.")
bitwise_not = of_atom("not", "Every bit the other way, -1 - x; of a bool, whether it does not hold.")
bitwise_left_shift = of_atom(
    "lshift",
    "x with its bits moved to the left by y places, x times 2 to the power y modulo 2^n. For y below 0, or "
    "not below the bits that x has, it is 0.",
)
bitwise_right_shift = of_atom(
    "rshift",
    "x with its bits moved to the right by y places, the sign from the left: floor(x / 2 ** y). For y below "
    "0, or not below the bits that x has, the sign alone: 0 or -1.",
)
isnan = of_atom("isnan", "Whether the value is no number, as 0/0; never of an integer.")
isinf = built_in("isinf", lambda x: abs(x) == math.inf, doc="Whether the value is an infinity.")
isfinite = built_in(
    "isfinite", lambda x: abs(x) < math.inf, doc="Whether the value is a number that is not infinite."
)
where = of_atom(
    "where",
    """`y` where the condition `x` holds, else `z`: `where(condition, chosen, other)`.

    A branch that is not taken gets gradient 0, even where its slope is infinite.

    So does what the branch was made from, infinite or NaN as it may be: through element-wise ops, through
    reshaping, transposing, slicing, padding and concatenating, and through sums, means, extrema and
    broadcasts along axes on which the condition does not depend, as of rows that are masked out whole. The
    promise ends, and 0 times infinity is NaN, at a product that is summed (`@`, `einsum`), at a value that is
    also read outside of the branch or broadcast along an axis of the condition, at a gather and at a `call`.
    `tril` and `triu` are masks as well; a product with zeros and ones is not known to be one.
    """,
)

# Pieces and steps

abs = of_atom("abs", "The magnitude. Its slope is the sign, 0 at 0.")
sign = of_atom("sign", "-1, 0 or 1 by the sign; NaN stays. The slope is 0 everywhere.")
floor = of_atom("floor", "The largest integer that is not above the value. The slope is 0 everywhere.")
ceil = of_atom("ceil", "The smallest integer that is not below the value. The slope is 0 everywhere.")
round = of_atom("round", "The nearest integer; halves go to the even one. The slope is 0 everywhere.")
maximum = of_atom(
    "maximum",
    "The larger of two values; NaN where one is. Where they are equal, they share the gradient in halves.",
)
minimum = of_atom(
    "minimum",
    "The smaller of two values; NaN where one is. Where they are equal, they share the gradient in halves.",
)
stop_gradient = of_atom("stop", "The value itself, through which no gradient passes (torch.Tensor.detach).")

_at_least = built_in(
    "clip_min",
    lambda x, min: where(x >= min, x, where(x < min, min, stop_gradient(x + min))),
    doc="x, and `min` where x is below it; NaN of either stays, and the gradient passes at the bound.",
)
_at_most = built_in(
    "clip_max",
    lambda x, max: where(x <= max, x, where(x > max, max, stop_gradient(x + max))),
    doc="x, and `max` where x is above it; NaN of either stays, and the gradient passes at the bound.",
)
_between = built_in(
    "clip", lambda x, min, max: _at_most(_at_least(x, min), max), doc="x held between `min` and `max`."
)

CLIPS: Final = {"min": _at_least, "max": _at_most, "both": _between}
"""The ops behind `clip`, by what is given."""


def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """`x` held between `min` and `max`, either of which may be None, a number or a tensor.

    The gradient passes at the bounds (torch.clamp); NaN anywhere gives NaN; `max` wins where it is below
    `min`.
    """
    if min is None and max is None:
        raise ArgumentError("clip needs min, max or both")
    if max is None:
        return CLIPS["min"](x, min)
    return CLIPS["max"](x, max) if min is None else CLIPS["both"](x, min, max)


clamp = clip
"""PyTorch's name for it."""


# Roots, exponentials, trigonometry, the error function

sqrt = of_atom("sqrt", "The square root, for x >= 0; NaN below. Its slope is infinite at 0.")
rsqrt = built_in("rsqrt", lambda x: 1 / sqrt(x), doc="One over sqrt(x), for x > 0; infinite at 0.")
exp = of_atom("exp", "e to the power x. Infinite from 88.73 on in float32, from 709.79 on in float64.")
expm1 = of_atom("expm1", "exp(x) - 1 without the cancellation that this has near 0.")
log = of_atom("log", "The natural logarithm, for x > 0; -infinity at 0, NaN below.")
log1p = of_atom("log1p", "log(1 + x) without the cancellation that this has near 0, for x > -1.")
sin = of_atom("sin", "The sine of an angle in radians, accurate for every float; NaN of an infinity.")
cos = of_atom("cos", "The cosine of an angle in radians, accurate for every float; NaN of an infinity.")
tanh = of_atom("tanh", "The hyperbolic tangent, an S from -1 to 1 with slope 1 at 0.")
erf = of_atom("erf", "The error function: 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.")
erfc = of_atom("erfc", "1 - erf(x) without the cancellation that this has for large x.")
erfinv = of_atom("erfinv", "The number whose erf is x: infinite at -1 and 1, NaN beyond.")
exact_softplus = of_atom("softplus", "log(1 + exp(x)) for every x: neither overflows nor cancels.")
normal_cdf = of_atom("normcdf", "The probability that a standard normal number is at most x.")
