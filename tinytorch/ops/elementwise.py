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
from typing import Any, Final, Literal

from compiler.errors import ArgumentError
from compiler.ir.build import atom_formula
from compiler.ir.formula.trace import Var
from tinytorch.elementwise import Elementwise, elementwise
from tinytorch.tensor import Tensor, as_tensor

_SELU_SCALE: Final = 1.0507009873554804934193349852946
_SELU_ALPHA: Final = 1.6732632423543772848170429916717
"""Klambauer et al., Self-Normalizing Neural Networks (2017), equation 14."""


def _atom(name: str) -> Elementwise:
    return Elementwise(atom_formula(name), {})


class _Logical(Elementwise):
    """An atom of bools that takes numbers too: what is not 0 (NaN included) is true, as in NumPy."""

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        return super().__call__(*map(_truth, operands), **parameters)


def _truth(value: Any) -> Any:
    if isinstance(value, Var | bool):
        return value
    tensor = as_tensor(value)
    return tensor if tensor.dtype.value == "bool" else tensor != 0


# Arithmetic

add, subtract, multiply, divide, negative = map(_atom, ("add", "sub", "mul", "div", "neg"))
square = elementwise("square", lambda x: x * x)
reciprocal = elementwise("reciprocal", lambda x: 1 / x)
zmul = _atom("zmul")
"""The product, 0 where the first operand is 0 whatever the second is."""


def pow(base: Any, exponent: Any) -> Any:  # PyTorch's name
    """`base ** exponent`. Integers have powers by non-negative Python ints only (DTypeError)."""
    is_lazy = isinstance(base, Tensor | Var) or isinstance(exponent, Tensor | Var)
    return base**exponent if is_lazy else as_tensor(base) ** exponent


# Comparison and logic; results are bool and have no gradient

equal, not_equal = _atom("eq"), _atom("ne")
less, less_equal, greater, greater_equal = map(_atom, ("lt", "le", "gt", "ge"))
logical_and, logical_or, logical_xor, logical_not = (
    _Logical(atom_formula(name), {}) for name in ("and", "or", "xor", "not")
)
isnan = _atom("isnan")
isinf = elementwise("isinf", lambda x: abs(x) == math.inf)
isfinite = elementwise("isfinite", lambda x: abs(x) < math.inf)
where = _atom("where")
"""`where(condition, x, y)`. A branch that is not taken gets gradient 0, even where its slope is infinite.

So does what the branch was made from, infinite or NaN as it may be: through element-wise ops, through
reshaping, transposing, slicing, padding and concatenating, and through sums, means, extrema and broadcasts
along axes on which the condition does not depend, as of rows that are masked out whole. The promise ends,
and 0 times infinity is NaN, at a product that is summed (`@`, `einsum`), at a value that is also read outside
of the branch or broadcast along an axis of the condition, at a gather and at a `call`. `tril` and `triu` are
masks as well; a product with zeros and ones is not known to be one.
"""

# Pieces and steps

abs = _atom("abs")
sign, floor, ceil = _atom("sign"), _atom("floor"), _atom("ceil")
round = _atom("round")
"""The nearest integer; halves go to the even one."""
maximum, minimum = _atom("maximum"), _atom("minimum")
"""NaN where an operand is. Equal operands share the gradient in halves."""
stop_gradient = _atom("stop")
"""The value itself, through which no gradient passes."""

_at_least = elementwise(
    "clip_min", lambda x, min: where(x >= min, x, where(x < min, min, stop_gradient(x + min)))
)
_at_most = elementwise(
    "clip_max", lambda x, max: where(x <= max, x, where(x > max, max, stop_gradient(x + max)))
)
_between = elementwise("clip", lambda x, min, max: _at_most(_at_least(x, min), max))


def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """`x` held between `min` and `max`, either of which may be None, a number or a tensor.

    The gradient passes at the bounds (torch.clamp); NaN anywhere gives NaN; `max` wins where it is below
    `min`.
    """
    if min is None and max is None:
        raise ArgumentError("clip needs min, max or both")
    if max is None:
        return _at_least(x, min)
    return _at_most(x, max) if min is None else _between(x, min, max)


# Roots, exponentials, trigonometry, the error function

sqrt = _atom("sqrt")
rsqrt = elementwise("rsqrt", lambda x: 1 / sqrt(x))
exp, expm1, log, log1p = _atom("exp"), _atom("expm1"), _atom("log"), _atom("log1p")
sin, cos, tanh = _atom("sin"), _atom("cos"), _atom("tanh")
erf, erfc = _atom("erf"), _atom("erfc")
exact_softplus, _normal_cdf = _atom("softplus"), _atom("normcdf")
"""`log(1 + exp(x))` for every x."""

# Activations

sigmoid = _atom("sigmoid")
log_sigmoid = elementwise("log_sigmoid", lambda x: -exact_softplus(-x))
softplus = elementwise(
    "softplus_beta",
    lambda x, *, beta=1, threshold=20: where(beta * x > threshold, x, exact_softplus(beta * x) / beta),
)
"""`log(1 + exp(beta x)) / beta`, and `x` itself where `beta x > threshold`."""
relu = elementwise("relu", lambda x: where(x <= 0, 0, x))
leaky_relu = elementwise("leaky_relu", lambda x, *, negative_slope=0.01: where(x > 0, x, negative_slope * x))
elu = elementwise("elu", lambda x, *, alpha=1.0: where(x > 0, x, alpha * expm1(x)))
selu = elementwise("selu", lambda x: _SELU_SCALE * where(x > 0, x, _SELU_ALPHA * expm1(x)))
silu = elementwise("silu", lambda x: x * sigmoid(x))
mish = elementwise("mish", lambda x: x * tanh(exact_softplus(x)))
softsign = elementwise("softsign", lambda x: x / (1 + abs(x)))
hard_sigmoid = elementwise("hard_sigmoid", lambda x: where(x <= -3, 0, where(x >= 3, 1, (x + 3) / 6)))
hard_swish = elementwise("hard_swish", lambda x: where(x <= -3, 0, where(x >= 3, x, x * (x + 3) / 6)))

GELU_FORMS: Final = {
    "none": elementwise("gelu", lambda x: x * _normal_cdf(x)),
    "tanh": elementwise(
        "gelu_tanh", lambda x: x * sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x)))
    ),
    "sigmoid": elementwise("gelu_sigmoid", lambda x: x * sigmoid(1.702 * x)),
}
"""The ops behind `gelu`, by what `approximate` says."""


def gelu(x: Any, *, approximate: Literal["none", "tanh", "sigmoid"] = "none") -> Any:
    """`x` times the normal distribution function (Hendrycks and Gimpel, 2016), or an approximation.

    The tanh form is written with `sigmoid(2u)`, which is `(1 + tanh(u)) / 2` without its cancellation.
    """
    if approximate not in GELU_FORMS:
        raise ArgumentError(f"gelu has approximate={', '.join(map(repr, GELU_FORMS))}, not {approximate!r}")
    return GELU_FORMS[approximate](x)
