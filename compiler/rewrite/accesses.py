"""Index maps: what a loop nest reads through a view or another map, and the view that a bare read is.

An access gives for each axis of a value the loop that it follows, or None for a unit axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

from compiler.ir.dims import Extent, Shape
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.printing import print_scalar
from compiler.ir.formula.tape import Formula
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Broadcast, MapReduce, Op, Reshape, Transpose
from compiler.ir.types import DType, Scalar, TensorType

Axes: TypeAlias = tuple[int | None, ...]


def through_view(op: Op, operand: TensorType, axes: Axes) -> Axes | None:
    """Where a read of a view's result at `axes` reads the view's operand; None if that is no access.

    Transpositions, broadcasts and reshapes that only add or remove unit axes can be read through.
    """
    match op:
        case Transpose():
            return tuple(axes[op.order.index(axis)] for axis in range(operand.rank))
        case Broadcast():
            rows = zip(op.axes, operand.shape, strict=True)
            return tuple(None if n == 1 and op.shape[axis] != 1 else axes[axis] for axis, n in rows)
        case Reshape() if without_units(op.shape) == without_units(operand.shape):
            followed = iter([axis for axis, n in zip(axes, op.shape, strict=True) if n != 1])
            return tuple(None if n == 1 else next(followed) for n in operand.shape)
        case _:
            return None


def without_units(shape: Sequence[Extent]) -> Shape:
    """The extents that are not 1."""
    return tuple(n for n in shape if n != 1)


def through_map(op: MapReduce, axes: Axes) -> dict[int, int | None]:
    """For each loop of a map the loop of its reader, which reads the map's result at `axes`."""
    return {loop: ours for loop, ours in zip(op.output, axes, strict=True) if loop is not None}


def moved(axes: Axes, place: dict[int, int | None]) -> Axes:
    """Axes with every loop replaced."""
    return tuple(None if axis is None else place.get(axis) for axis in axes)


def read(value: Node, axes: Axes, extents: Shape, output: Axes, origin: Origin) -> Node:
    """`value` read at `axes` by a loop nest with this output, as the value itself or a view of it."""
    shape = tuple(1 if axis is None else extents[axis] for axis in output)
    if len(axes) <= len(output) and _is_aligned(axes, output[len(output) - len(axes) :]):
        places = tuple(range(len(output) - len(axes), len(output)))
        return value if value.type.shape == shape else _viewed(value, shape, places, origin)
    named = [axis for axis in axes if axis is not None]
    bare = tuple(extents[axis] for axis in named)
    if bare != value.type.shape:
        value = make_node(Reshape(bare), [value], origin=origin)
    order = sorted(range(len(named)), key=named.__getitem__)
    if order != list(range(len(order))):
        value = make_node(Transpose(tuple(order)), [value], origin=origin)
    return _viewed(value, shape, tuple(output.index(axis) for axis in sorted(named)), origin)


def _is_aligned(axes: Axes, output: Axes) -> bool:
    return all(ours is None or ours == theirs for ours, theirs in zip(axes, output, strict=True))


def _viewed(value: Node, shape: Shape, places: tuple[int, ...], origin: Origin) -> Node:
    if value.type.shape == shape:
        return value
    is_flat = without_units(shape) == without_units(value.type.shape)
    return make_node(Reshape(shape) if is_flat else Broadcast(shape, places), [value], origin=origin)


def fill(value: Scalar, type: TensorType, origin: Origin) -> Node:
    """A map of nothing: every element is one literal."""
    literal = print_scalar(float(value) if type.dtype.is_float else value)
    op = MapReduce(_literal(literal), (), type.shape, tuple(range(type.rank)), type.dtype)
    return make_node(op, [], origin=origin)


@cache
def _literal(text: str) -> Formula:
    return parse_formula(f"fill() = {text}")


def zero_of(dtype: DType) -> Scalar:
    """0 as a literal of the kind that a dtype has."""
    return 0.0 if dtype.is_float else 0 if dtype.is_integer else False
