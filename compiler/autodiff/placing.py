"""Brings a value from the axes that it has to those of an operand: sums, transposes, repeats, reshapes."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.build import broadcast, cast, contract
from compiler.ir.dims import Shape
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Reshape, Transpose


def to_operand(
    value: Node, given: tuple[int | None, ...], wanted: tuple[int | None, ...], extents: Shape, target: Node,
    origin: Origin,
) -> Node:  # fmt: skip
    """A value with an axis for each loop in `given` as one with the axes `wanted` and the target's type."""
    have = [axis for axis in given if axis is not None]
    want = [axis for axis in wanted if axis is not None]
    value = reshaped(value, tuple(extents[axis] for axis in have), origin)
    if any(axis not in want for axis in have):
        order = [axis for axis in want if axis in have]
        loops = {axis: k for k, axis in enumerate(have)}
        value = contract(
            [value], [range(len(have))], [loops[axis] for axis in order], value.type.shape, origin=origin
        )
        have = order
    order = [have.index(axis) for axis in want if axis in have]
    value = transposed(value, order, origin)
    shape = tuple(extents[axis] for axis in want)
    value = broadcast(value, shape, [k for k, axis in enumerate(want) if axis in have], origin)
    return cast(reshaped(value, target.type.shape, origin), target.type.dtype, origin)


def transposed(node: Node, order: Sequence[int], origin: Origin) -> Node:
    """The node with its axes in an order, which may be its own."""
    if list(order) == sorted(order):
        return node
    return make_node(Transpose(tuple(order)), [node], origin=origin)


def transposed_copy(node: Node, order: Sequence[int], origin: Origin) -> Node:
    """The same, dense: flat it has no strides, so it is copied."""
    found = transposed(node, order, origin)
    return reshaped(reshaped(found, (found.type.size,), origin), found.type.shape, origin)


def reshaped(node: Node, shape: Shape, origin: Origin) -> Node:
    """The node in row-major order under a shape, which may be its own."""
    return node if node.type.shape == shape else make_node(Reshape(shape), [node], origin=origin)
