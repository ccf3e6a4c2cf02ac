"""Shapes: asked for, and changed."""

from __future__ import annotations

import numpy as np

from compiler.ir.dims import Dim
from tinytorch.onnx.calling.operator import Extents, operator
from tinytorch.onnx.calling.values import Array, Value, shape_of
from tinytorch.tensor import Tensor


@operator("Shape", since=1)
def shape(data: Value, *, start: int = 0, end: int | None = None) -> Array:
    """The extents of a value, which are known."""
    extents = shape_of(data)[start:end]
    return np.array(extents, dtype=object if any(isinstance(item, Dim) for item in extents) else np.int64)


@operator("Reshape", since=5)
def reshape(data: Tensor, extents: Extents, *, allowzero: int = 0) -> Tensor:
    """The same elements; 0 keeps an extent (unless `allowzero`), -1 is what is left."""
    kept = [data.shape[i] if item == 0 and not allowzero else item for i, item in enumerate(extents)]
    return data.reshape(tuple(kept))
