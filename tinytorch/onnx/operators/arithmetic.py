"""Sums, products and quotients."""

from __future__ import annotations

from tinytorch.onnx.calling.operator import operator
from tinytorch.tensor import Tensor


@operator("Add", since=7)
def add(a: Tensor, b: Tensor) -> Tensor:
    """a + b"""
    return a + b
