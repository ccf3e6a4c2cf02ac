"""Activations."""

from __future__ import annotations

from tinytorch.onnx.calling.operator import operator
from tinytorch.ops.activations import relu as rectified
from tinytorch.tensor import Tensor


@operator("Relu", since=6)
def relu(x: Tensor) -> Tensor:
    """max(x, 0)"""
    return rectified(x)
