"""Products of matrices, and what accumulates along an axis."""

from __future__ import annotations

from collections.abc import Callable

from tinytorch import linalg
from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.checks import whole
from tinytorch.onnx.calling.operator import Known, operator
from tinytorch.ops.contract import einsum as contracted
from tinytorch.ops.layout import concatenate
from tinytorch.ops.making import full
from tinytorch.tensor import Tensor


@operator("MatMul", since=1)
def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The product of the last two axes, as numpy.matmul; of integers in their dtype."""
    return (a @ b).astype(a.dtype)


@operator("Gemm", since=7)
def gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None, *, alpha: float, beta: float, transA: int, transB: int
) -> Tensor:  # fmt: skip
    """alpha a b + beta c, of operands that may be transposed."""
    product = (a.T if transA else a) @ (b.T if transB else b)
    scaled = product if alpha == 1 else product * alpha
    if c is None or beta == 0:
        return scaled.astype(a.dtype)
    return (scaled + (c if beta == 1 else c * beta)).astype(a.dtype)


@operator("Einsum", since=12)
def einsum(*inputs: Tensor, equation: str) -> Tensor:
    """A sum of products over indices, as numpy.einsum."""
    return contracted(equation, *inputs).astype(inputs[0].dtype)


@operator("Det", since=11)
def determinant(x: Tensor) -> Tensor:
    """The determinants of square matrices in the last two axes."""
    return linalg.det(x).astype(x.dtype)


def _running(
    function: Callable[..., Tensor], x: Tensor, axis: int, exclusive: int, reverse: int, start: int
) -> Tensor:
    """What elements come to up to each, or up to before each: then the last one is left out."""
    if exclusive:
        place = normalised_axis(axis, x.ndim, x.node)
        first = full([1 if k == place else n for k, n in enumerate(x.shape)], start, dtype=x.dtype)
        before = slice(1, None) if reverse else slice(None, -1)
        rest = x[tuple(before if k == place else slice(None) for k in range(x.ndim))]
        x = concatenate([rest, first] if reverse else [first, rest], axis)
    return function(x, axis, reverse=bool(reverse)).astype(x.dtype)


@operator("CumSum", since=11)
def running_sum(x: Tensor, axis: Known, *, exclusive: int, reverse: int) -> Tensor:
    """The sums of the elements of an axis up to each, or before it; from the end where `reverse` is set."""
    return _running(Tensor.cumsum, x, whole("the axis", axis), exclusive, reverse, 0)


@operator("CumProd", since=26)
def running_product(x: Tensor, axis: Known, *, exclusive: int, reverse: int) -> Tensor:
    """The products of the elements of an axis up to each, as CumSum."""
    return _running(Tensor.cumprod, x, whole("the axis", axis), exclusive, reverse, 1)
