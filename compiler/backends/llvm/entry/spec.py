"""What the fast entry checks, from the types of a program's inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from compiler.backends.llvm.entry import making as entry
from compiler.backends.llvm.entry.making import ArrayArgument, ArrayResult, EntrySpec
from compiler.ir.dims import Extent, product, symbols
from compiler.ir.node import Node
from compiler.ir.types import TensorType

_RELEASE: Final = 20_000_000
"""Predicted picoseconds from which on the interpreter lock is released."""


def entry_spec(
    inputs: Sequence[Node],
    outputs: Sequence[TensorType],
    demands: Sequence[Extent],
    bare: bool,
    picoseconds: Extent,
) -> EntrySpec | None:
    """The spec; None where an input's extent is more than a number or a symbol."""
    arguments: list[ArrayArgument] = []
    for node in inputs:
        shape = [_plain(extent) for extent in node.type.shape]
        if any(extent is None for extent in shape):
            return None
        arguments.append(ArrayArgument(node.type.dtype.numpy, tuple(n for n in shape if n is not None)))
    results = tuple(ArrayResult(kind.dtype.numpy, tuple(map(_terms, kind.shape))) for kind in outputs)
    known = {extent for argument in arguments for extent in argument.shape if isinstance(extent, str)}
    used = [extent for kind in outputs for extent in kind.shape] + [*demands, picoseconds]
    if not {name for extent in used for name in symbols(extent)} <= known:
        return None
    size = sum((product(kind.shape) * kind.dtype.size for kind in outputs), start=0)
    return EntrySpec(
        tuple(arguments), results, bare, result_bytes=_terms(size), nanoseconds=_terms(picoseconds),
        release_nanoseconds=_RELEASE, demands=tuple(map(_terms, demands)),
    )  # fmt: skip


def _plain(extent: Extent) -> int | str | None:
    """A number, or the name of a symbol that stands alone."""
    if isinstance(extent, int):
        return extent
    return str(extent) if str(extent) in symbols(extent) else None


def _terms(extent: Extent) -> entry.Extent:
    if isinstance(extent, int):
        return extent
    return tuple(
        (factor, tuple(name for name, power in monomial for _ in range(power)))
        for monomial, factor in extent.terms
    )
