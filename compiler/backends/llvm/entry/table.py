"""The table that drives the native entry of one program: what it checks, allocates and calls, as memory."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

import numpy as np

from compiler.backends.llvm.entry.array_header import ALIGNED, C_CONTIGUOUS, WRITEABLE
from compiler.backends.llvm.entry.spec import ArrayArgument, EntrySpec, Extent, terms_of
from compiler.backends.llvm.jit.memory import I64, Address, Blocks, Items, Struct, struct
from compiler.ir.lent import LARGE

MAXIMUM_RANK = 8
MAXIMUM_FACTORS = 4
MAXIMUM_SLOTS = 256
"""Words of a frame: context, extents, arguments and results together."""

_NEVER: Final = 2**62

Item = TypeVar("Item")


@struct
class Term(Struct):
    """A product: the numbers of the symbols, -1 behind the last of them."""

    coefficient: I64
    symbols: Annotated[Any, ctypes.c_int64 * MAXIMUM_FACTORS]


@struct
class ArgumentRecord(Struct):
    """What the array's header must say. An extent of -1 - s is that of symbol s."""

    type_number: I64
    rank: I64
    flags: I64
    extents: Annotated[Any, ctypes.c_int64 * MAXIMUM_RANK]


@struct
class ResultRecord(Struct):
    """A new array: its dtype, and the terms of each extent."""

    dtype: Address
    rank: I64
    extents: Annotated[Any, Items * MAXIMUM_RANK]


@struct
class Table(Struct):
    """All about a program. A call that is predicted to take `release_picoseconds` gives up the GIL."""

    program: Address
    context: Address
    symbol_count: I64
    arguments: Items
    results: Items
    is_bare: I64
    locks: Items
    demands: Items
    slab_bytes: Items
    result_bytes: Items
    large_bytes: I64
    picoseconds: Items
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

    def polynomial(extent: Extent) -> tuple[int, int]:
        terms = [
            (factor, _filled([number[name] for name in names], MAXIMUM_FACTORS, -1))
            for factor, names in terms_of(extent)
        ]
        return blocks.put(Term.numpy, terms)

    arguments = [_argument(argument, number) for argument in spec.arguments]
    results = [
        (id(each.dtype), len(each.shape), _filled(list(map(polynomial, each.shape)), MAXIMUM_RANK, (0, 0)))
        for each in spec.results
    ]
    demands = [polynomial(demand) for demand in spec.demands]
    table = Table(
        program=program, context=context, symbol_count=len(number),
        arguments=blocks.put(ArgumentRecord.numpy, arguments),
        results=blocks.put(ResultRecord.numpy, results), is_bare=spec.bare,
        locks=blocks.put(np.int64, locks), demands=blocks.put(Items.numpy, demands),
        slab_bytes=polynomial(spec.slab_bytes),
        result_bytes=polynomial(spec.result_bytes), large_bytes=LARGE,
        picoseconds=polynomial(spec.picoseconds),
        release_picoseconds=min(spec.release_picoseconds, _NEVER),
    )  # fmt: skip
    return table, blocks


def _argument(argument: ArrayArgument, number: dict[str, int]) -> tuple[int, int, int, list[int]]:
    flags = C_CONTIGUOUS | ALIGNED | (WRITEABLE if argument.writable else 0)
    extents = [extent if isinstance(extent, int) else -1 - number[extent] for extent in argument.shape]
    return argument.dtype.num, len(extents), flags, _filled(extents, MAXIMUM_RANK, 0)


def _filled(items: list[Item], size: int, filler: Item) -> list[Item]:
    return [*items, *[filler] * (size - len(items))]
