"""Operators before opset 7, in which an operand broadcasts where an attribute says so, from an axis on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Unsupported
from tinytorch.onnx.operators import arithmetic, logic, products
from tinytorch.tensor import Tensor

_NEWER: Final[Mapping[str, Callable[[Tensor, Tensor], Any]]] = {
    "Add": arithmetic.add,
    "Sub": arithmetic.subtract,
    "Mul": arithmetic.multiply,
    "Div": arithmetic.divide,
    "Pow": arithmetic.power,
    "And": logic.both,
    "Or": logic.either,
    "Xor": logic.one_alone,
    "Equal": logic.equal,
    "Less": logic.less,
    "Greater": logic.greater,
}
"""What each means since then, when operands broadcast as in NumPy."""


def _placed(a: Tensor, b: Tensor, axis: int | None) -> Tensor:
    """b with unit axes behind its own, so that these meet those of a from an axis on."""
    if axis is None or not b.ndim:
        return b
    behind = a.ndim - normalised_axis(axis, a.ndim, a.node) - b.ndim
    if behind < 0:
        raise Unsupported(f"{a.ndim} axes have no {b.ndim} from axis {axis} on")
    return b.reshape([*b.shape, *[1] * behind])


def _register(name: str, newer: Callable[[Tensor, Tensor], Any]) -> None:
    def older(
        a: Tensor, b: Tensor, *, axis: int | None = None, broadcast: int = 0, consumed_inputs: Any = None
    ) -> Any:
        if not broadcast and a.shape != b.shape:
            raise Unsupported(f"operands of {list(a.shape)} and {list(b.shape)} broadcast where it says so")
        return newer(a, _placed(a, b, axis))

    older.__name__, older.__doc__ = f"{newer.__name__}_1", newer.__doc__
    operator(name)(older)


for _name, _newer in _NEWER.items():
    _register(_name, _newer)


@operator("Gemm")
def gemm_1(
    a: Tensor, b: Tensor, c: Tensor, *, alpha: float, beta: float, transA: int, transB: int,
    broadcast: int = 0,
) -> Tensor:  # fmt: skip
    """alpha a b + beta c, where c may broadcast to the product."""
    return products.gemm(a, b, c, alpha=alpha, beta=beta, transA=transA, transB=transB)
