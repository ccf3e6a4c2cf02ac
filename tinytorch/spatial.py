"""Windows over the spatial axes of images, which are the last ones, from settings as PyTorch writes them.

a setting  ::= number for all axes | [number of each axis]
padding    ::= setting | "same" | "valid" | [number or (low, high) of each axis]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Extent, divide_down, divide_exactly, extent
from compiler.ir.node import describe, make_node
from compiler.ir.op import Pad, Slice
from tinytorch.axes import counted, items_of
from tinytorch.tensor import Tensor, as_tensor

Pairs: TypeAlias = tuple[tuple[Extent, Extent], ...]

EXTENTS: Final = ("", "length", "height, width", "depth, height, width")
"""What the spatial axes are called where there are so many."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Along each spatial axis windows of `sizes` elements, `dilations` apart, one every `steps` elements.

    `padding` says how many elements were added before and behind those of the axis.
    """

    sizes: tuple[Extent, ...]
    steps: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: Pairs

    @property
    def rank(self) -> int:
        """How many spatial axes there are."""
        return len(self.sizes)

    @property
    def reaches(self) -> tuple[Extent, ...]:
        """Over how many elements a window reaches."""
        return tuple(
            (size - 1) * dilation + 1 for size, dilation in zip(self.sizes, self.dilations, strict=True)
        )

    def counts(self, x: Tensor, is_ceil: bool = False) -> tuple[Extent, ...]:
        """How many windows each axis of `x`, which is not padded yet, has.

        With `is_ceil` also one that begins in it, or in the padding before it, and reaches beyond its end.
        Raises ShapeError where there is none, or where their number is no polynomial.
        """
        return tuple(self._count(x, axis, is_ceil) for axis in range(self.rank))

    def _count(self, x: Tensor, axis: int, is_ceil: bool) -> Extent:
        whole, (low, high), step = x.shape[axis - self.rank], self.padding[axis], self.steps[axis]
        room = whole + low + high - self.reaches[axis]
        if isinstance(room, int) and room < 0:
            raise ShapeError(self._unfit(x, axis))
        found = divide_down(room, step)
        if found is None:
            rest = self.reaches[axis] - low - high
            more = f"{rest % step:+}" if isinstance(rest, int) and rest % step else ""
            fix = f"give the axis an extent of {step}*m{more}, or a number"
            raise ShapeError(
                f"how many windows, {step} apart, axis {axis - self.rank} has is no polynomial: "
                f"{describe(x.node)}\n  fix: {fix}"
            )
        steps, left = found
        behind = (steps + 1) * step - whole - low
        return steps + 1 + int(bool(is_ceil and left and isinstance(behind, int) and behind < 0))

    def _unfit(self, x: Tensor, axis: int) -> str:
        low, high = self.padding[axis]
        apart = f", {self.dilations[axis]} apart" if self.dilations[axis] > 1 else ""
        padded = f" and {low} + {high} of padding" if low or high else ""
        return (
            f"a window of {self.sizes[axis]} elements{apart} does not lie in the {x.shape[axis - self.rank]} "
            f"elements{padded} of axis {axis - self.rank} of {describe(x.node)}\n"
            f"  fix: a smaller kernel, or a padding that makes up for the {-self._room(x, axis)} missing"
        )

    def _room(self, x: Tensor, axis: int) -> Extent:
        return x.shape[axis - self.rank] + sum(self.padding[axis]) - self.reaches[axis]

    def with_excess(self, x: Tensor, counts: Sequence[Extent]) -> Windows:
        """The same, padded behind the elements of `x` so far that so many windows lie in them."""
        missing = [
            (n - 1) * step - self._room(x, axis)
            for axis, (n, step) in enumerate(zip(counts, self.steps, strict=True))
        ]
        rows = zip(self.padding, missing, strict=True)
        return replace(self, padding=tuple((a, b + more if _is_some(more) else b) for (a, b), more in rows))

    def padded(self, x: Tensor, value: float = 0.0) -> Tensor:
        """`x` with the padding around it."""
        if not any(low or high for low, high in self.padding):
            return x
        beside = (0,) * (x.ndim - self.rank)
        low, high = (tuple(pair[k] for pair in self.padding) for k in (0, 1))
        op = Pad((*beside, *low), (*beside, *high), (0,) * x.ndim, float(value))
        return type(x)(make_node(op, [x.node]))

    def tap(self, padded: Tensor, counts: Sequence[Extent], places: Sequence[int]) -> Tensor:
        """The element of each window that has these places in it: a view of so many windows."""
        beside = padded.ndim - self.rank
        starts = [place * dilation for place, dilation in zip(places, self.dilations, strict=True)]
        return part_of(
            padded,
            [*[0] * beside, *starts],
            [*padded.shape[:beside], *counts],
            [*[1] * beside, *self.steps],
        )


def _is_some(more: Extent) -> bool:
    return not isinstance(more, int) or more > 0


def part_of(
    x: Tensor, starts: Sequence[Extent], sizes: Sequence[Extent], steps: Sequence[int] | None = None
) -> Tensor:
    """A slice whose extents are known to be right, however symbolic they are."""
    op = Slice(tuple(starts), tuple(sizes), tuple(steps or [1] * x.ndim))
    is_all = op.sizes == x.shape and set(op.steps) == {1}
    return x if is_all else type(x)(make_node(op, [x.node]))


def images(what: str, x: Any, rank: int) -> Tensor:
    """The images, volumes or rows that a function takes: a batch, or one. Raises ShapeError for others."""
    x = as_tensor(x)
    if x.ndim not in (rank + 1, rank + 2):
        batch = f"[batch, channels, {EXTENTS[rank]}]"
        missing = rank + 2 - x.ndim
        fix = "x.unsqueeze(0), until there is an axis for channels" if missing > 0 else "reshape it"
        raise ShapeError(
            f"{what} takes {batch}, or one sample without the axis of the batch, not {describe(x.node)}\n"
            f"  fix: {fix}"
        )
    return x


def each(what: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """A setting of each spatial axis. Raises ArgumentError for another count, or a number below `least`."""
    given = items_of(value)
    if len(given) not in (1, rank):
        raise ArgumentError(f"{what} is a number, or one for each of {rank} axes, not {value!r}")
    found = tuple(counted(what, item) for item in given) * (rank if len(given) == 1 else 1)
    if any(item < least for item in found):
        raise ArgumentError(f"{what} is {least} or more, not {value!r}")
    return found


def pairs(padding: Any, sizes: Sequence[Extent], steps: Sequence[int], dilations: Sequence[int]) -> Pairs:
    """How many elements a padding puts before and behind those of each axis. Raises ArgumentError.

    "same" puts so many that there are as many windows as elements, one more behind where they are odd.
    """
    rank = len(sizes)
    if isinstance(padding, str):
        return _named(padding, sizes, steps, dilations)
    given = items_of(padding)
    if len(given) == rank and any(len(items_of(item)) == 2 for item in given):
        return tuple(_pair(item, padding) for item in given)
    return tuple((width, width) for width in each("padding", padding, rank, 0))


def _pair(item: Any, padding: Any) -> tuple[int, int]:
    found = tuple(counted("padding", width) for width in items_of(item))
    if len(found) not in (1, 2) or any(width < 0 for width in found):
        raise ArgumentError(f"padding is a width or a pair (low, high) for each axis, not {padding!r}")
    return found[0], found[-1]


def _named(name: str, sizes: Sequence[Extent], steps: Sequence[int], dilations: Sequence[int]) -> Pairs:
    if name == "valid":
        return ((0, 0),) * len(sizes)
    if name != "same":
        raise ArgumentError(f"padding is a number, pairs, 'same' or 'valid', not {name!r}")
    if any(step != 1 for step in steps):
        raise ArgumentError(
            f"padding='same' is for windows of stride 1, not {tuple(steps)}\n  fix: give padding as numbers"
        )
    reaches = [(size - 1) * dilation for size, dilation in zip(sizes, dilations, strict=True)]
    halves = [divide_exactly(reach, 2) if not isinstance(reach, int) else reach // 2 for reach in reaches]
    if any(half is None for half in halves):
        raise ArgumentError(f"padding='same' needs a kernel of known extents, not {list(map(str, sizes))}")
    return tuple((half or 0, reach - (half or 0)) for half, reach in zip(halves, reaches, strict=True))


def kernel(what: str, size: Any, rank: int) -> tuple[int, ...]:
    """The extents of a window. Raises ArgumentError."""
    return each(f"the kernel_size of {what}", size, rank)


def extents(value: Any, rank: int) -> tuple[Extent, ...]:
    """Extents of the spatial axes, which may be symbolic: one for all, or one for each."""
    given = [extent(item) for item in items_of(value)]
    if len(given) not in (1, rank):
        raise ArgumentError(f"an extent, or one for each of {rank} axes, not {value!r}")
    return tuple(given * (rank if len(given) == 1 else 1))
