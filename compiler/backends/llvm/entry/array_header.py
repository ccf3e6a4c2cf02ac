"""NumPy's array headers and C functions, as native code sees them; trusted only after a look at real arrays.

NumPy promises these offsets to every compiled extension of its version 2. They are compared all the same,
once per process: on an interpreter or a NumPy that is laid out differently, native entry is switched off.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
import sysconfig
from collections.abc import Callable
from typing import Any

import numpy as np

C_CONTIGUOUS = 0x1
ALIGNED = 0x100
WRITEABLE = 0x400

TYPE_OFFSET = 8
DATA_OFFSET = 16
RANK_OFFSET = 24
DIMENSIONS_OFFSET = 32
DESCRIPTOR_OFFSET = 56
FLAGS_OFFSET = 64
"""Bytes from the start of an array object."""

BYTE_ORDER_OFFSET = 26
TYPE_NUMBER_OFFSET = 28
"""Bytes from the start of a dtype object."""

_ARRAY_TYPE, _NEW_FROM_DESCRIPTOR = 2, 94


@functools.cache
def headers_are_known() -> bool:
    """Whether arrays of this interpreter lie as native code expects: real ones, against what they say."""
    usual = sys.implementation.name == "cpython" and object.__basicsize__ == 16
    if not usual or sysconfig.get_config_var("Py_GIL_DISABLED") or sys.byteorder != "little":
        return False
    if int(np.__version__.split(".")[0]) < 2 or _numpy_interface()[_ARRAY_TYPE] != id(np.ndarray):
        return False
    probes = [
        np.zeros((3, 5), np.float32),
        np.zeros((2, 3, 4), np.int64)[:, ::2],
        np.zeros((), np.float64),
        np.zeros(7, np.dtype(">f8")),
        np.zeros((1, 2), np.bool_),
    ]
    probes[0].flags.writeable = False
    return all(_looks_right(array) for array in probes) and _makes_arrays()


def python_function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """A function of CPython's C interface, called with the interpreter lock held."""
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


@functools.cache
def _numpy_interface() -> Any:
    """NumPy's table of C functions and types, as addresses."""
    get = python_function("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    capsule: object = importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API
    return ctypes.cast(get(capsule, None), ctypes.POINTER(ctypes.c_size_t))


def _looks_right(array: np.ndarray[Any, Any]) -> bool:
    """Whether the header of `array` and of its dtype says at our offsets what `array` says of itself."""
    start, descriptor = id(array), id(array.dtype)
    flags = array.flags
    wanted = flags.c_contiguous * C_CONTIGUOUS | flags.aligned * ALIGNED | flags.writeable * WRITEABLE
    dimensions = _read(start + DIMENSIONS_OFFSET, ctypes.c_size_t)
    header = (
        _read(start + TYPE_OFFSET, ctypes.c_size_t) == id(np.ndarray),
        _read(start + DATA_OFFSET, ctypes.c_size_t) == array.ctypes.data,
        _read(start + RANK_OFFSET, ctypes.c_int) == array.ndim,
        _read(start + DESCRIPTOR_OFFSET, ctypes.c_size_t) == descriptor,
        _read(start + FLAGS_OFFSET, ctypes.c_int) & (C_CONTIGUOUS | ALIGNED | WRITEABLE) == wanted,
        _read(descriptor + BYTE_ORDER_OFFSET, ctypes.c_char) == array.dtype.byteorder.encode(),
        _read(descriptor + TYPE_NUMBER_OFFSET, ctypes.c_int) == array.dtype.num,
    )
    extents = (_read(dimensions + 8 * axis, ctypes.c_ssize_t) for axis in range(array.ndim))
    return all(header) and tuple(extents) == array.shape


def _read(address: int, kind: Any) -> Any:
    return kind.from_address(address).value


def _makes_arrays() -> bool:
    """Whether NumPy's table has the constructor where we expect it."""
    kinds = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    rest = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    new = ctypes.PYFUNCTYPE(ctypes.py_object, *kinds, *rest)(new_array_address())
    dtype = np.dtype(np.float32)
    python_function("Py_IncRef", None, ctypes.py_object)(dtype)
    extents = (ctypes.c_ssize_t * 2)(3, 4)
    array = new(id(np.ndarray), id(dtype), 2, ctypes.addressof(extents), None, None, 0, None)
    return type(array) is np.ndarray and array.shape == (3, 4) and array.dtype == dtype


def new_array_address() -> int:
    """The address of PyArray_NewFromDescr, which takes over a reference to the dtype."""
    return int(_numpy_interface()[_NEW_FROM_DESCRIPTOR])
