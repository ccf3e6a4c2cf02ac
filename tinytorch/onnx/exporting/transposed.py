"""Windows of products that are added back, which are transposed convolutions: gradients by the input."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node
from compiler.ir.op import Fold, MapReduce, Reshape, Slice
from compiler.ir.types import FLOAT32
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.plans import Products, products_of
from tinytorch.onnx.exporting.spatial import Arranged, Axis, Loops, Roles, roles_of, settings_of, split_axis
from tinytorch.onnx.exporting.values import Value, converted


@dataclass(slots=True)
class Transposed:
    """Windows of products that are added back, as a ConvTranspose."""

    op: MapReduce
    nodes: tuple[Node, Node]
    loops: tuple[list[Loops], list[Loops]]
    roles: Roles
    axes: list[Axis]
    channel_axis: int | None = 1
    """The axis of the result that has the outputs."""

    def write(self, context: Context, x: Value, w: Value, bias: Value | None = None) -> Value:
        """The ConvTranspose; batch, channels and places are what the node has."""
        op, roles = self.op, self.roles
        extent = roles.extent
        group, channel = extent(op, roles.group), extent(op, roles.channel)
        places = [op.extents[axis.kept] for axis in self.axes]
        x = Arranged(op, self.loops[0], self.nodes[0].type.shape).write(
            context, converted(x, op.dtype, self.nodes[0].type.dtype),
            [(roles.batch,), (roles.group, roles.channel), *((axis.kept,) for axis in self.axes)],
            (extent(op, roles.batch), group * channel, *places),
        )  # fmt: skip
        taps = [op.extents[axis.kernel] for axis in self.axes]
        w = Arranged(op, self.loops[1], self.nodes[1].type.shape).write(
            context, converted(w, op.dtype, self.nodes[1].type.dtype),
            [(roles.group, roles.channel), (roles.output,), *((axis.kernel,) for axis in self.axes)],
            (group * channel, extent(op, roles.output), *taps),
        )  # fmt: skip
        assert isinstance(group, int)
        settings = settings_of(self.axes, group, taps)
        if any(axis.more for axis in self.axes):
            settings["output_padding"] = [axis.more for axis in self.axes]
        return context.writer.node("ConvTranspose", x, w, bias, **settings)


def transposed_of(node: Node) -> Transposed | None:
    """The ConvTranspose that added windows, or a part of them, are; None for what is none."""
    fold, starts, sizes = _part(node)
    if fold is None or not isinstance(fold.op, Fold) or fold.type.rank < 2:
        return None
    rank = len(fold.op.axes)
    if fold.op.axes != tuple(range(fold.type.rank - rank, fold.type.rank)) or fold.type.rank != rank + 2:
        return None
    found = _summed(fold.operands[0])
    if found is None:
        return None
    source, loops = found
    products = products_of(source)
    if products is None or products.op.dtype is not FLOAT32 or len(products.operands) != 2:
        return None
    if None in products.op.output:
        return None
    for k in (0, 1):
        made = _transposed(products, k, loops, fold, starts, sizes)
        if made is not None:
            return made
    return None


def _part(node: Node) -> tuple[Node | None, Shape, Shape]:
    op = node.op
    if isinstance(op, Slice) and set(op.steps) == {1}:
        return node.operands[0], op.starts, op.sizes
    return node, (0,) * node.type.rank, node.type.shape


def _summed(node: Node) -> tuple[Node, list[Loops]] | None:
    """A sum of products, perhaps with its groups and outputs made one axis; the loops of each axis."""
    if isinstance(node.op, Reshape):
        source = node.operands[0]
        loops: list[Loops] = [(k,) for k in range(source.type.rank)]
        found = split_axis(loops, node.type.shape, source.type.shape)
        return None if found is None else (source, found)
    return node, [(k,) for k in range(node.type.rank)]


def _transposed(
    products: Products, k: int, loops: list[Loops], fold: Node, starts: Shape, sizes: Shape
) -> Transposed | None:
    assert isinstance(fold.op, Fold)
    op = products.op
    left, right = op.accesses[k].axes, op.accesses[1 - k].axes
    if None in left or None in right:
        return None
    axes: list[Axis] = []
    rank = len(fold.op.axes)
    for item, tap in zip(fold.op.over(fold.operands[0].type.shape), loops[-rank:], strict=True):
        (place,), (one_tap,) = loops[item.axis], tap
        if place not in left or place in right or one_tap not in right or one_tap in left:
            return None
        axis = Axis(place, one_tap, item.step, item.dilation)
        if not _trim(axis, item.extent, item.reach, starts[item.axis], sizes[item.axis]):
            return None
        axes.append(axis)
    if starts[:-rank] != (0,) * (fold.type.rank - rank) or sizes[:-rank] != fold.type.shape[:-rank]:
        return None
    spatial = {loop for axis in axes for loop in (axis.kept, axis.kernel)}
    roles = roles_of(op, [i for i in left if i is not None and i not in spatial],
                     [i for i in right if i is not None and i not in spatial])  # fmt: skip
    channels = [loop for loop in (roles.group, roles.output) if loop is not None] if roles else []
    if roles is None or loops[0] != (roles.batch,) or loops[1] != tuple(channels):
        return None
    if not isinstance(roles.extent(op, roles.group), int):
        return None
    both = [(i,) for i in left if i is not None], [(i,) for i in right if i is not None]
    nodes = products.operands[k], products.operands[1 - k]
    return Transposed(op, nodes, both, roles, axes)


def _trim(axis: Axis, extent: Extent, reach: Extent, start: Extent, size: Extent) -> bool:
    """What is cut off at the ends becomes padding, what lies beyond the last window output padding."""
    behind = start + size - reach
    if not isinstance(start, int) or not isinstance(behind, int):
        return False
    axis.low, axis.high, axis.more = start, max(0, -behind), max(0, behind)
    return axis.more < max(axis.stride, axis.dilation)
