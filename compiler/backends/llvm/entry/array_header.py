"""NumPy's array headers and C functions, as native code sees them; trusted only after a look at real arrays.

NumPy promises these layouts to every compiled extension of its version 2. They are compared all the same,
once per process: on an interpreter or a NumPy that is laid out differently, native entry is switched off.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import math
import struct as struct_module
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from compiler.backends.llvm.jit.memory import I32, I64, U8, Address, Struct, struct

C_CONTIGUOUS = 0x1
ALIGNED = 0x100
WRITEABLE = 0x400

_ARRAY_TYPE, _NEW_FROM_DESCRIPTOR = 2, 94


@struct
class ObjectHeader(Struct):
    """How every object of CPython begins."""

    references: I64
    type: Address


@struct
class ArrayHeader(ObjectHeader):
    """An array; NumPy's PyArrayObject_fields."""

    data: Address
    rank: I32
    extents: Address
    strides: Address
    base: Address
    dtype: Address
    flags: I32


@struct
class DTypeHeader(ObjectHeader):
    """A dtype; how NumPy's _PyArray_Descr begins."""

    scalar_type: Address
    kind: U8
    letter: U8
    byte_order: U8
    old_flags: U8
    number: I32


@struct
class FloatHeader(ObjectHeader):
    """A Python float; the bits of its value."""

    value: I64


@functools.cache
def headers_are_known() -> bool:
    """Whether arrays of this interpreter lie as native code expects: real ones, against what they say."""
    usual = sys.implementation.name == "cpython" and object.__basicsize__ == ctypes.sizeof(ObjectHeader)
    if not usual or "free-threading" in sys.version or sys.byteorder != "little":
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
    return all(_looks_right(array) for array in probes) and _makes_arrays() and _knows_floats()


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
    header, dtype = ArrayHeader.from_address(id(array)), DTypeHeader.from_address(id(array.dtype))
    flags = array.flags
    wanted = flags.c_contiguous * C_CONTIGUOUS | flags.aligned * ALIGNED | flags.writeable * WRITEABLE
    found = (header.type, header.data, header.rank, header.dtype, dtype.byte_order, dtype.number)
    said = (id(np.ndarray), array.ctypes.data, array.ndim, id(array.dtype))
    if found != (*said, ord(array.dtype.byteorder), array.dtype.num):
        return False
    extents = (ctypes.c_ssize_t * array.ndim).from_address(header.extents) if array.ndim else ()
    return header.flags & (C_CONTIGUOUS | ALIGNED | WRITEABLE) == wanted and tuple(extents) == array.shape


def _knows_floats() -> bool:
    """Whether a Python float has its value where we expect it."""
    numbers = [-1.5, math.pi]
    found = [FloatHeader.from_address(id(number)) for number in numbers]
    said = [struct_module.unpack("<q", struct_module.pack("<d", number))[0] for number in numbers]
    return [header.value for header in found] == said and {header.type for header in found} == {id(float)}


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
