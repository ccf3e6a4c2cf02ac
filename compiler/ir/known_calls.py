"""Calls that a text may name without being given their functions: ours, pure, of arrays of any size.

Each works along the last axis, in the order of NumPy and PyTorch: NaN is the greatest value, zeros of both
signs are equal, and of equal elements the first comes first, in a descending order too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np

from compiler.errors import DTypeError, IndexRangeError, ShapeError
from compiler.ir.dims import Extent
from compiler.ir.linear_algebra import FUNCTIONS, linear_call
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import ScatterAdd
from compiler.ir.ordering import (
    write_at_ranks,
    write_first,
    write_first_values,
    write_order,
    write_places_in,
    write_ranked,
    write_sorted,
)
from compiler.ir.trait import ArrayFunction, Call
from compiler.ir.types import INT64, TensorType

Kind = TypeVar("Kind", bound=ArrayFunction)


class _OfRows(ArrayFunction):
    """A function of each row of its first operand by itself, which any number of threads may share."""

    def parts(self, count: int, out: Any, operands: Sequence[Any]) -> list[tuple[Any, ...]]:
        rows = math.prod(out.shape[:-1])
        if count == 1 or rows < 2 or not out.size:
            return [(out, *operands)]
        x, *others = operands
        flat = (array.reshape(rows, array.shape[-1]) for array in (out, x))
        pieces = (np.array_split(array, min(count, rows)) for array in flat)
        return [(*piece, *others) for piece in zip(*pieces, strict=True)]


@dataclass(frozen=True)
class Sorted(_OfRows):
    """The elements in order. The cotangent of each goes back to the place that it came from."""

    descending: bool = False

    @property
    def label(self) -> str:
        return "tt.sort_descending" if self.descending else "tt.sort"

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (x,) = _given(self, operands, 1)
        return x

    def write(self, out: Any, *operands: Any) -> None:
        write_sorted(out, operands[0], self.descending)

    def adjoint(self, operand: int, cotangent: Node, operands: Sequence[Node], origin: Origin) -> Node:
        return _at_places(Order(self.descending), cotangent, operands[0], origin)


@dataclass(frozen=True)
class Order(_OfRows):
    """The places of the elements in order, int64."""

    descending: bool = False

    @property
    def label(self) -> str:
        return "tt.argsort_descending" if self.descending else "tt.argsort"

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (x,) = _given(self, operands, 1)
        return TensorType(INT64, x.shape)

    def write(self, out: Any, *operands: Any) -> None:
        write_order(out, operands[0], self.descending)


_OF_FIRST: Final = 0.4
"""Nanoseconds for each element of which the first few are sought: many short calls of NumPy."""


@dataclass(frozen=True)
class First(_OfRows):
    """The places of the `count` greatest elements, greatest first, or of the smallest, smallest first."""

    count: int
    largest: bool = True

    @property
    def label(self) -> str:
        return "tt.largest" if self.largest else "tt.smallest"

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (x,) = _given(self, operands, 1)
        return TensorType(INT64, (*x.shape[:-1], self.count))

    def needs(self, operands: Sequence[TensorType]) -> Sequence[tuple[Extent, str]]:
        rest = operands[0].shape[-1] - self.count
        return [(rest, f"an axis would have fewer elements than the {self.count} that are wanted")]

    def write(self, out: Any, *operands: Any) -> None:
        write_first(out, operands[0], self.largest)

    def nanoseconds(self, operands: Sequence[Any]) -> float:
        return _OF_FIRST * operands[0].size


@dataclass(frozen=True)
class FirstValues(_OfRows):
    """The elements at the places of `First`, and the cotangent of each goes back to its place."""

    count: int
    largest: bool = True

    @property
    def label(self) -> str:
        return "tt.largest_values" if self.largest else "tt.smallest_values"

    @property
    def _places(self) -> First:
        return First(self.count, self.largest)

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (x,) = _given(self, operands, 1)
        return TensorType(x.dtype, self._places.infer(operands).shape)

    def needs(self, operands: Sequence[TensorType]) -> Sequence[tuple[Extent, str]]:
        return self._places.needs(operands)

    def write(self, out: Any, *operands: Any) -> None:
        write_first_values(out, operands[0], self.largest)

    def nanoseconds(self, operands: Sequence[Any]) -> float:
        return _OF_FIRST * operands[0].size

    def adjoint(self, operand: int, cotangent: Node, operands: Sequence[Node], origin: Origin) -> Node:
        return _at_places(self._places, cotangent, operands[0], origin)


@dataclass(frozen=True)
class Ranked(_OfRows):
    """The elements that stand at some ranks, int64[n], of the ascending order; 0 is the first.

    With `or_nan`, NaN where a row has one. The cotangent of each goes back to its place.
    """

    or_nan: bool = False

    @property
    def label(self) -> str:
        return "tt.ranked_or_nan" if self.or_nan else "tt.ranked"

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        x, ranks = _ranked(self, operands)
        return TensorType(x.dtype, (*x.shape[:-1], *ranks.shape))

    def needs(self, operands: Sequence[TensorType]) -> Sequence[tuple[Extent, str]]:
        return _one_at_least(operands)

    def write(self, out: Any, *operands: Any) -> None:
        x, ranks = operands
        _check_ranks(ranks, x.shape[-1])
        write_ranked(out, x, ranks, self.or_nan)

    def adjoint(self, operand: int, cotangent: Node, operands: Sequence[Node], origin: Origin) -> Node | None:
        x, ranks = operands
        if operand:
            return None
        places = make_node(call_of(AtRanks(self.or_nan), x.type, ranks.type), [x, ranks], origin=origin)
        back = ScatterAdd(x.type.rank - 1, x.type.shape[-1], batched=True)
        return make_node(back, [places, cotangent], origin=origin)


@dataclass(frozen=True)
class AtRanks(_OfRows):
    """The places of the elements that stand at some ranks, int64[n], of the ascending order; 0 is the first.

    With `or_nan`, where a row has a NaN, that of the last one.
    """

    or_nan: bool = False

    @property
    def label(self) -> str:
        return "tt.at_ranks_or_nan" if self.or_nan else "tt.at_ranks"

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        x, ranks = _ranked(self, operands)
        return TensorType(INT64, (*x.shape[:-1], *ranks.shape))

    def needs(self, operands: Sequence[TensorType]) -> Sequence[tuple[Extent, str]]:
        return _one_at_least(operands)

    def write(self, out: Any, *operands: Any) -> None:
        x, ranks = operands
        _check_ranks(ranks, x.shape[-1])
        write_at_ranks(out, x, ranks)
        if self.or_nan and _has_nan(x):
            unknown = np.isnan(x)
            last = x.shape[-1] - 1 - unknown[..., ::-1].argmax(-1)
            np.copyto(out, last[..., None], where=unknown.any(-1)[..., None])


@dataclass(frozen=True)
class Search(ArrayFunction):
    """How many elements of a sorted row are less than each value, or with `right` not greater, int64.

    Of one row, or of one for each row of the values.
    """

    right: bool = False

    @property
    def label(self) -> str:
        return "tt.searchsorted_right" if self.right else "tt.searchsorted"

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        row, values = _given(self, operands, 2)
        if row.dtype != values.dtype:
            raise DTypeError(f"{self.label} takes a row and values of one dtype, not {row} and {values}")
        if row.rank != 1 and row.shape[:-1] != values.shape[:-1]:
            raise ShapeError(f"{self.label} takes one row, or one for each row of {values}, not {row}")
        return TensorType(INT64, values.shape)

    def write(self, out: Any, *operands: Any) -> None:
        row, values = operands
        side = "right" if self.right else "left"
        if row.ndim == 1:
            write_places_in(out, row, values, side)
            return
        for place in np.ndindex(row.shape[:-1]):
            write_places_in(out[place], row[place], values[place], side)


def _given(function: ArrayFunction, operands: Sequence[TensorType], count: int) -> Sequence[TensorType]:
    if len(operands) != count or not operands[0].rank:
        shown = ", ".join(map(str, operands)) or "nothing"
        raise ShapeError(f"{function.label} takes {count} operand{'s' * (count > 1)} with axes, not {shown}")
    return operands


def _ranked(function: ArrayFunction, operands: Sequence[TensorType]) -> Sequence[TensorType]:
    _, ranks = _given(function, operands, 2)
    if ranks.rank != 1 or not ranks.dtype.is_integer:
        raise ShapeError(f"{function.label} takes ranks of one axis, int32 or int64, not {ranks}")
    return operands


def _one_at_least(operands: Sequence[TensorType]) -> Sequence[tuple[Extent, str]]:
    return [(operands[0].shape[-1] - 1, "an axis without elements would have one of some rank")]


def _check_ranks(ranks: Any, count: int) -> None:
    if ranks.size and not (ranks.min() >= 0 and ranks.max() < count):
        raise IndexRangeError(f"of {count} elements none has one of the ranks {ranks.tolist()}")


def _has_nan(x: Any) -> bool:
    return x.dtype.kind == "f" and bool(np.isnan(x.max(initial=-np.inf)))


def _count(type: TensorType) -> int:
    last = type.shape[-1] if type.rank else None
    if not isinstance(last, int):
        raise ShapeError(f"the first elements of an order are as many as an int says, not {type}")
    return last


def _at_places(places: ArrayFunction, cotangent: Node, x: Node, origin: Origin) -> Node:
    """The cotangent of each element at its place."""
    found = make_node(call_of(places, x.type), [x], origin=origin)
    back = ScatterAdd(x.type.rank - 1, x.type.shape[-1], batched=True)
    return make_node(back, [found, cotangent], origin=origin)


def elements_at(places: ArrayFunction) -> ArrayFunction | None:
    """What gives the elements at the places that a function gives, signs of zeros too; None for others."""
    match places:
        case Order():
            return Sorted(places.descending)
        case First():
            return FirstValues(places.count, places.largest)
        case _:
            return None


KNOWN: Final[Mapping[str, Callable[[TensorType], ArrayFunction]]] = {
    "tt.sort": lambda type: Sorted(),
    "tt.sort_descending": lambda type: Sorted(descending=True),
    "tt.argsort": lambda type: Order(),
    "tt.argsort_descending": lambda type: Order(descending=True),
    "tt.largest": lambda type: First(_count(type)),
    "tt.smallest": lambda type: First(_count(type), largest=False),
    "tt.largest_values": lambda type: FirstValues(_count(type)),
    "tt.smallest_values": lambda type: FirstValues(_count(type), largest=False),
    "tt.ranked": lambda type: Ranked(),
    "tt.ranked_or_nan": lambda type: Ranked(or_nan=True),
    "tt.at_ranks": lambda type: AtRanks(),
    "tt.at_ranks_or_nan": lambda type: AtRanks(or_nan=True),
    "tt.searchsorted": lambda type: Search(),
    "tt.searchsorted_right": lambda type: Search(right=True),
}
"""By label, what a call with a result of a type computes."""


def function_of(node: Node, *kinds: type[Kind]) -> Kind | None:
    """The function of a call, if its class is one of some kinds: a derived one may compute something else."""
    function: object = node.op.function if isinstance(node.op, Call) else None
    return next((function for kind in kinds if type(function) is kind and isinstance(function, kind)), None)


def call_of(function: ArrayFunction, *operands: TensorType) -> Call:
    """The op that computes a function of operands of these types."""
    return Call(function.label, function, function.infer(operands))


def known_call(label: str, type: TensorType) -> Call | None:
    """The call of a label, with a result of a type; None for one that is not ours."""
    if label in FUNCTIONS:
        return linear_call(label, type)
    return Call(label, KNOWN[label](type), type) if label in KNOWN else None
