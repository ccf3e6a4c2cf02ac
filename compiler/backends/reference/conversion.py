"""Conversions between dtypes, by NumPy and ml_dtypes, in the steps that the IR states."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.ir.types import DType, dtype_of

Array = np.ndarray[Any, Any]


def converted(array: Any, wanted: DType) -> Array:
    """An array in a dtype: to and from a storage dtype by way of the dtype that computes for it.

    So float64 is rounded to float32 before it is float16, and a float becomes an int32, then an int8 modulo
    2^8. A bool is whether something is not 0.
    """
    found = np.asarray(array)
    given = dtype_of(found.dtype)
    if given is wanted:
        return found
    with np.errstate(all="ignore"):
        if given.is_storage or wanted.is_storage:
            found = found.astype(given.compute.numpy, copy=False).astype(wanted.compute.numpy, copy=False)
        return found.astype(wanted.numpy, copy=False)


def convert(out: Array, value: Any) -> None:
    """Writes a value in the dtype of an array."""
    np.copyto(out, converted(value, dtype_of(out.dtype)))
