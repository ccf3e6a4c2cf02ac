"""What a user gives in place of a tensor: arrays, lists, numbers and names, checked."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from numbers import Number
from typing import Any, cast

import numpy as np

from compiler.errors import ArgumentError, DTypeError
from compiler.ir.build import constant_node
from compiler.ir.dims import Dim
from compiler.ir.node import Node
from compiler.ir.numbers import Scalar, kind_of, number, whole_number
from compiler.ir.types import DType, Weak, dtype_of, promote


def checked_name(name: Any) -> str:
    """A name for a value. Raises ArgumentError for anything but a string with something in it."""
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"a name is a string with something in it, not {name!r}")
    return name


def checked_number(what: str, value: Any) -> Scalar:
    """A setting that is a number, as Python's. Raises ArgumentError, which says what it is for."""
    found = number(value)
    if found is None:
        raise ArgumentError(f"{what} is a number, not {_shown(value)}")
    return found


def checked_seed(seed: Any) -> int | None:
    """A seed as an int; one that a generator gives is its next number. Raises ArgumentError."""
    if seed is None:  # first: to ask for a generator's type loads NumPy's random numbers
        return None
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    found = whole_number(seed)
    if found is None or found < 0:
        raise ArgumentError(f"a seed is None, a numpy.random.Generator or an int from 0 on, not {seed!r}")
    return found


def constant_of_array(value: Any, dtype: Any, name: str | None, beside: Iterable[DType] = ()) -> Node:
    """A constant node of an array-like, in a dtype as `typed_array` has it."""
    array = typed_array(value, dtype, beside)
    return constant_node(array, dtype_of(array.dtype), name)


def typed_array(value: Any, dtype: Any = None, beside: Iterable[DType] = ()) -> np.ndarray[Any, Any]:
    """An array-like as an array of one of our dtypes, which is `dtype` if that is given.

    As data, arrays keep theirs, and so do NumPy's scalars. Python numbers and lists have none: bools are
    bool, and others take the dtype that numbers have `beside` others, int64 or float32 where they are alone.
    Raises DTypeError, also for an int that is out of range.
    """
    array = checked_array(value)
    is_typed = hasattr(value, "dtype")
    if dtype is None and not is_typed:
        kind = kind_of(array.dtype) or float
        dtype = DType.BOOL if kind is bool else promote([*beside, Weak(kind)])
    wanted = dtype_of(array.dtype if dtype is None else dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        found = array.astype(wanted.numpy, copy=False)
    if wanted.is_integer and not is_typed and array.dtype.kind in "iu" and (found != array).any():
        raise DTypeError(f"not within {wanted}: {_shown(value)}")
    return found


def checked_array(value: Any) -> np.ndarray[Any, Any]:
    """An array-like as an array of bools, integers or floats.

    Raises DTypeError for objects, strings and ragged lists, SymbolicValueError for a tensor.
    """
    if isinstance(value, Dim):
        operator.index(value)  # says that it has no value yet
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise DTypeError(f"not a rectangular array of numbers: {_shown(value)} ({error})") from None
    is_long = hasattr(value, "dtype") and array.dtype.itemsize > 8
    if kind_of(array.dtype) is None or is_long:
        is_real = isinstance(value, Number) and not isinstance(value, complex | np.complexfloating)
        fix = f"\n  fix: float({cast(Any, value)!r})" if is_real else ""
        raise DTypeError(
            f"not an array of bools, integers or floats but of {array.dtype}: {_shown(value)}{fix}"
        )
    return array


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
