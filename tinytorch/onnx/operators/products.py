"""Products of matrices."""

from __future__ import annotations

from tinytorch.onnx.calling.operator import operator
from tinytorch.tensor import Tensor


@operator("MatMul", since=1)
def matmul(a: Tensor, b: Tensor) -> Tensor:
    """The product of the last two axes, as numpy.matmul."""
    return a @ b


@operator("Gemm", since=7)
def gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None, *, alpha: float, beta: float, transA: int, transB: int
) -> Tensor:  # fmt: skip
    """alpha a b + beta c, of operands that may be transposed."""
    product = (a.T if transA else a) @ (b.T if transB else b)
    scaled = product if alpha == 1 else product * alpha
    if c is None or beta == 0:
        return scaled
    return scaled + (c if beta == 1 else c * beta)
