"""What the native entry checks and allocates, from the types of a program's inputs and outputs."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.contract import Door, stride_symbol
from compiler.ir import dims
from compiler.ir.dims import product, symbols
from compiler.ir.node import Node

Terms: TypeAlias = tuple[tuple[int, tuple[str, ...]], ...]
"""A polynomial: terms of a coefficient and the symbols it is multiplied with."""

Extent: TypeAlias = int | str | Terms
"""A number, a symbol, or a polynomial."""

_RELEASE: Final = 20_000_000
"""Predicted picoseconds from which on the interpreter lock is released."""


@dataclass(frozen=True)
class ArrayArgument:
    """An argument that is taken as it is: C-contiguous, aligned, native. A str in `shape` is a symbol.

    One that is `donated` is writable and shares no memory with another. One that has `strides` need not be
    contiguous: along an axis neighbours are so many elements apart, or as many as a symbol stands for.
    """

    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]
    donated: bool = False
    strides: tuple[int | str, ...] | None = None


@dataclass(frozen=True)
class ArrayResult:
    """A result, newly allocated or given by the caller; its symbols are among those of the arguments.

    One that is `handed` is the array of that argument; -1 for none.
    """

    dtype: np.dtype[Any]
    shape: tuple[Extent, ...]
    handed: int = -1


@dataclass(frozen=True)
class EntrySpec:
    """What a program takes and gives.

    What `demands` gives is nowhere negative, or the fallback is called, which knows what is wrong then.
    `names` are those of the arguments, where they may be given by name. `bare` returns a single result as it
    is; otherwise results come as a tuple (None if there are none). What a caller gives as `out` is arranged
    likewise, or as a list, and where there are `keys` as a dict of these.
    `slab_bytes` is what the call needs of the context's slab; from `lent.LARGE` of `result_bytes` on the
    fallback allocates. `picoseconds` predicts the time of a call; from `release_picoseconds` on the
    interpreter lock is released while the program runs.
    """

    arguments: tuple[ArrayArgument, ...]
    results: tuple[ArrayResult, ...]
    bare: bool = False
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    slab_bytes: Extent = 0
    result_bytes: Extent = 0
    picoseconds: Extent = 0
    release_picoseconds: int = _RELEASE
    demands: tuple[Extent, ...] = ()

    @functools.cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the arguments' shapes in order of first appearance, then of their strides.

        That is the order of their slots.
        """
        extents = [extent for argument in self.arguments for extent in argument.shape]
        strides = [stride for argument in self.arguments for stride in argument.strides or ()]
        return tuple(dict.fromkeys(item for item in (*extents, *strides) if isinstance(item, str)))

    @property
    def is_plain(self) -> bool:
        """Whether all arguments are contiguous and none is donated."""
        return not any(each.donated or each.strides is not None for each in self.arguments)

    @property
    def frame_slots(self) -> int:
        """Words of a frame: the context, the symbols, the arguments, the results."""
        return 1 + len(self.symbols) + len(self.arguments) + len(self.results)


def terms_of(extent: Extent) -> Terms:
    """An extent as the terms of a polynomial."""
    if isinstance(extent, int):
        return ((extent, ()),)
    return ((1, (extent,)),) if isinstance(extent, str) else extent


def entry_spec(door: Door, picoseconds: dims.Extent) -> EntrySpec | None:
    """The spec; None where an input's extent is more than a number or a symbol."""
    found = [_argument(place, node, door) for place, node in enumerate(door.inputs)]
    arguments = tuple(argument for argument in found if argument is not None)
    if len(arguments) < len(found):
        return None
    outputs = door.outputs
    results = tuple(
        ArrayResult(kind.dtype.numpy, tuple(map(_polynomial, kind.shape)), door.handed.get(position, -1))
        for position, kind in enumerate(outputs)
    )
    known = {extent for argument in arguments for extent in argument.shape if isinstance(extent, str)}
    used = [extent for kind in outputs for extent in kind.shape] + [*door.demands, picoseconds]
    if not {name for extent in used for name in symbols(extent)} <= known:
        return None
    made = [kind for position, kind in enumerate(outputs) if position not in door.handed]
    size = sum((product(kind.shape) * kind.dtype.size for kind in made), start=0)
    return EntrySpec(
        arguments, results, door.bare, names=tuple(str(node.name) for node in door.inputs), keys=door.keys,
        result_bytes=_polynomial(size), picoseconds=_polynomial(picoseconds),
        demands=tuple(map(_polynomial, door.demands)),
    )  # fmt: skip


def _argument(place: int, node: Node, door: Door) -> ArrayArgument | None:
    shape = [_plain(extent) for extent in node.type.shape]
    plain = tuple(extent for extent in shape if extent is not None)
    if len(plain) < len(shape):
        return None
    strides = None
    if place in door.layouts:
        ways = enumerate(door.layouts[place])
        strides = tuple(stride_symbol(place, axis) if way is None else way for axis, way in ways)
    return ArrayArgument(node.type.dtype.numpy, plain, node.name in door.donated, strides)


def _plain(extent: dims.Extent) -> int | str | None:
    """A number, or the name of a symbol that stands alone."""
    if isinstance(extent, int):
        return extent
    return str(extent) if str(extent) in symbols(extent) else None


def _polynomial(extent: dims.Extent) -> Extent:
    if isinstance(extent, int):
        return extent
    return tuple(
        (factor, tuple(name for name, power in monomial for _ in range(power)))
        for monomial, factor in extent.terms
    )
