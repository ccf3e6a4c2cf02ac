"""Sums of products with windows, which are convolutions.

The gradient of a convolution by its weight is one as well: positions and taps of windows change places, and
so do what is a batch and what a channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Pad, Reshape, Window
from compiler.ir.types import FLOAT32
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.layouts import sliced
from tinytorch.onnx.exporting.plans import Products, products_of
from tinytorch.onnx.exporting.spatial import Arranged, Axis, Loops, Roles, roles_of, settings_of, split_axis
from tinytorch.onnx.exporting.values import Value, converted


@dataclass(slots=True)
class Convolution:
    """A sum of products with windows as a Conv."""

    op: MapReduce
    source: Node
    other: Node
    data: Arranged
    kernel: Arranged
    roles: Roles
    axes: list[Axis]

    def write(self, context: Context, x: Value, w: Value, bias: Value | None = None) -> Value:
        """The Conv, and the axes of its result in the order that the node has."""
        op, roles = self.op, self.roles
        extent = roles.extent
        spatial = [self.data.loops.index((-1 - n,)) for n in range(len(self.axes))]
        x = self._cut(context, x, spatial)
        group, channel = extent(op, roles.group), extent(op, roles.channel)
        places = tuple(self.data.shape[k] - axis.cut for k, axis in zip(spatial, self.axes, strict=True))
        inputs = extent(op, roles.batch), group * channel, *places
        data = Arranged(op, self.data.loops, _cut_shape(self.data.shape, spatial, self.axes))
        x = data.write(
            context, converted(x, op.dtype, self.source.type.dtype),
            [(roles.batch,), (roles.group, roles.channel), *((-1 - n,) for n, _ in enumerate(self.axes))],
            inputs,
        )  # fmt: skip
        taps = [op.extents[axis.kernel] for axis in self.axes]
        outputs = group * extent(op, roles.output)
        w = self.kernel.write(
            context, converted(w, op.dtype, self.other.type.dtype),
            [(roles.group, roles.output), (roles.channel,), *((axis.kernel,) for axis in self.axes)],
            (outputs, channel, *taps),
        )  # fmt: skip
        assert isinstance(group, int)
        found = context.writer.node("Conv", x, w, bias, **settings_of(self.axes, group, taps))
        places = tuple(op.extents[axis.kept] for axis in self.axes)
        return _arranged_back(context, op, roles, found, places, [axis.kept for axis in self.axes])

    @property
    def nodes(self) -> tuple[Node, Node]:
        """What is convolved, and the kernel."""
        return self.source, self.other

    @property
    def channel_axis(self) -> int | None:
        """The axis of the result that has the outputs, or their groups; None where there is but one."""
        loop = self.roles.output if self.roles.group is None else self.roles.group
        return None if loop is None else self.op.output.index(loop)

    def _cut(self, context: Context, x: Value, spatial: Sequence[int]) -> Value:
        shape = self.data.shape
        sizes = _cut_shape(shape, spatial, self.axes)
        return sliced(context, x, shape, (0,) * len(shape), sizes, (1,) * len(shape))


def _cut_shape(shape: Shape, spatial: Sequence[int], axes: Sequence[Axis]) -> Shape:
    cuts = {k: axis.cut for k, axis in zip(spatial, axes, strict=True)}
    return tuple(extent - cuts.get(k, 0) for k, extent in enumerate(shape))


def _arranged_back(
    context: Context, op: MapReduce, roles: Roles, found: Value, places: Shape, kept: Sequence[int]
) -> Value:
    """From batch, groups of outputs, and places to the axes of the node."""
    group, output = roles.extent(op, roles.group), roles.extent(op, roles.output)
    given = roles.extent(op, roles.batch), group * output, *places
    loops = [loop for loop in (roles.batch, roles.group, roles.output, *kept) if loop is not None]
    found = context.moves.reshaped(found, given, tuple(op.extents[loop] for loop in loops))
    found = context.moves.transposed(found, [loops.index(loop) for loop in range(op.kept)])
    return context.moves.unsqueezed(found, [k for k, axis in enumerate(op.output) if axis is None])


def convolution_of(node: Node) -> Convolution | None:
    """The Conv that a sum of products is; None for one that is none, or of which there is no kernel."""
    products = products_of(node)
    if products is None or products.op.dtype is not FLOAT32 or len(products.operands) != 2:
        return None
    for k in (0, 1):
        found = _convolution(products, k)
        if found is not None:
            return found
    return None


def _convolution(products: Products, k: int) -> Convolution | None:
    op = products.op
    seen, other = products.operands[k], products.operands[1 - k]
    left, right = op.accesses[k].axes, op.accesses[1 - k].axes
    found = _windows(seen, left)
    if found is None or None in right:
        return None
    window, loops = found
    assert isinstance(window.op, Window)
    rank = len(window.op.axes)
    base, taps = loops[:-rank], loops[-rank:]
    source, pads = _padding(window)
    axes: list[Axis] = []
    for item, tap in zip(window.op.over(window.operands[0].type.shape), taps, strict=True):
        axis = _axis(op, base[item.axis], tap, right, item.step, item.dilation)
        if axis is None or not _fit(op, axis, source.type.shape[item.axis], *pads.get(item.axis, (0, 0))):
            return None
        axes.append(axis)
    others = [item for axis, item in enumerate(base) if axis not in window.op.axes]
    spatial = {axis.kernel for axis in axes} | {axis.kept for axis in axes}
    beside = [loop for loop in right if loop is not None and loop not in spatial]
    roles = roles_of(op, [loop for item in others for loop in item], beside)
    if roles is None or not isinstance(roles.extent(op, roles.group), int):
        return None
    numbers = {axis: n for n, axis in enumerate(window.op.axes)}
    arranged = [(-1 - numbers[axis],) if axis in numbers else item for axis, item in enumerate(base)]
    kernel = Arranged(op, [(loop,) for loop in right if loop is not None], other.type.shape)
    return Convolution(op, source, other, Arranged(op, arranged, source.type.shape), kernel, roles, axes)


def _windows(seen: Node, axes: Sequence[int | None]) -> tuple[Node, list[Loops]] | None:
    """Windows, perhaps with their channels in groups, and the loops that each of their axes follows."""
    if any(axis is None for axis in axes):
        return None
    loops = [(axis,) for axis in axes if axis is not None]
    if isinstance(seen.op, Window):
        return seen, loops
    if not isinstance(seen.op, Reshape) or not isinstance(seen.operands[0].op, Window):
        return None
    window = seen.operands[0]
    found = split_axis(loops, window.type.shape, seen.type.shape)
    return None if found is None else (window, found)


def _padding(window: Node) -> tuple[Node, dict[int, tuple[int, int]]]:
    """What windows are of, and the zeros around it by axis."""
    source = window.operands[0]
    op, view = source.op, window.op
    assert isinstance(view, Window)
    if not isinstance(op, Pad) or op.value != 0 or any(op.interior):
        return source, {}
    pads: dict[int, tuple[int, int]] = {}
    for axis, (low, high) in enumerate(zip(op.low, op.high, strict=True)):
        if not (isinstance(low, int) and isinstance(high, int)) or ((low or high) and axis not in view.axes):
            return source, {}
        pads[axis] = low, high
    return source.operands[0], pads


def _axis(
    op: MapReduce, place: Loops, tap: Loops, right: Sequence[int | None], step: int, apart: int
) -> Axis | None:
    """Of the loops of positions and taps one is kept and the other one summed with the other operand."""
    if len(place) != 1 or len(tap) != 1:
        return None
    (position,), (other,) = place, tap
    ways = (position, other, step, apart), (other, position, apart, step)
    for kept, kernel, stride, dilation in ways:
        if kept < op.kept <= kernel and kernel in right and kept not in right:
            return Axis(kept, kernel, stride, dilation)
    return None


def _fit(op: MapReduce, axis: Axis, extent: Extent, low: int, high: int) -> bool:
    """Makes Conv count as many places as there are: padding and elements that nobody reads are cut off."""
    reach = (op.extents[axis.kept] - 1) * axis.stride + (op.extents[axis.kernel] - 1) * axis.dilation + 1
    room = extent + low + high - reach
    if not isinstance(room, int) or room < 0 or op.extents[axis.kernel] == 0:
        return False
    if room >= axis.stride:
        axis.cut = max(0, room - high)
        high = max(0, high - room)
    axis.low, axis.high = low, high
    return True
