"""A program as a Python callable that costs a fraction of a microsecond to enter.

`make_entry` returns a built-in function. Called with arrays, it compares each array's header (type, dtype,
rank, extents, flags) with what the program was compiled for, binds the symbolic extents, takes the locks,
allocates the results, and calls the program; no Python code runs. Whenever anything is not as expected (a
keyword, a list, another dtype, a strided array, a lock that is held, a slab that is too small, a program that
refuses its data) it calls the `fallback` with the very same arguments, which checks in full, copies what may
be copied, and raises what must be raised.

The **program** is native code: `int32 program(int64 *frame)`. It returns 0, or anything else before its first
write to memory that outlives the call if it refuses the data (a class index out of range). Slots of the
frame:

    0                address of the context
    1 ...            extents of the symbols, in the order of `EntrySpec.symbols`
    then             addresses of the arguments' memory
    then             addresses of the results' memory

The **context** is a block of i64 that lives as long as the program: slot 0 is a lock, slot 1 the address of
the slab, slot 2 its size in bytes, and the rest belongs to the program (addresses of parameters). One call at
a time uses a context; the Python route takes another where it finds this one locked.

The entry reads CPython's and NumPy's structures at fixed offsets. `array_header.headers_are_known` compares
them with what Python says of real arrays once per process; where they disagree, `make_entry` returns the
fallback itself.
"""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from compiler.backends.llvm.entry import calling as code
from compiler.backends.llvm.entry import table as layout
from compiler.backends.llvm.entry.array_header import (
    ALIGNED,
    C_CONTIGUOUS,
    WRITEABLE,
    headers_are_known,
    new_array_address,
    python_function,
)
from compiler.backends.llvm.jit.cache import ObjectCache, compiled, default_cache
from compiler.backends.llvm.jit.engine import Library, host_target
from compiler.backends.llvm.jit.once import once

Extent: TypeAlias = int | str | tuple[tuple[int, tuple[str, ...]], ...]
"""A number, a symbol, or a polynomial: terms of a coefficient and the symbols it is multiplied with."""

CONTEXT_SLOTS = 3
"""Slots of a context that the entry knows; a program's own follow."""

_METH_FASTCALL_KEYWORDS = 0x80 | 0x2
_NEVER = 2**62


@dataclass(frozen=True)
class ArrayArgument:
    """An argument that is taken as it is: C-contiguous, aligned, native. A str in `shape` is a symbol."""

    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]
    writable: bool = False


@dataclass(frozen=True)
class ArrayResult:
    """A result, newly allocated by each call; its symbols are among those of the arguments."""

    dtype: np.dtype[Any]
    shape: tuple[Extent, ...]


@dataclass(frozen=True)
class EntrySpec:
    """What a program takes and gives.

    What `demands` gives is nowhere negative, or the fallback is called, which knows what is wrong then.
    `bare` returns a single result as it is; otherwise results come as a tuple (None if there are none).
    `slab_bytes` is what the call needs of the context's slab; from `lent.LARGE` of `result_bytes` on the
    fallback allocates. `nanoseconds` predicts the time of a call; from
    `release_nanoseconds` on the interpreter lock is released while the program runs.
    """

    arguments: tuple[ArrayArgument, ...]
    results: tuple[ArrayResult, ...]
    bare: bool = False
    slab_bytes: Extent = 0
    result_bytes: Extent = 0
    nanoseconds: Extent = 0
    release_nanoseconds: int = 20_000
    demands: tuple[Extent, ...] = ()

    @functools.cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the arguments in order of first appearance: the order of their slots."""
        extents = (extent for argument in self.arguments for extent in argument.shape)
        return tuple(dict.fromkeys(extent for extent in extents if isinstance(extent, str)))

    @property
    def frame_slots(self) -> int:
        """Slots of a frame: the context, the symbols, the arguments, the results."""
        return 1 + len(self.symbols) + len(self.arguments) + len(self.results)


class Context:
    """The block of memory that a program's calls share: a lock, the slab, and `program_slots` of its own.

    `slots` is the memory as int64; `address` is where it lies. The slab is 64-byte aligned and owned here.
    """

    def __init__(self, program_slots: int = 0) -> None:
        self.slots = np.zeros(CONTEXT_SLOTS + program_slots, np.int64)
        self.address = self.slots.ctypes.data
        self._slab = np.empty(0, np.uint8)

    @property
    def capacity(self) -> int:
        return int(self.slots[2])

    def reserve(self, size: int) -> None:
        """Make the slab at least `size` bytes; it loses its content if it grows. Hold the lock."""
        if size <= self.capacity:
            return
        self._slab = np.empty(size + 64, np.uint8)
        self.slots[1] = -(-self._slab.ctypes.data // 64) * 64
        self.slots[2] = size


class Locks:
    """The Python route's side of the locks that the entry takes: words that are 0 when free and 1 when held.

    Give the addresses in the order in which everybody takes them (the context's own first). A lock that
    another thread held at the time of a fork stays held in the child: whoever owns the words sets them to 0
    there.
    """

    def __init__(self, addresses: Sequence[int], cache: ObjectCache | None = None) -> None:
        library = _entry_library(cache)
        signature = (ctypes.c_void_p, ctypes.c_int64)
        # Called with the interpreter lock held: neither waits for anything.
        self._try = ctypes.PYFUNCTYPE(ctypes.c_bool, *signature)(library["tinytorch_acquire"])
        self._release = ctypes.PYFUNCTYPE(None, *signature)(library["tinytorch_release"])
        self._words = np.array(addresses, np.int64)
        self._arguments = (self._words.ctypes.data, len(addresses))

    def try_acquire(self) -> bool:
        """Take all locks or none; whether it took them."""
        return bool(self._try(*self._arguments))

    def acquire(self) -> None:
        """Wait, giving way to other threads, until all locks are taken."""
        delay = 1e-6
        while not self.try_acquire():
            time.sleep(delay)
            delay = min(2 * delay, 1e-3)

    def release(self) -> None:
        """Free all locks."""
        self._release(*self._arguments)


def program_function(program: int) -> Callable[[int], int]:
    """The Python route's way to call a program: takes the address of a frame, returns the program's answer.

    The interpreter lock is released during the call.
    """
    return ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(program)


def make_entry(
    spec: EntrySpec,
    program: int,
    context: Context,
    fallback: Callable[..., Any],
    *,
    locks: Sequence[int] = (),
    keep: Sequence[object] = (),
    name: str = "program",
    cache: ObjectCache | None = None,
) -> Callable[..., Any]:
    """A built-in function that runs `program` (an address), or calls `fallback`.

    `locks` are addresses of further i64 words, such as those of updated parameters, in the order in which
    everybody takes them; each is 0 when free and 1 when held, and they and the context's own are tried, never
    waited for. `keep` holds what must live as long as the function does: the program's library, the
    parameters. `fallback` itself is returned where the machine, the interpreter or the spec is beyond the
    fast entry.
    """
    if not headers_are_known() or not _fits(spec):
        return fallback
    library = _entry_library(cache)
    table = _table(spec, program, context.address, (context.address, *locks))
    definition = _MethodDefinition(name.encode(), library["tinytorch_entry"], _METH_FASTCALL_KEYWORDS, None)
    alive = (library, definition, context, spec, tuple(keep))
    create = python_function(
        "PyCFunction_NewEx", ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p
    )
    return create(ctypes.addressof(definition), (table, fallback, alive), None)


class _MethodDefinition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


@once
def _entry_library(cache: ObjectCache | None) -> Library:
    """The entry's code, loaded once."""
    imports = {
        name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
        for name in code.IMPORTED_FUNCTIONS
    }
    imports["new_array"] = new_array_address()
    imports |= {"ndarray_type": id(np.ndarray), "none": id(None)}
    text = compiled(code.ENTRY_IR, host_target(), cache or default_cache())
    return Library(text, code.EXPORTS, imports)


def _fits(spec: EntrySpec) -> bool:
    """Whether `spec` is within the fixed sizes of the table."""
    shapes = [array.shape for array in (*spec.arguments, *spec.results)]
    extents = [*(extent for shape in shapes for extent in shape), spec.slab_bytes]
    extents += [spec.result_bytes, spec.nanoseconds, *spec.demands]
    factors = [len(symbols) for extent in extents for _, symbols in _terms(extent)]
    return (
        spec.frame_slots <= layout.MAXIMUM_SLOTS
        and all(len(shape) <= layout.MAXIMUM_RANK for shape in shapes)
        and max(factors, default=0) <= layout.MAXIMUM_FACTORS
        and all(
            array.dtype.isnative and array.dtype.kind in "biuf" for array in (*spec.arguments, *spec.results)
        )
    )


def _terms(extent: Extent) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """An extent as the terms of a polynomial."""
    if isinstance(extent, int):
        return ((extent, ()),)
    return ((1, (extent,)),) if isinstance(extent, str) else extent


def _table(spec: EntrySpec, program: int, context: int, locks: Sequence[int]) -> bytes:
    """The table that drives the entry, as `entry_layout` says."""
    number = {symbol: position for position, symbol in enumerate(spec.symbols)}
    arguments = [_argument_record(argument, number) for argument in spec.arguments]
    first_lock = layout.HEADER_SLOTS + len(arguments) * layout.ARGUMENT_SLOTS
    first_result = first_lock + len(locks)
    polynomials: list[int] = []
    first_demand = first_result + len(spec.results) * layout.RESULT_SLOTS
    first_polynomial = first_demand + len(spec.demands)

    def slot_of(extent: Extent) -> int:
        slot = first_polynomial + len(polynomials)
        polynomials.extend(_polynomial(extent, number))
        return slot

    results: list[int] = []
    for result in spec.results:
        slots = [slot_of(extent) for extent in result.shape]
        padding = [0] * (layout.MAXIMUM_RANK - len(slots))
        results += [id(result.dtype), len(slots), *slots, *padding]
    counts = [len(number), len(arguments), len(spec.results), len(locks), int(spec.bare)]
    places = [layout.HEADER_SLOTS, first_result, first_lock, slot_of(spec.slab_bytes)]
    places += [slot_of(spec.nanoseconds), min(spec.release_nanoseconds, _NEVER), slot_of(spec.result_bytes)]
    demands = [slot_of(extent) for extent in spec.demands]
    places += [len(demands), first_demand]
    flat = [slot for record in arguments for slot in record]
    table = [program, context, *counts, *places, *flat, *locks, *results, *demands, *polynomials]
    return np.array(table, np.int64).tobytes()


def _argument_record(argument: ArrayArgument, number: dict[str, int]) -> list[int]:
    """type number, rank, flags, extents."""
    flags = C_CONTIGUOUS | ALIGNED | (WRITEABLE if argument.writable else 0)
    extents = [extent if isinstance(extent, int) else -1 - number[extent] for extent in argument.shape]
    padding = [0] * (layout.MAXIMUM_RANK - len(extents))
    return [argument.dtype.num, len(extents), flags, *extents, *padding]


def _polynomial(extent: Extent, number: dict[str, int]) -> list[int]:
    """The count of terms, and each term as its coefficient and the numbers of its symbols."""
    terms = _terms(extent)
    slots = [len(terms)]
    for coefficient, symbols in terms:
        padding = [-1] * (layout.MAXIMUM_FACTORS - len(symbols))
        slots += [coefficient, *(number[symbol] for symbol in symbols), *padding]
    return slots
