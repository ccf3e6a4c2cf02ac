"""What the native entry checks and allocates, from the types of a program's inputs and outputs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.ir import dims
from compiler.ir.dims import product, symbols
from compiler.ir.node import Node
from compiler.ir.types import TensorType

Terms: TypeAlias = tuple[tuple[int, tuple[str, ...]], ...]
"""A polynomial: terms of a coefficient and the symbols it is multiplied with."""

Extent: TypeAlias = int | str | Terms
"""A number, a symbol, or a polynomial."""

_RELEASE: Final = 20_000_000
"""Predicted picoseconds from which on the interpreter lock is released."""


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
    fallback allocates. `picoseconds` predicts the time of a call; from `release_picoseconds` on the
    interpreter lock is released while the program runs.
    """

    arguments: tuple[ArrayArgument, ...]
    results: tuple[ArrayResult, ...]
    bare: bool = False
    slab_bytes: Extent = 0
    result_bytes: Extent = 0
    picoseconds: Extent = 0
    release_picoseconds: int = _RELEASE
    demands: tuple[Extent, ...] = ()

    @functools.cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the arguments in order of first appearance: the order of their slots."""
        extents = (extent for argument in self.arguments for extent in argument.shape)
        return tuple(dict.fromkeys(extent for extent in extents if isinstance(extent, str)))

    @property
    def frame_slots(self) -> int:
        """Words of a frame: the context, the symbols, the arguments, the results."""
        return 1 + len(self.symbols) + len(self.arguments) + len(self.results)


def terms_of(extent: Extent) -> Terms:
    """An extent as the terms of a polynomial."""
    if isinstance(extent, int):
        return ((extent, ()),)
    return ((1, (extent,)),) if isinstance(extent, str) else extent


def entry_spec(
    inputs: Sequence[Node],
    outputs: Sequence[TensorType],
    demands: Sequence[dims.Extent],
    bare: bool,
    picoseconds: dims.Extent,
) -> EntrySpec | None:
    """The spec; None where an input's extent is more than a number or a symbol."""
    arguments: list[ArrayArgument] = []
    for node in inputs:
        shape = [_plain(extent) for extent in node.type.shape]
        if any(extent is None for extent in shape):
            return None
        arguments.append(ArrayArgument(node.type.dtype.numpy, tuple(n for n in shape if n is not None)))
    results = tuple(ArrayResult(kind.dtype.numpy, tuple(map(_polynomial, kind.shape))) for kind in outputs)
    known = {extent for argument in arguments for extent in argument.shape if isinstance(extent, str)}
    used = [extent for kind in outputs for extent in kind.shape] + [*demands, picoseconds]
    if not {name for extent in used for name in symbols(extent)} <= known:
        return None
    size = sum((product(kind.shape) * kind.dtype.size for kind in outputs), start=0)
    return EntrySpec(
        tuple(arguments), results, bare, result_bytes=_polynomial(size), picoseconds=_polynomial(picoseconds),
        demands=tuple(map(_polynomial, demands)),
    )  # fmt: skip


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
