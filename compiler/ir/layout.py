"""Layout: the ops that move elements and compute nothing (scatter_add adds).

Windows, and the fold that adds them, have a file of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from compiler.errors import ShapeError
from compiler.ir.dims import Extent, Shape, product
from compiler.ir.formula.tape import Const
from compiler.ir.hashing import hash_once
from compiler.ir.trait import Op, Trait
from compiler.ir.types import TensorType

_VIEWS: Final = Trait.LAYOUT | Trait.VIEW


@dataclass(frozen=True, slots=True)
class Layout(Op):
    """An op that moves elements. Its fields say everything about it; the class only carries the rules."""

    word: ClassVar[str]
    is_view: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return self.word

    @property
    def traits(self) -> Trait:
        return _VIEWS if self.is_view else Trait.LAYOUT


@hash_once
@dataclass(frozen=True, slots=True)
class Reshape(Layout):
    """The same elements in row-major order under another shape of the same size."""

    word = "reshape"
    is_view = True
    shape: Shape

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if product(self.shape) != operand.size:
            raise ShapeError(
                f"cannot reshape {operand} ({operand.size} elements) to {list(self.shape)} "
                f"({product(self.shape)} elements)"
            )
        return TensorType(operand.dtype, self.shape)


@hash_once
@dataclass(frozen=True, slots=True)
class Transpose(Layout):
    """Axis `k` of the result is axis `order[k]` of the operand."""

    word = "transpose"
    is_view = True
    order: tuple[int, ...]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if sorted(self.order) != list(range(operand.rank)):
            raise ShapeError(f"{list(self.order)} is no order of the {operand.rank} axes of {operand}")
        return TensorType(operand.dtype, tuple(operand.shape[axis] for axis in self.order))


@hash_once
@dataclass(frozen=True, slots=True)
class Broadcast(Layout):
    """Repeats the operand along unit and new axes; its axis `k` is axis `axes[k]` of the result."""

    word = "broadcast"
    is_view = True
    shape: Shape
    axes: tuple[int, ...]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if len(self.axes) != operand.rank or list(self.axes) != sorted(set(self.axes)):
            raise ShapeError(f"{list(self.axes)} does not place the axes of {operand} in ascending order")
        for axis, extent in zip(self.axes, operand.shape, strict=True):
            if not 0 <= axis < len(self.shape) or extent not in (1, self.shape[axis]):
                raise ShapeError(
                    f"{operand} does not broadcast to {list(self.shape)} at axes {list(self.axes)}"
                )
        return TensorType(operand.dtype, self.shape)


@hash_once
@dataclass(frozen=True, slots=True)
class Diagonal(Layout):
    """The elements at which two axes of equal extent agree, as a new last axis."""

    word = "diagonal"
    is_view = True
    first: int
    second: int

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if self.first == self.second or max(self.first, self.second) >= operand.rank:
            raise ShapeError(f"a diagonal needs two different axes of {operand}")
        if operand.shape[self.first] != operand.shape[self.second]:
            raise ShapeError(
                f"the diagonal's axes {self.first} and {self.second} of {operand} differ in extent"
            )
        rest = [n for axis, n in enumerate(operand.shape) if axis not in (self.first, self.second)]
        return TensorType(operand.dtype, (*rest, operand.shape[self.first]))


@hash_once
@dataclass(frozen=True, slots=True)
class Slice(Layout):
    """Along each axis the elements at `start + n * step` for n below `size`; a step may be negative."""

    word = "slice"
    is_view = True
    starts: Shape
    sizes: Shape
    steps: tuple[int, ...]

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if not len(self.starts) == len(self.sizes) == len(self.steps) == operand.rank or 0 in self.steps:
            raise ShapeError(
                f"a slice of {operand} needs a start, a size and a step that is not 0 for each axis"
            )
        for axis, extent in enumerate(operand.shape):
            self._check(operand, axis, extent)
        return TensorType(operand.dtype, self.sizes)

    def _check(self, operand: TensorType, axis: int, extent: Extent) -> None:
        start, size, step = self.starts[axis], self.sizes[axis], self.steps[axis]
        last = start + (size - 1) * step
        for position in (start, last):
            low, high = position, extent - 1 - position
            if size != 0 and any(isinstance(gap, int) and gap < 0 for gap in (low, high)):
                raise ShapeError(f"slice({start}, size {size}, step {step}) leaves axis {axis} of {operand}")


@hash_once
@dataclass(frozen=True, slots=True, eq=False)
class Pad(Layout):
    """Puts `low` copies of `value` before, `high` behind and `interior` between the elements of each axis."""

    word = "pad"
    low: Shape
    high: Shape
    interior: tuple[int, ...]
    value: float = 0.0

    def _key(self) -> tuple[Any, ...]:
        return self.low, self.high, self.interior, Const(self.value)

    def __eq__(self, other: object) -> bool:
        """-0.0 is not 0.0, and NaN is NaN."""
        return isinstance(other, Pad) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        (operand,) = operands
        if not len(self.low) == len(self.high) == len(self.interior) == operand.rank:
            raise ShapeError(f"padding {operand} needs a low, a high and an interior count for each axis")
        counts = [*self.low, *self.high, *self.interior]
        if any(isinstance(count, int) and count < 0 for count in counts):
            raise ShapeError(f"padding counts are not negative: {counts}; slice to remove elements")
        rows = zip(self.low, operand.shape, self.interior, self.high, strict=True)
        return TensorType(operand.dtype, tuple(a + n + (n - 1) * inner + b for a, n, inner, b in rows))


@hash_once
@dataclass(frozen=True, slots=True)
class Concatenate(Layout):
    """The operands one behind the other along an axis."""

    word = "concatenate"
    axis: int

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        first = operands[0]
        kept = [n for k, n in enumerate(first.shape) if k != self.axis]
        for other in operands:
            same = [n for k, n in enumerate(other.shape) if k != self.axis]
            if (other.dtype, other.rank, same) != (first.dtype, first.rank, kept):
                raise ShapeError(f"{first} and {other} do not fit each other off axis {self.axis}")
        if not 0 <= self.axis < first.rank:
            raise ShapeError(f"{first} has no axis {self.axis}")
        total: Extent = sum((item.shape[self.axis] for item in operands[1:]), first.shape[self.axis])
        shape = (*first.shape[: self.axis], total, *first.shape[self.axis + 1 :])
        return TensorType(first.dtype, shape)


@hash_once
@dataclass(frozen=True, slots=True)
class Gather(Layout):
    """Elements of operand 0 along an axis at the indices in operand 1.

    Plain: `out[a, *i, b] = x[a, index[*i], b]` with `a` before and `b` behind the axis (NumPy's take).
    Batched: x and index have the same rank and `out[a, i, b] = x[a, index[a, i, b], b]` (take_along_axis).
    An index outside `0 .. extent-1` raises IndexRangeError when the program runs.
    """

    word = "gather"
    axis: int
    batched: bool = False

    def computes(self, position: int) -> bool:
        return position == 1

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        data, index = operands
        check_indices(self.name, index)
        if not 0 <= self.axis < data.rank:
            raise ShapeError(f"{data} has no axis {self.axis}")
        if not self.batched:
            return TensorType(data.dtype, data.shape[: self.axis] + index.shape + data.shape[self.axis + 1 :])
        _check_batched(data.shape, index.shape, self.axis)
        return TensorType(data.dtype, index.shape)


@hash_once
@dataclass(frozen=True, slots=True)
class ScatterAdd(Layout):
    """The adjoint of Gather: zeros of `extent` along the axis, plus operand 1 at the indices in operand 0.

    Elements with the same index are added in row-major order.
    """

    word = "scatter_add"
    axis: int
    extent: Extent
    batched: bool = False

    def computes(self, position: int) -> bool:
        return True

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        index, data = operands
        check_indices(self.name, index)
        width = 1 if self.batched else index.rank
        shape = (*data.shape[: self.axis], self.extent, *data.shape[self.axis + width :])
        picked = Gather(self.axis, self.batched).infer([TensorType(data.dtype, shape), index])
        if picked.shape != data.shape:
            raise ShapeError(
                f"scatter_add of {data} at {index} along axis {self.axis}: the shapes do not fit"
            )
        return TensorType(data.dtype, shape)


def check_indices(name: str, index: TensorType) -> None:
    """Raises ShapeError for indices that are no integers."""
    if not index.dtype.is_integer:
        raise ShapeError(f"the indices of {name} are int32 or int64, not {index}")


def _check_batched(data: Shape, index: Shape, axis: int) -> None:
    off_axis = [(a, b) for k, (a, b) in enumerate(zip(data, index, strict=False)) if k != axis]
    if len(data) != len(index) or any(a != b for a, b in off_axis):
        raise ShapeError(f"indices {list(index)} and data {list(data)} differ off axis {axis}")
