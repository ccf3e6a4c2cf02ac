"""Sums of products with windows, which are convolutions: Conv and ConvTranspose.

The gradient of a convolution by its weight is one as well: positions and taps of windows change places, and
so do what is a batch and what a channel. That by its input adds windows back, which is ConvTranspose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from compiler.ir.dims import Extent, Shape, product
from compiler.ir.node import Node
from compiler.ir.op import Fold, MapReduce, Pad, Reshape, Slice, Window
from compiler.ir.types import FLOAT32
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.layouts import sliced
from tinytorch.onnx.exporting.plans import Plan, Uses, added, sum_of_products
from tinytorch.onnx.exporting.values import Value, converted

Loops = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """Which loop of a sum of products is what in a convolution; None for what it has not."""

    batch: int | None
    group: int | None
    channel: int | None
    output: int | None

    def extent(self, op: MapReduce, loop: int | None) -> Extent:
        """Of a loop; 1 where there is none."""
        return 1 if loop is None else op.extents[loop]


def roles_of(op: MapReduce, left: Sequence[int], right: Sequence[int]) -> Roles | None:
    """By where loops are: of both operands, of the left one (what is convolved), of the right one."""
    only_left = [loop for loop in left if loop not in right]
    only_right = [loop for loop in right if loop not in left]
    groups = [loop for loop in left if loop in right and loop < op.kept]
    channels = [loop for loop in left if loop in right and loop >= op.kept]
    if any(loop >= op.kept for loop in (*only_left, *only_right)):
        return None
    sides = only_left, groups, channels, only_right
    if any(len(side) > 1 for side in sides):
        return None
    return Roles(*(side[0] if side else None for side in sides))


@dataclass(slots=True)
class Axis:
    """A spatial axis: the loops along the result and the kernel, and how they walk over the input."""

    kept: int
    kernel: int
    stride: int
    dilation: int
    low: int = 0
    high: int = 0
    cut: int = 0
    """Elements of the input behind the last one that is read."""
    more: int = 0
    """Elements of the result behind the last one that is written."""


def _settings(axes: Sequence[Axis], group: int, kernel: Sequence[Extent]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "strides": [axis.stride for axis in axes],
        "pads": [*(axis.low for axis in axes), *(axis.high for axis in axes)],
    }
    if any(axis.dilation > 1 for axis in axes):
        found["dilations"] = [axis.dilation for axis in axes]
    if group != 1:
        found["group"] = group
    if all(isinstance(extent, int) for extent in kernel):
        found["kernel_shape"] = list(kernel)
    return found


@dataclass(slots=True)
class Arranged:
    """An operand whose axes are brought into an order, and some of them together."""

    op: MapReduce
    loops: list[Loops]
    """Which loops each axis of the node follows: a channel axis may be groups and channels."""
    shape: Shape

    def write(
        self, context: Context, x: Value, wanted: Sequence[Sequence[int | None]], extents: Sequence[Extent]
    ) -> Value:
        """The axes of `wanted`, each of some loops, with these extents."""
        flat = [tuple(loop for loop in group if loop is not None) for group in wanted]
        loops, shape = self._apart(flat)
        x = context.moves.reshaped(x, self.shape, shape)
        apart = [item for group in flat for item in ([group] if group in loops else [(i,) for i in group])]
        order = [loops.index(item) for item in apart if item]
        x = context.moves.transposed(x, order)
        return context.moves.reshaped(x, tuple(shape[k] for k in order), tuple(extents))

    def _apart(self, wanted: Sequence[Loops]) -> tuple[list[Loops], Shape]:
        """With an axis for each loop where those of one axis go different ways."""
        loops: list[Loops] = []
        shape: list[Extent] = []
        for item, extent in zip(self.loops, self.shape, strict=True):
            is_whole = len(item) == 1 or item in wanted
            loops += [item] if is_whole else [(loop,) for loop in item]
            shape += [extent] if is_whole else [self.op.extents[loop] for loop in item]
        return loops, tuple(shape)


@dataclass(slots=True)
class Convolution:
    """A sum of products with windows as a Conv."""

    op: MapReduce
    source: Node
    other: Node
    data: Arranged
    kernel: Arranged
    roles: Roles
    axes: list[Axis] = field(default_factory=list[Axis])

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
        found = context.writer.node("Conv", x, w, bias, **_settings(self.axes, group, taps))
        places = tuple(op.extents[axis.kept] for axis in self.axes)
        return _arranged_back(context, op, roles, found, places, [axis.kept for axis in self.axes])

    @property
    def nodes(self) -> tuple[Node, Node]:
        """What is convolved, and the kernel."""
        return self.source, self.other

    @property
    def channel_axis(self) -> int:
        """The axis of the result that has the outputs, or their groups."""
        roles = self.roles
        return self.op.output.index(roles.output if roles.group is None else roles.group)

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
    op = sum_of_products(node)
    if op is None or op.dtype is not FLOAT32:
        return None
    for k in (0, 1):
        found = _convolution(op, node, k)
        if found is not None:
            return found
    return None


def _convolution(op: MapReduce, node: Node, k: int) -> Convolution | None:
    seen, other = node.operands[k], node.operands[1 - k]
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
    return _joined(seen.operands[0], loops, seen.operands[0].type.shape, seen.type.shape)


def _joined(node: Node, loops: list[Loops], joint: Shape, apart: Shape) -> tuple[Node, list[Loops]] | None:
    """A node of which one axis was made two."""
    for k in range(len(joint)):
        pair = apart[k : k + 2]
        if (*joint[:k], *pair, *joint[k + 1 :]) == apart and product(pair) == joint[k]:
            return node, [*loops[:k], loops[k] + loops[k + 1], *loops[k + 2 :]]
    return None


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
    (position,), (one_tap,) = place, tap
    for kept, kernel, stride, dilation in (
        (position, one_tap, step, apart),
        (one_tap, position, apart, step),
    ):
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


@dataclass(slots=True)
class Transposed:
    """Windows of products that are added back, as a ConvTranspose."""

    op: MapReduce
    nodes: tuple[Node, Node]
    loops: tuple[list[Loops], list[Loops]]
    roles: Roles
    axes: list[Axis]
    channel_axis: int = 1
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
        settings = _settings(self.axes, group, taps)
        if any(axis.more for axis in self.axes):
            settings["output_padding"] = [axis.more for axis in self.axes]
        return context.writer.node("ConvTranspose", x, w, bias, **settings)


def transposed_of(node: Node) -> Transposed | None:
    """The ConvTranspose that added windows, or a part of them, are; None for what is none."""
    fold, starts, sizes = _part(node)
    if fold is None or not isinstance(fold.op, Fold) or fold.type.rank < 2:
        return None
    products = fold.operands[0]
    rank = len(fold.op.axes)
    if fold.op.axes != tuple(range(fold.type.rank - rank, fold.type.rank)) or fold.type.rank != rank + 2:
        return None
    found = _products(products)
    if found is None:
        return None
    source, loops = found
    op = sum_of_products(source)
    if op is None or op.dtype is not FLOAT32 or None in op.output:
        return None
    for k in (0, 1):
        made = _transposed(op, source, k, loops, fold, starts, sizes)
        if made is not None:
            return made
    return None


def _part(node: Node) -> tuple[Node | None, Shape, Shape]:
    op = node.op
    if isinstance(op, Slice) and set(op.steps) == {1}:
        return node.operands[0], op.starts, op.sizes
    return node, (0,) * node.type.rank, node.type.shape


def _products(node: Node) -> tuple[Node, list[Loops]] | None:
    """A sum of products, perhaps with its groups and outputs made one axis; the loops of each axis."""
    if isinstance(node.op, Reshape):
        source = node.operands[0]
        loops = [(k,) for k in range(source.type.rank)]
        return _joined(source, loops, node.type.shape, source.type.shape)
    return node, [(k,) for k in range(node.type.rank)]


def _transposed(
    op: MapReduce, node: Node, k: int, loops: list[Loops], fold: Node, starts: Shape, sizes: Shape
) -> Transposed | None:
    assert isinstance(fold.op, Fold)
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
    nodes = node.operands[k], node.operands[1 - k]
    return Transposed(op, nodes, both, roles, axes)


def _trim(axis: Axis, extent: Extent, reach: Extent, start: Extent, size: Extent) -> bool:
    """What is cut off at the ends becomes padding, what lies beyond the last window output padding."""
    behind = start + size - reach
    if not isinstance(start, int) or not isinstance(behind, int):
        return False
    axis.low, axis.high, axis.more = start, max(0, -behind), max(0, behind)
    return axis.more < max(axis.stride, axis.dilation)


def plan_convolution(node: Node, uses: Uses) -> Plan | None:
    """A Conv or ConvTranspose for a node that is one, or that adds a bias to one."""
    sum_ = added(node)
    if sum_ is not None:
        return _with_bias(node, *sum_, uses)
    found = _any(node, uses)
    return None if found is None else Plan(found.nodes, lambda context, values: found.write(context, *values))


def _any(node: Node, uses: Uses) -> Convolution | Transposed | None:
    found = convolution_of(node)
    if found is not None:
        return found
    back = transposed_of(node)
    if back is not None and isinstance(node.op, Slice) and not uses.is_inner(node.operands[0]):
        return None
    return back


def _with_bias(node: Node, left: Node, right: Node, uses: Uses) -> Plan | None:
    """A bias of one number a channel, which both operators add themselves."""
    source = left
    if isinstance(left.op, Reshape) and sum_of_products(left.operands[0]) is not None:
        source = left.operands[0]
    if not uses.is_inner(left) or not uses.is_inner(source):
        return None
    found = _any(source, uses)
    if found is None or not isinstance(right.op, Reshape) or right.operands[0].type.rank != 1:
        return None
    behind = node.type.rank - found.channel_axis
    if left is not source and not _joins_channels(found, left):
        return None
    if right.type.rank > node.type.rank or right.type.shape[-behind:] != (
        node.type.shape[-behind],
        *[1] * (behind - 1),
    ):
        return None
    shape = left.operands[0].type.shape

    def write(context: Context, values: Sequence[Value]) -> Value:
        made = found.write(context, *values)
        return made if left is source else context.moves.reshaped(made, shape, node.type.shape)

    return Plan((*found.nodes, right.operands[0]), write)


def _joins_channels(found: Convolution | Transposed, node: Node) -> bool:
    """Whether a reshape makes the groups and the outputs of a Conv one axis."""
    op, roles = found.op, found.roles
    axis = found.channel_axis
    if not isinstance(found, Convolution) or op.output[axis : axis + 2] != (roles.group, roles.output):
        return False
    return (
        _joined(node, [(k,) for k in range(len(op.output))], node.type.shape, node.operands[0].type.shape)
        is not None
    )
