"""Drafts of kernels: loops whose numbers are polynomials still, and the memory that they walk over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node
from compiler.ir.op import Reducer
from compiler.ir.types import INT64, DType, Weak
from compiler.loops.language import Count, Kernel, Memory, Number, Value
from compiler.loops.places import KNOWN_STRIDES, Places, Pointer
from compiler.schedule import schedule

COUNTED: Final = 16
"""Elements of a vector of which the instructions of loops that are written by vectors are counted."""


class UnsupportedError(Exception):
    """A kernel has no form in loops; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Memory in which a reduction adds up: the result's own, or for each chunk and beside it.

    `target` is where the result lies, which has `size` elements; `distance` counts the elements from one
    chunk's to the next one's.
    """

    memory: Memory
    reducer: Reducer
    dtype: DType
    target: Pointer
    size: Extent
    distance: Count
    is_split: bool
    needs_scratch: bool
    rows: int = 1
    """How many results a chunk leaves, one behind the other."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """How chunks of a draft that is cut as it is written share what it writes: so many rows each.

    Each walks over everything, and takes what belongs to its rows, which have `row` bytes.
    """

    grain: Count
    row: Extent


@dataclass(frozen=True, slots=True)
class Scratched:
    """Scratch memory of a kernel, and how many elements of it each chunk has."""

    memory: Memory
    size: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A kernel whose numbers are polynomials still, and what they and its memory stand for.

    `first` is the count of the loop that chunks share, if they may.
    """

    kernel: Kernel
    first: Count
    addresses: Mapping[Memory, Pointer]
    partials: tuple[Partial, ...]
    iterations: Extent
    """How often the innermost statements run."""
    instructions: float
    moves: tuple[tuple[int, Extent], ...]
    """For each place that is walked over the bytes of an element, and how many elements there are."""
    ranges: Ranges | None = None
    """What chunks share where that is no loop; `first` is then the count of all rows."""
    scratch: tuple[Scratched, ...] = ()

    @property
    def is_copy(self) -> bool:
        """Whether it does nothing but load and store."""
        return not self.partials and self.instructions <= len(self.addresses)

    def moved(self, pointers: Mapping[Pointer, Pointer]) -> Draft:
        """The same over other memory."""
        addresses = {key: pointers[item] for key, item in self.addresses.items()}
        partials = tuple(replace(item, target=pointers[item.target]) for item in self.partials)
        return replace(self, addresses=addresses, partials=partials)


@dataclass(frozen=True, slots=True)
class Slot:
    """Memory and its strides by loop."""

    memory: Memory
    strides: tuple[Number, ...]


class Slots:
    """The memory of a kernel: equal places walked by equal strides are one argument."""

    def __init__(self, places: Places, kernel: schedule.Kernel) -> None:
        self.places, self.kernel = places, kernel
        self.addresses: dict[Memory, Pointer] = {}
        self._known: dict[object, Slot] = {}
        self._sizes: dict[Extent, Count] = {}

    def slot(self, node: Node, strides: Shape, *, is_written: bool = False) -> Slot:
        """The memory of a value, and its strides as numbers."""
        pointer = self.places[node].pointer
        key = pointer, strides, node.type.dtype, is_written
        if key not in self._known:
            overlaps = is_written and self.overwrites(node)
            memory = Memory(node.type.dtype, overlaps=overlaps, label=node)
            self.addresses[memory] = pointer
            self._known[key] = Slot(memory, tuple(map(number_of, strides)))
        return self._known[key]

    def overwrites(self, node: Node) -> bool:
        """Whether a member is written over something that the kernel reads."""
        return self.places.overwrites(node, self.kernel)

    @property
    def slots(self) -> Collection[Slot]:
        """All of it."""
        return self._known.values()

    def memory(self, node: Node) -> Memory:
        """A value's memory, however it is walked."""
        return self.slot(node, ()).memory

    def size(self, extent: Extent) -> Count:
        """An extent as a value."""
        return self._sizes.setdefault(extent, Count(extent))


def number_of(stride: Extent) -> Number:
    """A stride: some are known when code is made, others are arguments."""
    return stride if isinstance(stride, int) and stride in KNOWN_STRIDES else Count(stride)


def evenly_apart(shape: Shape, strides: Shape) -> Extent:
    """How far rows or matrices lie apart that some axes count. Raises UnsupportedError where that differs."""
    axes = [(extent, stride) for extent, stride in zip(shape, strides, strict=True) if extent != 1]
    for (_, outer), (extent, inner) in pairwise(axes):
        if outer != extent * inner:
            raise UnsupportedError("its rows or matrices do not lie evenly in memory")
    return axes[-1][1] if axes else 0


def known_extent(number: Number) -> Extent | None:
    """A number of a draft as a polynomial; None for what the kernel computes."""
    if isinstance(number, Value):
        return None
    return number.extent if isinstance(number, Count) else number


def extent_in(number: Number) -> Extent:
    """A number of a draft that no kernel computes, as a polynomial."""
    found = known_extent(number)
    assert found is not None
    return found


def strong(dtype: DType | Weak) -> DType:
    """The dtype of an argument in registers; sizes are int64, and literals have none."""
    return dtype if isinstance(dtype, DType) else INT64
