"""Windows: an axis seen as (positions, taps), and their adjoint, which adds windows back into an axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.errors import DTypeError, ShapeError
from compiler.ir.dims import Extent, Shape
from compiler.ir.hashing import hash_once
from compiler.ir.layout import Layout
from compiler.ir.types import BOOL, TensorType


@dataclass(frozen=True, slots=True)
class WindowedAxis:
    """An axis and its windows: window p has the elements `p * step + k * dilation`, k below `taps`."""

    axis: int
    extent: Extent
    positions: Extent
    taps: Extent
    step: int
    dilation: int

    @property
    def reach(self) -> Extent:
        """The elements from the first of the first window to the last of the last, where there are any."""
        return (self.positions - 1) * self.step + (self.taps - 1) * self.dilation + 1

    @property
    def room(self) -> Extent:
        """What the axis has beyond the last window; it must not be negative unless `elements` is 0."""
        return self.extent - self.reach

    @property
    def elements(self) -> Extent:
        """The elements of all windows, shared ones as often as they are seen."""
        return self.positions * self.taps


@hash_once
@dataclass(frozen=True, slots=True)
class Window(Layout):
    """Windows over some axes: their positions in the place of each axis, their taps as new last axes.

    `out[.., p, .., k] = x[.., p * step + k * dilation, ..]`, with a p and a k for each of `axes`, in its
    order (numpy.lib.stride_tricks.sliding_window_view). A view whose elements may overlap.
    """

    word = "window"
    is_view = True
    axes: tuple[int, ...]
    positions: Shape
    taps: Shape
    steps: tuple[int, ...]
    dilations: tuple[int, ...]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        _check_axes(self, operand.rank, operand, self.positions, self.taps)
        shape = list(operand.shape)
        for item in self.over(operand.shape):
            _check_windows(item, operand)
            shape[item.axis] = item.positions
        return TensorType(operand.dtype, (*shape, *self.taps))

    def over(self, shape: Shape) -> Iterator[WindowedAxis]:
        """The windows over each of the axes of an operand."""
        rows = zip(self.axes, self.positions, self.taps, self.steps, self.dilations, strict=True)
        for axis, positions, taps, step, dilation in rows:
            yield WindowedAxis(axis, shape[axis], positions, taps, step, dilation)


@hash_once
@dataclass(frozen=True, slots=True)
class Fold(Layout):
    """The adjoint of Window: zeros of `extents` along `axes`, plus every element of every window.

    `out[.., n, ..] = sum of x[.., p, .., k] over p * step + k * dilation == n`. The taps are added in
    row-major order, in the dtype of the operand.
    """

    word = "fold"
    axes: tuple[int, ...]
    extents: Shape
    steps: tuple[int, ...]
    dilations: tuple[int, ...]

    def computes(self, position: int) -> bool:
        return True

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        rank = operand.rank - len(self.axes)
        _check_axes(self, rank, operand, self.extents, self.extents)
        if operand.dtype is BOOL:
            raise DTypeError(f"fold adds, and bools are not added: {operand}")
        shape = list(operand.shape[:rank])
        for item in self.over(operand.shape):
            _check_windows(item, operand)
            shape[item.axis] = item.extent
        return TensorType(operand.dtype, tuple(shape))

    def over(self, shape: Shape) -> Iterator[WindowedAxis]:
        """The windows over each of the axes of the result, by the shape of an operand."""
        taps = shape[len(shape) - len(self.axes) :]
        rows = zip(self.axes, self.extents, taps, self.steps, self.dilations, strict=True)
        for axis, extent, count, step, dilation in rows:
            yield WindowedAxis(axis, extent, shape[axis], count, step, dilation)


def _check_axes(op: Window | Fold, rank: int, operand: TensorType, *counts: Shape) -> None:
    fields = (*counts, op.steps, op.dilations)
    if any(len(item) != len(op.axes) for item in fields) or len(set(op.axes)) != len(op.axes):
        raise ShapeError(f"{op.word} of {operand} needs each field once for each axis, and no axis twice")
    if not all(0 <= axis < rank for axis in op.axes):
        raise ShapeError(
            f"{op.word} along axes {list(op.axes)} leaves the {max(rank, 0)} axes it has: {operand}"
        )
    if any(count < 1 for count in (*op.steps, *op.dilations)):
        raise ShapeError(
            f"the steps and dilations of {op.word} are 1 or more: {list(op.steps + op.dilations)}"
        )


def _check_windows(item: WindowedAxis, operand: TensorType) -> None:
    if any(isinstance(count, int) and count < 0 for count in (item.positions, item.taps)):
        raise ShapeError(f"{item.positions} windows of {item.taps} elements: neither is negative; {operand}")
    if item.elements != 0 and isinstance(item.room, int) and item.room < 0:
        raise ShapeError(
            f"{item.positions} windows of {item.taps} elements (step {item.step}, dilation {item.dilation}) "
            f"reach over {item.reach} elements, and axis {item.axis} has {item.extent}: {operand}"
        )
