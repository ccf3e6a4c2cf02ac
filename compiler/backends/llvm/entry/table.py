"""The table that drives the native entry of one program: what it checks, allocates and calls, as memory."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

import numpy as np

from compiler.backends.llvm.entry.array_header import ALIGNED, C_CONTIGUOUS, WRITEABLE
from compiler.backends.llvm.entry.spec import ArrayArgument, EntrySpec, Extent, terms_of
from compiler.backends.llvm.jit.memory import I64, Address, Blocks, Items, Struct, struct
from compiler.ir.lent import LARGE
from compiler.ir.numbers import kind_of

MAXIMUM_RANK = 8
MAXIMUM_FACTORS = 4
MAXIMUM_SLOTS = 256
"""Words of a frame: context, extents, arguments and results together."""

SYMBOLS: Final = -1000
"""Strides from here on downward are symbols."""

_NEVER: Final = 2**62

Item = TypeVar("Item")


@struct
class Term(Struct):
    """A product: the numbers of the symbols, -1 behind the last of them."""

    coefficient: I64
    symbols: Annotated[Any, ctypes.c_int64 * MAXIMUM_FACTORS]


@struct
class ArgumentRecord(Struct):
    """What the array's header must say. An extent of -1 - s is that of symbol s.

    Where `has_strides`, a stride in elements of SYMBOLS - s is that of symbol s.
    """

    type_number: I64
    item_bytes: I64
    rank: I64
    flags: I64
    is_donated: I64
    has_strides: I64
    extents: Annotated[Any, ctypes.c_int64 * MAXIMUM_RANK]
    strides: Annotated[Any, ctypes.c_int64 * MAXIMUM_RANK]


@struct
class ResultRecord(Struct):
    """A new array, or one that is given: its dtype, and the terms of each extent.

    One that is `handed` is that argument, which the caller gets back; others have -1.
    """

    dtype: Address
    type_number: I64
    item_bytes: I64
    rank: I64
    handed: I64
    extents: Annotated[Any, Items * MAXIMUM_RANK]


@struct
class Form(Struct):
    """How results are arranged: a single one bare, as a dict with keys, or as a tuple."""

    is_bare: I64
    keys: Items


@struct
class Limits(Struct):
    """From where on the fallback makes results, and a call gives up the GIL."""

    result_bytes: I64
    picoseconds: I64


@struct
class Table(Struct):
    """All about a program.

    It `is_plain` if all arguments are contiguous and none is donated. `names` are strings: those of the
    arguments, if they have any, and last "out". `apart` is where to read what results that are given share no
    memory with (`overlaps.ApartRecord`), if anything.
    """

    program: Address
    context: Address
    apart: Address
    symbol_count: I64
    arguments: Items
    is_plain: I64
    names: Items
    results: Items
    form: Form
    locks: Items
    demands: Items
    slab_bytes: Items
    result_bytes: Items
    picoseconds: Items
    limits: Limits


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
        and all(array.dtype.isnative and kind_of(array.dtype) is not None for array in arrays)
    )


def table_of(
    spec: EntrySpec, program: int, context: int, locks: Sequence[int], apart: int = 0
) -> tuple[Table, Blocks]:
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
        (
            id(each.dtype),
            each.dtype.num,
            each.dtype.itemsize,
            len(each.shape),
            each.handed,
            _filled(list(map(polynomial, each.shape)), MAXIMUM_RANK, (0, 0)),
        )
        for each in spec.results
    ]
    demands = [polynomial(demand) for demand in spec.demands]
    table = Table(
        program=program, context=context, apart=apart, symbol_count=len(number),
        arguments=blocks.put(ArgumentRecord.numpy, arguments),
        is_plain=spec.is_plain,
        names=_strings([*spec.names, "out"] if spec.names else [], blocks),
        results=blocks.put(ResultRecord.numpy, results),
        form=Form(spec.bare, _strings(spec.keys, blocks)),
        locks=blocks.put(np.int64, locks), demands=blocks.put(Items.numpy, demands),
        slab_bytes=polynomial(spec.slab_bytes),
        result_bytes=polynomial(spec.result_bytes), picoseconds=polynomial(spec.picoseconds),
        limits=Limits(LARGE, min(spec.release_picoseconds, _NEVER)),
    )  # fmt: skip
    return table, blocks


def _argument(argument: ArrayArgument, number: dict[str, int]) -> tuple[Any, ...]:
    """The fields of an ArgumentRecord."""

    def numbers(items: Sequence[int | str], first: int) -> list[int]:
        found = [item if isinstance(item, int) else first - number[item] for item in items]
        return _filled(found, MAXIMUM_RANK, 0)

    contiguous = C_CONTIGUOUS if argument.strides is None else 0
    flags = contiguous | ALIGNED | (WRITEABLE if argument.donated else 0)
    dtype, rank = argument.dtype, len(argument.shape)
    return (
        dtype.num, dtype.itemsize, rank, flags, argument.donated, argument.strides is not None,
        numbers(argument.shape, -1), numbers(argument.strides or (), SYMBOLS),
    )  # fmt: skip


def _strings(names: Sequence[str], blocks: Blocks) -> tuple[int, int]:
    """Addresses of strings, each the one object that names in code are."""
    interned = tuple(map(sys.intern, names))
    blocks.keep(interned)
    return blocks.put(np.int64, list(map(id, interned)))


def _filled(items: list[Item], size: int, filler: Item) -> list[Item]:
    return [*items, *[filler] * (size - len(items))]
