"""A program as a Python callable that costs a fraction of a microsecond to enter.

`make_entry` returns a built-in function. Called with arrays (or a Python float for a single number), it
compares each array's header (type, dtype, rank, extents, flags) with what the program was compiled for, binds
the symbolic extents, takes the locks, allocates the results or takes those that are given, and calls the
program; no Python code runs. Whenever anything is not as expected (a name that no input has, a list, another
dtype, an array with other strides, arrays that share memory, a lock that is held, a slab that is too small, a
program that refuses its data) it calls the `fallback` with the very same arguments, which checks in full,
copies what may be copied, and raises what must be raised.

The **program** is native code: `int32 program(int64 *frame)`. It returns 0, or anything else before its first
write to memory that outlives the call if it refuses the data (a class index out of range). Words of the
frame:

    0                address of the context
    1 ...            extents of the symbols, in the order of `EntrySpec.symbols`
    then             addresses of the arguments' memory
    then             addresses of the results' memory

The **context** lives as long as the program: a `ContextHeader`, and behind it what is the program's own.
One call at a time uses a context; the Python route takes another where it finds this one locked.

The entry reads CPython's and NumPy's structures at fixed offsets. `array_header.headers_are_known` compares
them with what Python says of real arrays once per process; where they disagree, `make_entry` returns the
fallback itself.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compiler.backends.llvm.entry import calling, given, ordering, results
from compiler.backends.llvm.entry.array_header import headers_are_known, new_array_address, python_function
from compiler.backends.llvm.entry.locks import Context
from compiler.backends.llvm.entry.spec import EntrySpec
from compiler.backends.llvm.entry.table import fits, table_of
from compiler.backends.llvm.entry.widely import WideRecord, tinytorch_are_taken
from compiler.backends.llvm.jit.cache import ObjectCache, default_cache
from compiler.backends.llvm.jit.code import External
from compiler.backends.llvm.jit.engine import Library
from compiler.backends.llvm.jit.once import once
from compiler.backends.llvm.jit.routines import load_routines

_METH_FASTCALL_KEYWORDS = 0x80 | 0x2


def make_entry(
    spec: EntrySpec,
    program: int,
    context: Context[Any],
    fallback: Callable[..., Any],
    *,
    locks: Sequence[int] = (),
    apart: int = 0,
    keep: Sequence[object] = (),
    name: str = "program",
    cache: ObjectCache | None = None,
) -> Callable[..., Any]:
    """A built-in function that runs `program` (an address), or calls `fallback`.

    `locks` are addresses of further words, such as those of updated parameters, in the order in which
    everybody takes them; each is 0 when free and 1 when held, and they and the context's own are tried, never
    waited for. `apart` is the address of what results that are given share no memory with (an `Apart`'s).
    `keep` holds what must live as long as the function does: the program's library, the
    parameters. `fallback` itself is returned where the machine, the interpreter or the spec is beyond the
    fast entry.
    """
    if not headers_are_known() or not fits(spec):
        return fallback
    library = _library(cache)
    if not spec.is_plain:
        _wide.is_wanted = 1
        widen(cache)
    table, blocks = table_of(spec, program, context.address, (context.address, *locks), apart)
    definition = _MethodDefinition(
        name.encode(), library[calling.tinytorch_entry.name], _METH_FASTCALL_KEYWORDS, None
    )
    alive = (library, definition, context, spec, blocks, tuple(keep))
    create = python_function(
        "PyCFunction_NewEx", ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
    )
    return create(ctypes.addressof(definition), (bytes(table), fallback, alive), None)


class _MethodDefinition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


_wide = WideRecord()
"""What the entries of this process share."""


def widen(cache: ObjectCache | None = None) -> None:
    """Loads the code for what is seldom given, if a call has asked for it."""
    if _wide.is_wanted and not _wide.function:
        _wide.function = _wide_library(cache)[tinytorch_are_taken.name]


@once
def _library(cache: ObjectCache | None) -> Library:
    """The entry's code, loaded once."""
    return load_routines([calling.tinytorch_entry], cache or default_cache(), _imports())


@once
def _wide_library(cache: ObjectCache | None) -> Library:
    """The code for what is seldom given, loaded once."""
    return load_routines([tinytorch_are_taken], cache or default_cache(), _imports())


def _imports() -> dict[str, int]:
    """Addresses of what is not in the entry's own code."""
    rooms = (calling, ordering, results, given)
    called = [one for room in rooms for one in vars(room).values() if isinstance(one, External)]
    functions = [one.name for one in called if one.name.startswith("Py")]
    found = {
        name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in functions
    }
    types = {f"{kind.__name__}_type": id(kind) for kind in (np.ndarray, tuple, list, dict, float)}
    others = {"new_array": new_array_address(), "none": id(None), "wide": ctypes.addressof(_wide)}
    others["memmove"] = ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0
    return found | types | others
