"""Values out of nothing: constants, ranges and unit matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compiler.ir.dims import Dim
from compiler.ir.types import DType
from tinytorch.onnx.calling.checks import of_rank, single
from tinytorch.onnx.calling.operator import Extents, operator
from tinytorch.onnx.calling.values import (
    Array,
    Unsupported,
    Value,
    dtype_name,
    has_extents,
    known_of,
)
from tinytorch.onnx.operators.casts import dtype_in
from tinytorch.ops.layout import arange
from tinytorch.ops.making import eye, full
from tinytorch.tensor import Tensor

_MANY = 2**62
_FEW = 4096
"""Elements up to which what is made is an array, which is known, and not a part of the graph."""


@operator("Constant", since=1)
def constant(
    *, value: Any = None, value_float: float | None = None, value_floats: Any = None,
    value_int: int | None = None, value_ints: Any = None, value_string: str | None = None,
    value_strings: Any = None,
) -> Array:  # fmt: skip
    """The array that the node holds, in one of seven forms."""
    for given, dtype in (
        (value, None), (value_float, np.float32), (value_floats, np.float32), (value_int, np.int64),
        (value_ints, np.int64), (value_string, object), (value_strings, object),
    ):  # fmt: skip
        if given is not None:
            return np.asarray(given, dtype)
    raise Unsupported("it holds no value that is an array")


@operator("ConstantOfShape", since=9)
def constant_of_shape(extents: Extents, *, value: Any = None) -> Tensor | Array:
    """One number everywhere, of a shape that may be symbolic."""
    number: Array = np.zeros(1, np.float32) if value is None else np.asarray(value)
    plain = single("the value", number)
    sizes = [item for item in extents if isinstance(item, int)]
    if any(item < 0 for item in sizes):
        raise Unsupported(f"{tuple(extents)} is no shape")
    if len(sizes) == len(extents) and math.prod(sizes) <= _FEW:
        return np.full(sizes, number.reshape(()))
    return full(extents, plain, dtype=number.dtype)


@operator("Range", since=11)
def numbers_in_steps(start: Value, limit: Value, delta: Value, *, stash_type: int = 1) -> Tensor | Array:
    """The numbers from a start to before a limit in even steps, of which extents may be ends."""
    ends = [known_of(item) for item in (start, limit, delta)]
    if any(map(has_extents, ends)):
        first, last, step = (single("an end or a step", item) for item in ends)
        if isinstance(step, Dim):
            raise Unsupported("a step is a symbolic extent")
        plain = [item if isinstance(item, Dim) else int(item) for item in (first, last)]
        return arange(plain[0], plain[1], int(step))
    kind = ends[0].dtype
    first, last, step = (single("an end or a step", item) for item in ends)
    count = _steps(first, last, step)
    if count <= _FEW:
        return np.array([first + place * step for place in range(count)]).astype(kind)
    return arange(count, start=first, step=step, dtype=str(kind))


def _steps(first: Any, last: Any, step: Any) -> int:
    """How many numbers there are from the first to before the last."""
    if not all(math.isfinite(item) for item in (first, last, step)) or not step:
        raise Unsupported(f"there are no steps of {step} from {first} to {last}")
    if isinstance(step, int):
        return max(0, -(-(last - first) // step))
    count = (float(last) - float(first)) / float(step)
    if count >= _MANY:
        raise Unsupported(f"the steps of {step} from {first} to {last} are too many")
    return max(0, math.ceil(count))


@operator("EyeLike", since=9)
def unit_matrix(like: Value, *, dtype: int | None = None, k: int) -> Tensor:
    """1 on a diagonal and 0 elsewhere, in the shape of a matrix."""
    rows, columns = of_rank(like, 2)
    return eye(rows, columns, k=k, dtype=chosen_dtype(dtype, like))


def chosen_dtype(number: int | None, like: Value = None) -> DType:
    """The dtype that an attribute says, or that of a value. Raises Unsupported for none of ours."""
    if number is None:
        return DType(dtype_name(like))
    found = dtype_in(number)
    if found is None:
        raise Unsupported(f"dtype {number} is none of ours")
    return found
