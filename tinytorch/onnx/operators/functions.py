"""Functions of one value, element by element: a table of those that our vocabulary has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tinytorch.onnx.calling.operator import operator
from tinytorch.ops import activations
from tinytorch.ops import elementwise as plain
from tinytorch.ops import functions as more
from tinytorch.tensor import Tensor

FUNCTIONS: Final[Mapping[str, Callable[[Any], Tensor]]] = {
    "Abs": plain.abs,
    "Neg": plain.negative,
    "Sign": plain.sign,
    "Floor": plain.floor,
    "Ceil": plain.ceil,
    "Round": plain.round,
    "Reciprocal": plain.reciprocal,
    "Sqrt": plain.sqrt,
    "Exp": plain.exp,
    "Log": plain.log,
    "Erf": plain.erf,
    "Sin": plain.sin,
    "Cos": plain.cos,
    "Tan": more.tan,
    "Asin": more.asin,
    "Acos": more.acos,
    "Atan": more.atan,
    "Sinh": more.sinh,
    "Cosh": more.cosh,
    "Tanh": plain.tanh,
    "Sigmoid": activations.sigmoid,
    "Asinh": more.asinh,
    "Acosh": more.acosh,
    "Atanh": more.atanh,
    "IsNaN": plain.isnan,
}
"""What each is called in our vocabulary. Halves are rounded to the even number."""


def _of_one(name: str, function: Callable[[Any], Tensor]) -> None:
    def applied(x: Tensor) -> Tensor:
        return function(x)

    applied.__name__, applied.__doc__ = name.lower(), getattr(function, "meaning", None)
    operator(name)(applied)


for _name, _function in FUNCTIONS.items():
    _of_one(_name, _function)


@operator("IsInf", since=10)
def is_infinite(x: Tensor, *, detect_negative: int, detect_positive: int) -> Tensor:
    """Whether the value is an infinity, of the signs that are asked for."""
    found = {(1, 1): plain.isinf, (0, 1): more.isposinf, (1, 0): more.isneginf}
    test = found.get((detect_negative, detect_positive))
    return (x != x) & (x == x) if test is None else test(x)
