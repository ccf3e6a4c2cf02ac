"""Arguments of a call, checked and bound: what a program does before it computes.

Every check happens before anything is written. A caller's array is read, never changed, unless it is donated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from compiler.errors import ArgumentError, DTypeError, NameClashError, ShapeError, UndeclaredInputError
from compiler.ir.dims import Dim, Extent, evaluate, symbols
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import Input

Array: TypeAlias = np.ndarray[Any, Any]
Sizes: TypeAlias = dict[str, int]


class Signature:
    """The inputs of a program in order, and how they become dense native arrays and values of the symbols.

    `copies` counts the arrays that had to be copied on entry because they were not dense, aligned and native.
    """

    def __init__(self, inputs: Sequence[Node], donate: Iterable[str] = ()) -> None:
        self.inputs = tuple(inputs)
        self.names = tuple(str(node.name) for node in inputs)
        self.donated = frozenset(donate)
        self.copies = 0
        _check_names(self.inputs, self.donated)

    def bind(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> tuple[list[Array], Sizes]:
        """The arrays in the order of the inputs, and the value of every symbol. Raises before anything is changed."""
        given = self._ordered(arguments, named) if named or len(arguments) != len(self.inputs) else arguments
        arrays = [self._array(node, value) for node, value in zip(self.inputs, given, strict=True)]
        sizes = bind_sizes(self.inputs, arrays)
        if self.donated:
            self._check_donated(given)
        return arrays, sizes

    def _ordered(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        if len(arguments) > len(self.names):
            raise ArgumentError(f"{len(arguments)} arguments for {len(self.names)} inputs: {', '.join(self.names)}")
        found = dict(zip(self.names, arguments, strict=False))
        for name, value in named.items():
            if name not in self.names:
                raise ArgumentError(f"no input is named {name!r}; the inputs are {', '.join(self.names) or 'none'}")
            if name in found:
                raise ArgumentError(f"input {name!r} is given twice, by position and by name")
            found[name] = value
        missing = [node for node in self.inputs if node.name not in found]
        if missing:
            raise ArgumentError(f"input {missing[0].name!r} is missing: {describe(missing[0])}")
        return [found[name] for name in self.names]

    def _array(self, node: Node, value: Any) -> Array:
        wanted = node.type.dtype.numpy
        if isinstance(value, np.ndarray) and value.dtype == wanted and value.flags.c_contiguous and value.flags.aligned:
            array: Array = value
        else:
            array = self._converted(node, value, wanted)
        if array.ndim != node.type.rank:
            raise ShapeError(f"input {node.name!r} is {node.type} and was given shape {list(array.shape)}")
        return array

    def _converted(self, node: Node, value: Any, wanted: np.dtype[Any]) -> Array:
        is_array = isinstance(value, np.ndarray | np.generic)
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise DTypeError(f"input {node.name!r} is {node.type}; not a rectangular array: {error}") from None
        if array.dtype.kind not in "biuf":
            raise DTypeError(f"input {node.name!r} is {node.type} and was given {array.dtype}")
        is_number = not is_array and array.dtype.kind in ("bi" if wanted.kind in "bi" else "bif")
        if not np.can_cast(array.dtype, wanted, "safe") and not (is_number and wanted.kind != "b"):
            raise DTypeError(
                f"input {node.name!r} is {node.type} and was given {array.dtype}\n  fix: array.astype(np.{wanted.name})"
            )
        self.copies += is_array
        return np.array(array, dtype=wanted, order="C", copy=True)

    def _check_donated(self, given: Sequence[Any]) -> None:
        for node, value in zip(self.inputs, given, strict=True):
            if node.name in self.donated:
                self._check_donation(node, value, given)

    def _check_donation(self, node: Node, value: Any, given: Sequence[Any]) -> None:
        is_fit = isinstance(value, np.ndarray) and value.dtype == node.type.dtype.numpy and value.flags.carray
        if not is_fit:
            raise ArgumentError(
                f"input {node.name!r} is donated: it must be a dense, aligned, writable array of {node.type.dtype}"
            )
        for other, array in zip(self.inputs, given, strict=True):
            if other is not node and isinstance(array, np.ndarray) and np.may_share_memory(value, array):
                raise ArgumentError(f"donated input {node.name!r} shares memory with input {other.name!r}")


def _check_names(inputs: Sequence[Node], donated: frozenset[str]) -> None:
    seen: dict[str | None, Node] = {}
    for node in inputs:
        if not isinstance(node.op, Input):
            raise ArgumentError(f"the inputs of a program are made by tt.input: {describe(node)}")
        if node.name in seen:
            raise NameClashError(
                f"two inputs are named {node.name!r}:\n  {describe(seen[node.name])}\n  {describe(node)}"
                if seen[node.name] is not node
                else f"input {node.name!r} is listed twice"
            )
        seen[node.name] = node
    unknown = sorted(donated - set(map(str, seen)))
    if unknown:
        raise ArgumentError(f"no input is named {unknown[0]!r}, which is to be donated")


def check_declared(graph: Graph, declared: Sequence[Node]) -> None:
    """Raises UndeclaredInputError for an input that the graph needs and the caller did not list, and
    NameClashError for two parameters, or a parameter and an input, with one name."""
    for node in graph.inputs:
        if node not in set(declared):
            raise UndeclaredInputError(
                f"an output depends on input {describe(node)}\n  fix: list it, tt.compile([..., {node.name}], ...)"
            )
    seen: dict[str, Node] = {str(node.name): node for node in graph.inputs}
    for node in graph.parameters:
        if node.name is None:
            continue
        other = seen.setdefault(node.name, node)
        if other is not node:
            raise NameClashError(
                f"two leaves are named {node.name!r}:\n  {describe(other)}\n  {describe(node)}\n  fix: rename one"
            )


def bind_sizes(nodes: Sequence[Node], arrays: Sequence[Array]) -> Sizes:
    """The value of every symbol in the inputs' shapes. Raises ShapeError naming both inputs where they disagree."""
    sizes: Sizes = {}
    owner: dict[str, Node] = {}
    pending: list[tuple[Node, int, Extent, int]] = []
    for node, array in zip(nodes, arrays, strict=True):
        for axis, (extent, count) in enumerate(zip(node.type.shape, array.shape, strict=True)):
            if isinstance(extent, Dim) and str(extent) in symbols(extent) and str(extent) not in sizes:
                sizes[str(extent)], owner[str(extent)] = count, node
            elif extent != count:
                pending.append((node, axis, extent, count))
    for node, axis, extent, count in pending:
        _solve(extent, count, sizes)
        _check_extent(node, axis, extent, count, sizes, owner)
    return sizes


def _solve(extent: Extent, count: int, sizes: Sizes) -> None:
    """Finds the one unknown symbol of an extent that is linear in it."""
    unknown = [name for name in symbols(extent) if name not in sizes]
    if len(unknown) != 1:
        return
    at_zero = evaluate(extent, {**sizes, unknown[0]: 0})
    slope = evaluate(extent, {**sizes, unknown[0]: 1}) - at_zero
    value, rest = divmod(count - at_zero, slope) if slope else (0, 1)
    if rest == 0 and value >= 0:
        sizes[unknown[0]] = value


def _check_extent(
    node: Node, axis: int, extent: Extent, count: int, sizes: Sizes, owner: Mapping[str, Node]
) -> None:
    missing = [name for name in sorted(symbols(extent)) if name not in sizes]
    if missing:
        raise ShapeError(f"input {node.name!r}: axis {axis} has {count} elements, which is no value of {extent}")
    expected = evaluate(extent, sizes)
    if expected == count:
        return
    others = sorted({str(owner[name].name) for name in symbols(extent) if name in owner} - {str(node.name)})
    source = f" ({extent}, set by input {', '.join(map(repr, others))})" if others else ""
    raise ShapeError(f"input {node.name!r} is {node.type}: axis {axis} has {count} elements and needs {expected}{source}")


