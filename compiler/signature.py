"""Arguments of a call, checked and bound: what a program does before it computes.

Every check happens before anything is written. A caller's array is read, never changed, unless it is donated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard, cast

import numpy as np

from compiler.analysis.extents import Sizes, bind_sizes, check_symbols
from compiler.errors import ArgumentError, DTypeError, NameClashError, ShapeError, UndeclaredInputError
from compiler.ir.bfloat16 import is_bfloat16
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.numbers import kind_of, number
from compiler.ir.op import Input, Parameter

Array: TypeAlias = np.ndarray[Any, Any]


class Signature:
    """The inputs of a program in order, and how they become dense native arrays and values of the symbols.

    `copies` counts the arrays that had to be copied on entry because they were not dense, aligned and native.
    """

    def __init__(self, inputs: Sequence[Node], donate: Iterable[str] = ()) -> None:
        self.inputs = tuple(inputs)
        self.names = tuple(str(node.name) for node in inputs)
        self.donated = frozenset(donate)
        self.copies = 0
        self._latest: tuple[list[tuple[int, ...]] | None, Sizes] = (None, {})
        _check_names(self.inputs, self.donated)

    def bind(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> tuple[list[Array], Sizes]:
        """The arrays in the order of the inputs, and the value of every symbol.

        Raises before anything is changed.
        """
        given = self.ordered(arguments, named)
        arrays = [self._array(node, value) for node, value in zip(self.inputs, given, strict=True)]
        return arrays, self.sizes(arrays, given)

    def sizes(self, arrays: Sequence[Array], given: Sequence[Any]) -> Sizes:
        """The value of every symbol, of arrays that stand for what was given; donated ones are checked."""
        shapes = [array.shape for array in arrays]
        known, sizes = self._latest
        if shapes != known:
            sizes = bind_sizes(self.inputs, shapes)
            self._latest = (shapes, sizes)
        if self.donated:
            self._check_donated(given)
        return sizes

    def ordered(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> Sequence[Any]:
        """What is given for each input, in order. Raises ArgumentError unless that is one value for each."""
        if not named and len(arguments) == len(self.inputs):
            return arguments
        if len(arguments) > len(self.names):
            raise ArgumentError(
                f"{len(arguments)} arguments for {len(self.names)} inputs: {', '.join(self.names)}"
            )
        found = dict(zip(self.names, arguments, strict=False))
        for name, value in named.items():
            if name not in self.names:
                raise ArgumentError(
                    f"no input is named {name!r}; the inputs are {', '.join(self.names) or 'none'}"
                )
            if name in found:
                raise ArgumentError(f"input {name!r} is given twice, by position and by name")
            found[name] = value
        missing = [node for node in self.inputs if node.name not in found]
        if missing:
            raise ArgumentError(f"input {missing[0].name!r} is missing: {describe(missing[0])}")
        return [found[name] for name in self.names]

    def _array(self, node: Node, value: Any) -> Array:
        wanted = node.type.dtype.numpy
        array = value if is_ready(value, wanted) else self._converted(node, value, wanted)
        if array.ndim != node.type.rank:
            raise ShapeError(f"input {node.name!r} is {node.type} and was given shape {list(array.shape)}")
        return array

    def _converted(self, node: Node, value: Any, wanted: np.dtype[Any]) -> Array:
        plain = number(value)
        is_array = isinstance(value, np.ndarray)
        try:
            array = np.asarray(value if plain is None else plain)
        except (ValueError, OverflowError) as error:
            raise DTypeError(
                f"input {node.name!r} is {node.type}; not a rectangular array of numbers: {error}"
            ) from None
        if kind_of(array.dtype) is None:
            raise DTypeError(f"input {node.name!r} is {node.type} and was given {array.dtype}")
        if not is_array and wanted.kind in "iu" and array.size == 0:
            array = array.astype(wanted)  # an empty list has no dtype of its own
        if not (np.can_cast(array.dtype, wanted, "safe") or (not is_array and _fits(array, wanted))):
            name = repr(wanted.name) if is_bfloat16(wanted) else f"np.{wanted.name}"
            raise DTypeError(
                f"input {node.name!r} is {node.type} and was given {array.dtype}\n  fix: array.astype({name})"
            )
        self.copies += is_array
        with np.errstate(over="ignore"):  # 1e300 is inf in float32
            return np.array(array, dtype=wanted, order="C", copy=True)

    def _check_donated(self, given: Sequence[Any]) -> None:
        for node, value in zip(self.inputs, given, strict=True):
            if node.name in self.donated:
                self._check_donation(node, value, given)

    def _check_donation(self, node: Node, value: Any, given: Sequence[Any]) -> None:
        if not (is_ready(value, node.type.dtype.numpy) and value.flags.writeable):
            raise ArgumentError(
                f"input {node.name!r} is donated: it must be a dense, aligned, writable array of "
                f"{node.type.dtype}"
            )
        for other, array in zip(self.inputs, given, strict=True):
            if (
                other is not node
                and isinstance(array, np.ndarray)
                and np.may_share_memory(value, cast(Array, array))
            ):
                raise ArgumentError(f"donated input {node.name!r} shares memory with input {other.name!r}")


def is_ready(value: Any, dtype: np.dtype[Any]) -> TypeGuard[Array]:
    """Whether a value is an array to be used as it is: of the dtype, dense, aligned and native-endian."""
    if not isinstance(value, np.ndarray):
        return False
    array = cast(Array, value)
    return array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned


def _fits(array: Array, wanted: np.dtype[Any]) -> bool:
    """Whether Python numbers, which have no dtype of their own, may become one: ints if in its range."""
    if kind_of(wanted) is float:
        return True
    return wanted.kind in "iu" and array.dtype.kind in "biu" and bool(np.all(array.astype(wanted) == array))


def _check_names(inputs: Sequence[Node], donated: frozenset[str]) -> None:
    seen: dict[str | None, Node] = {}
    for node in inputs:
        if not isinstance(node.op, Input):
            raise ArgumentError(f"the inputs of a program are made by tt.input: {describe(node)}")
        if node.name == "out":
            raise NameClashError(f"no input can be named 'out', which takes the outputs: {describe(node)}")
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
    """Checks that a graph's leaves are known and told apart.

    Raises UndeclaredInputError for an input or a symbol that the graph needs and no listed input brings, and
    NameClashError for a parameter with the name of an input, or with that of another parameter where a user
    chose it. Those of two networks without names may be alike: the graph tells them apart, as `w` and `w~2`.
    """
    known = set(declared)
    for node in graph.inputs:
        if node not in known:
            raise UndeclaredInputError(
                f"an output depends on input {describe(node)}\n  fix: list it, tt.compile([..., "
                f"{node.name}], ...)"
            )
    check_symbols(graph)
    seen = {node.name: node for node in graph.inputs}
    for node in graph.parameters:
        other = seen.setdefault(node.name, node) if node.name is not None else node
        if other is not node and (isinstance(other.op, Input) or _is_named(node) or _is_named(other)):
            what = "an input and a parameter" if isinstance(other.op, Input) else "two parameters"
            raise NameClashError(
                f"{what} are named {node.name!r}:\n  {describe(other)}\n  {describe(node)}\n  fix: rename one"
            )


def _is_named(node: Node) -> bool:
    return isinstance(node.op, Parameter) and node.op.buffer.is_named
