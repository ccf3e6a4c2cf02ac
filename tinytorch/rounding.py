"""Composites of float16 and bfloat16: computed in float32 and rounded once, as by PyTorch on a CPU."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from compiler.ir.numbers import is_floating
from compiler.ir.types import DType, dtype_of, floating, promote
from tinytorch.arithmetic import Arithmetic

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result", bound=Arithmetic)


def rounded_once(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function of tensors and arrays whose steps between are in the dtype that computes for theirs.

    Its result is converted to the dtype that it would have without this. Others pass through.
    """

    @functools.wraps(function)
    def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        dtypes = [dtype for item in (*arguments, *named.values()) if (dtype := _dtype(item)) is not None]
        if not any(dtype.is_storage and dtype.is_float for dtype in dtypes):
            return function(*arguments, **named)
        wide = {name: _widened(item) for name, item in named.items()}
        found = cast("Callable[..., Result]", function)(*map(_widened, arguments), **wide)
        return found.astype(floating(promote(dtypes)))

    return call


def _dtype(value: Any) -> DType | None:
    """The dtype of a tensor, or of an array of floats; of what else there is none."""
    if isinstance(value, Arithmetic):
        return value.dtype
    if not isinstance(value, np.ndarray):
        return None
    array = cast("np.ndarray[Any, Any]", value)
    return dtype_of(array.dtype) if is_floating(array.dtype) else None


def _widened(value: Any) -> Any:
    dtype = _dtype(value)
    if dtype is None or not (dtype.is_storage and dtype.is_float):
        return value
    return value.astype(dtype.compute if isinstance(value, Arithmetic) else dtype.compute.numpy)
