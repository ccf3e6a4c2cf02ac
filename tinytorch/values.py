"""What a user gives in place of a tensor: arrays, lists, numbers and names, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.errors import ArgumentError, DTypeError
from compiler.ir.build import constant_node
from compiler.ir.node import Node
from compiler.ir.types import DType, dtype_of


def checked_name(name: Any) -> str:
    """A name for a value. Raises ArgumentError for anything but a string with something in it."""
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"a name is a string with something in it, not {name!r}")
    return name


def constant_of_array(value: Any, dtype: Any, name: str | None) -> Node:
    """A constant node of an array-like.

    Floats that come without a dtype (lists, Python scalars) are float32.
    """
    array = checked_array(value)
    if dtype is None and not isinstance(value, np.ndarray | np.generic) and array.dtype == np.float64:
        dtype = DType.FLOAT32
    return constant_node(array, dtype_of(array.dtype if dtype is None else dtype), name)


def checked_array(value: Any) -> np.ndarray[Any, Any]:
    """An array-like as an array of one of our dtypes.

    Raises DTypeError for objects, strings and ragged lists, SymbolicValueError for a tensor.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DTypeError(f"not a rectangular array of numbers: {_shown(value)} ({error})") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DTypeError(f"not an array of bools, integers or floats but of {array.dtype}: {_shown(value)}")
    return array


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
