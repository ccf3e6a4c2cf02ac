"""What convolutions have in common: roles of loops, spatial axes, and operands whose axes are arranged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from compiler.ir.dims import Extent, Shape, product
from compiler.ir.op import MapReduce
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.values import Value

Loops: TypeAlias = tuple[int, ...]


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
    """By where loops are: in both operands, in what is convolved (left), or in the kernel (right).

    None where a loop has no role, or two have one.
    """
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


def settings_of(axes: Sequence[Axis], group: int, kernel: Sequence[Extent]) -> dict[str, Any]:
    """The attributes of Conv and of ConvTranspose."""
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


def split_axis(loops: list[Loops], joint: Shape, apart: Shape) -> list[Loops] | None:
    """Loops by axis where two neighbours of `apart` are one axis of `joint`; None where none are."""
    for k in range(len(joint)):
        pair = apart[k : k + 2]
        if (*joint[:k], *pair, *joint[k + 1 :]) == apart and product(pair) == joint[k]:
            return [*loops[:k], loops[k] + loops[k + 1], *loops[k + 2 :]]
    return None
