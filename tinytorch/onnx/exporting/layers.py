"""Convolutions in a graph, with the biases that are added to them."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.node import Node
from compiler.ir.op import Reshape, Slice
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.convolutions import Convolution, convolution_of
from tinytorch.onnx.exporting.plans import Plan, Uses, added, products_of, vector_along
from tinytorch.onnx.exporting.spatial import split_axis
from tinytorch.onnx.exporting.transposed import Transposed, transposed_of
from tinytorch.onnx.exporting.values import Value


def plan_convolution(node: Node, uses: Uses) -> Plan | None:
    """A Conv or ConvTranspose for a node that is one, or that adds a bias to one."""
    both = added(node)
    if both is not None:
        return _with_bias(node, *both, uses)
    found = _convolution(node, uses)
    return None if found is None else Plan(found.nodes, lambda context, values: found.write(context, *values))


def _convolution(node: Node, uses: Uses) -> Convolution | Transposed | None:
    found = convolution_of(node)
    if found is not None:
        return found
    back = transposed_of(node)
    is_part = back is not None and isinstance(node.op, Slice)
    return None if is_part and not uses.is_inner(node.operands[0]) else back


def _with_bias(node: Node, left: Node, right: Node, uses: Uses) -> Plan | None:
    """A bias of one number a channel, which both operators add themselves."""
    source = left
    if isinstance(left.op, Reshape) and products_of(left.operands[0]) is not None:
        source = left.operands[0]
    found = _convolution(source, uses) if uses.is_inner(left) and uses.is_inner(source) else None
    axis = None if found is None else found.channel_axis
    if found is None or axis is None or (left is not source) != _has_groups_apart(found):
        return None
    bias = vector_along(right, node, axis)
    if bias is None or (left is not source and not _joins_groups(found, left, axis)):
        return None

    def write(context: Context, values: Sequence[Value]) -> Value:
        made = found.write(context, *values)
        return context.moves.reshaped(made, source.type.shape, node.type.shape)

    return Plan((*found.nodes, bias), write)


def _has_groups_apart(found: Convolution | Transposed) -> bool:
    """Whether groups and their outputs are two axes of the result."""
    return isinstance(found, Convolution) and None not in (found.roles.group, found.roles.output)


def _joins_groups(found: Convolution | Transposed, node: Node, axis: int) -> bool:
    """Whether a reshape makes groups and their outputs one axis."""
    source, roles = node.operands[0], found.roles
    loops = split_axis([(k,) for k in range(source.type.rank)], node.type.shape, source.type.shape)
    are_neighbours = found.op.output[axis : axis + 2] == (roles.group, roles.output)
    return are_neighbours and loops is not None and loops[axis] == (axis, axis + 1)
