"""The table that drives the native entry of one program: what it checks, allocates and calls, as memory."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Annotated, Any, Final

from compiler.backends.llvm.entry.array_header import ALIGNED, C_CONTIGUOUS, WRITEABLE
from compiler.backends.llvm.entry.spec import ArrayArgument, EntrySpec, Extent, terms_of
from compiler.backends.llvm.jit.memory import I64, Address, Blocks, Struct, struct
from compiler.ir.lent import LARGE

MAXIMUM_RANK = 8
MAXIMUM_FACTORS = 4
MAXIMUM_SLOTS = 256
"""Words of a frame: context, extents, arguments and results together."""

_NEVER: Final = 2**62


@struct
class Term(Struct):
    """A product: the numbers of the symbols, -1 behind the last of them."""

    coefficient: I64
    symbols: Annotated[Any, ctypes.c_int64 * MAXIMUM_FACTORS]


@struct
class Polynomial(Struct):
    """A sum of terms."""

    count: I64
    terms: Address


@struct
class ArgumentRecord(Struct):
    """What the array's header must say. An extent of -1 - s is that of symbol s."""

    type_number: I64
    rank: I64
    flags: I64
    extents: Annotated[Any, ctypes.c_int64 * MAXIMUM_RANK]


@struct
class ResultRecord(Struct):
    """A new array: its dtype, and a polynomial for each extent."""

    dtype: Address
    rank: I64
    extents: Annotated[Any, Polynomial * MAXIMUM_RANK]


@struct
class Table(Struct):
    """All about a program. A call that is predicted to take `release_picoseconds` gives up the GIL."""

    program: Address
    context: Address
    symbol_count: I64
    argument_count: I64
    arguments: Address
    result_count: I64
    results: Address
    is_bare: I64
    lock_count: I64
    locks: Address
    demand_count: I64
    demands: Address
    slab_bytes: Polynomial
    result_bytes: Polynomial
    large_bytes: I64
    picoseconds: Polynomial
    release_picoseconds: I64


def fits(spec: EntrySpec) -> bool:
    """Whether `spec` is within the fixed sizes of the table."""
    arrays = (*spec.arguments, *spec.results)
    extents = [extent for array in arrays for extent in array.shape]
    extents += [spec.slab_bytes, spec.result_bytes, spec.picoseconds, *spec.demands]
    factors = [len(symbols) for extent in extents for _, symbols in terms_of(extent)]
    return (
        spec.frame_slots <= MAXIMUM_SLOTS
        and all(len(array.shape) <= MAXIMUM_RANK for array in arrays)
        and max(factors, default=0) <= MAXIMUM_FACTORS
        and all(array.dtype.isnative and array.dtype.kind in "biuf" for array in arrays)
    )


def table_of(spec: EntrySpec, program: int, context: int, locks: Sequence[int]) -> tuple[Table, Blocks]:
    """The table, and what must live as long as it is used."""
    blocks = Blocks()
    number = {symbol: position for position, symbol in enumerate(spec.symbols)}

    def polynomial(extent: Extent) -> Polynomial:
        terms = [
            Term(factor, (*map(number.__getitem__, names), *[-1] * (MAXIMUM_FACTORS - len(names))))
            for factor, names in terms_of(extent)
        ]
        return Polynomial(len(terms), blocks.put(Term, terms))

    arguments = [_argument(argument, number) for argument in spec.arguments]
    results = [
        ResultRecord(id(result.dtype), len(result.shape), tuple(map(polynomial, result.shape)))
        for result in spec.results
    ]
    demands = list(map(polynomial, spec.demands))
    table = Table(
        program=program, context=context, symbol_count=len(number),
        argument_count=len(arguments), arguments=blocks.put(ArgumentRecord, arguments),
        result_count=len(results), results=blocks.put(ResultRecord, results), is_bare=spec.bare,
        lock_count=len(locks), locks=blocks.put(ctypes.c_size_t, locks),
        demand_count=len(demands), demands=blocks.put(Polynomial, demands),
        slab_bytes=polynomial(spec.slab_bytes),
        result_bytes=polynomial(spec.result_bytes), large_bytes=LARGE,
        picoseconds=polynomial(spec.picoseconds),
        release_picoseconds=min(spec.release_picoseconds, _NEVER),
    )  # fmt: skip
    return table, blocks


def _argument(argument: ArrayArgument, number: dict[str, int]) -> ArgumentRecord:
    flags = C_CONTIGUOUS | ALIGNED | (WRITEABLE if argument.writable else 0)
    extents = [extent if isinstance(extent, int) else -1 - number[extent] for extent in argument.shape]
    return ArgumentRecord(argument.dtype.num, len(extents), flags, tuple(extents))
