"""Axes and shapes as users write them: negative, several, or None; one extent -1."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Dim, Shape, divide_exactly, extent, product
from compiler.ir.node import Node, describe
from compiler.ir.numbers import whole_number

Axis: TypeAlias = int | Sequence[int] | None


def normalised_axis(axis: Any, rank: int, of: Node | None = None) -> int:
    """An axis counted from the front. Raises ShapeError, which names `of`, if there is none such."""
    number = whole_number(axis)
    if number is None:
        raise ShapeError(f"an axis is an int, not {axis!r}{_place(of)}")
    if not -rank <= number < rank:
        raise ShapeError(
            f"axis {number} is out of range for {rank} axes{_place(of)}\n"
            f"  fix: {f'an axis from {-rank} to {rank - 1}' if rank else 'none: a scalar has no axes'}"
        )
    return number % rank


def _place(of: Node | None) -> str:
    return "" if of is None else f": {describe(of)}"


def normalised_axes(axis: Axis, rank: int, of: Node | None = None) -> tuple[int, ...]:
    """Axes counted from the front, ascending. Raises ShapeError for an axis given twice."""
    if axis is None:
        return tuple(range(rank))
    given = items_of(axis)
    axes = sorted(normalised_axis(item, rank, of) for item in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"an axis is given twice: {given}{_place(of)}")
    return tuple(axes)


def resolved_shape(node: Node, shape: list[Any]) -> Shape:
    """The shape to which a node is reshaped, with -1 worked out. Raises ShapeError."""
    holes = [
        k for k, item in enumerate(shape) if not isinstance(item, str | Dim) and whole_number(item) == -1
    ]
    if len(holes) > 1:
        raise ShapeError(f"reshape to {shape}: only one extent can be -1: {describe(node)}")
    known = [extent(item) for k, item in enumerate(shape) if k not in holes]
    if not holes:
        return tuple(known)
    rest = divide_exactly(node.type.size, product(known))
    if rest is None:
        raise ShapeError(f"reshape to {shape}: {product(known)} does not divide the size of {describe(node)}")
    return (*known[: holes[0]], rest, *known[holes[0] :])


def spread(given: tuple[Any, ...]) -> list[Any]:
    """The items of `f(a, b)` as of `f((a, b))`."""
    return items_of(given[0]) if len(given) == 1 else list(given)


def items_of(value: Any) -> list[Any]:
    """The items of a sequence or an array with axes; of anything else, itself."""
    if isinstance(value, np.ndarray) and value.ndim:
        return typing.cast("list[Any]", value.tolist())
    is_many = isinstance(value, Sequence) and not isinstance(value, str)
    return list(typing.cast("Sequence[Any]", value)) if is_many else [value]


def counted(what: str, value: Any) -> int:
    """A setting that is an int. Raises ArgumentError, which says what it is for."""
    found = whole_number(value)
    if found is None:
        raise ArgumentError(f"{what} is an int, not {value!r}")
    return found
