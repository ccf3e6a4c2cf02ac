"""The C library's functions, one lane at a time."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.jit.untyped import Builder, Value, binding, ir
from compiler.errors import BackendError


def by_lane(builder: Builder, name: str, operands: Sequence[Value]) -> Value:
    """Call the C function `name` (for float32 with its suffix f) for each lane.

    Raises:
        BackendError: neither this process nor its C mathematics library has the function.
    """
    kind = operands[0].type
    scalar = kind.element if isinstance(kind, ir.VectorType) else kind
    function = require(name + ("f" if scalar == words.f32 else ""))
    if scalar is kind:
        return words.intrinsic(builder, function, scalar, operands)
    result = ir.Constant(kind, ir.Undefined)
    for number in range(kind.count):
        lane = ir.Constant(words.i32, number)
        parts = [builder.extract_element(item, lane) for item in operands]
        result = builder.insert_element(result, words.intrinsic(builder, function, scalar, parts), lane)
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
