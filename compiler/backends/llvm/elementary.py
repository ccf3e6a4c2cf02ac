"""Atoms of a few instructions that mean what NumPy's functions mean, and the C library's functions."""

from __future__ import annotations

import ctypes
import ctypes.util

from compiler.backends.llvm.jit.untyped import Value, binding
from compiler.backends.llvm.lanes import Lanes
from compiler.errors import BackendError


def maximum(m: Lanes, a: Value, b: Value) -> Value:
    """Return the larger, NaN if either is NaN, and a where they are equal: of (-0, +0), -0."""
    return _keep_nan(m, b, m.select(m.compare(">", b, a), b, a))


def minimum(m: Lanes, a: Value, b: Value) -> Value:
    """Return the smaller, NaN if either is NaN, and a where they are equal."""
    return _keep_nan(m, b, m.select(m.compare("<", b, a), b, a))


def _keep_nan(m: Lanes, b: Value, chosen: Value) -> Value:
    """Replace `chosen`, which is a where either is NaN, by b where b is NaN."""
    return m.select(m.is_nan(b), b, chosen)


def sign(m: Lanes, x: Value) -> Value:
    """Return 1, -1, or +0 for either zero; NaN for NaN."""
    below = m.select(m.compare("<", x, 0.0), -1.0, m.add(x, 0.0))
    return m.select(m.compare(">", x, 0.0), 1.0, below)


def zmul(m: Lanes, a: Value, b: Value) -> Value:
    """Return a*b, but 0 where a is 0, whatever b is."""
    return m.select(m.compare("==", a, 0.0), 0.0, m.mul(a, b))


def libm(m: Lanes, name: str, *arguments: Value) -> Value:
    """Call the C function `name` (for float32 with its suffix f) one lane at a time.

    Raises:
        BackendError: neither this process nor its C mathematics library has the function.
    """
    function = require(name + ("f" if m.format.width == 32 else ""))
    if not m.lanes:
        return m.call(function, m.scalar_float, arguments)
    result = m.constant(0.0)
    for lane in range(m.lanes):
        parts = [m.lane(a, lane) for a in arguments]
        result = m.with_lane(result, m.call(function, m.scalar_float, parts), lane)
    return result


def require(function: str) -> str:
    """Return the name of a C function after making sure that compiled code will find it."""
    if binding.address_of_symbol(function):
        return function
    library = ctypes.CDLL(ctypes.util.find_library("m") or ctypes.util.find_library("msvcrt"))
    if not hasattr(library, function):
        raise BackendError(f"the llvm backend needs the C function {function}, which this system lacks")
    binding.add_symbol(function, ctypes.cast(getattr(library, function), ctypes.c_void_p).value)
    return function
