"""Where the values of a plan lie: a region of memory, an offset in it, and a stride for each axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Final

from compiler.analysis import aliasing
from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node
from compiler.ir.op import Buffer, Constant, Parameter
from compiler.schedule.plan import InInput, InLeaf, InOutput, InParameter, InPart, InSlab, Plan, View
from compiler.schedule.schedule import Kernel


class Region(Enum):
    """Memory that a program's calls use."""

    SLAB = "slab"
    INPUT = "input"
    OUTPUT = "output"
    BUFFER = "buffer"
    SCRATCH = "scratch"
    STATUS = "status"
    TABLE = "table"
    LAID = "input as it lies"
    DENSE = "copy of an input"


KNOWN_STRIDES: Final = (0, 1, 2, 3, 4, -1, -2)
"""Strides with loops of their own: none, neighbours, and what is so near that vectors of these hold it."""

_LEAVES = (Region.INPUT, Region.BUFFER)


@dataclass(frozen=True, slots=True)
class Pointer:
    """An address: `offset` bytes into a region; `number` says which input, output, buffer or table."""

    region: Region
    number: int
    offset: Extent = 0


@dataclass(frozen=True, slots=True)
class Located:
    """A value in memory; `strides` are in elements, one for each axis."""

    pointer: Pointer
    strides: Shape


def dense_strides(shape: Sequence[Extent]) -> Shape:
    """The strides of a row-major array, in elements."""
    strides: list[Extent] = []
    step: Extent = 1
    for extent in reversed(shape):
        strides.append(step)
        step = step * extent
    return tuple(reversed(strides))


class Places:
    """The places of a plan's values; `buffers` are those of parameters and constants in it.

    Inputs are dense but for those that have `strides`, computed values but for parts of others.
    """

    def __init__(self, plan: Plan, strides: Mapping[Node, Shape] | None = None) -> None:
        self.plan, self.strides = plan, {**plan.strides, **(strides or {})}
        self.buffers: list[Buffer] = []
        self._numbers: dict[Buffer, int] = {}
        self._inputs = {node: number for number, node in enumerate(plan.schedule.graph.inputs)}
        self._known: dict[Node, Located] = {}

    def __getitem__(self, node: Node) -> Located:
        if node not in self._known:
            self._known[node] = self._located(node)
        return self._known[node]

    @cached_property
    def regions(self) -> Mapping[Node, aliasing.Region]:
        """In whose memory each value lies, and where in it."""
        return aliasing.regions_of(self.plan.schedule.graph, self.strides)

    def overwrites(self, node: Node, kernel: Kernel) -> bool:
        """Whether a member of a kernel is written over something that the kernel reads."""
        if node in kernel.in_place:
            return True
        mine = self[node].pointer
        others = [self[operand].pointer for operand in kernel.operands] if mine.region in _LEAVES else []
        return any((mine.region, mine.number) == (other.region, other.number) for other in others)

    def output(self, position: int) -> Pointer:
        """The memory of an output."""
        return Pointer(Region.OUTPUT, position)

    def parameter(self, node: Node) -> Pointer:
        """The memory of a parameter or a constant."""
        assert isinstance(node.op, Parameter | Constant)
        buffer = node.op.buffer
        if buffer not in self._numbers:
            self._numbers[buffer] = len(self.buffers)
            self.buffers.append(buffer)
        return Pointer(Region.BUFFER, self._numbers[buffer])

    def is_view(self, node: Node) -> bool:
        """Whether a value has no memory of its own."""
        return isinstance(self.plan.places[node], View)

    def _located(self, node: Node) -> Located:
        place = self.plan.places[node]
        if isinstance(place, View):
            base = self[place.base].pointer
            at: View | aliasing.Region = self.regions[node] if place.base in self.strides else place
            offset = base.offset + at.offset * node.type.dtype.size
            return Located(Pointer(base.region, base.number, offset), at.strides)
        return Located(self._pointer(node), self.strides.get(node) or dense_strides(node.type.shape))

    def _pointer(self, node: Node) -> Pointer:
        match self.plan.places[node]:
            case InSlab() as place:
                return Pointer(Region.SLAB, 0, place.offset)
            case InOutput() as place:
                return self.output(place.position)
            case InParameter() as place:
                return self.parameter(place.parameter)
            case InInput() as place:
                return Pointer(Region.INPUT, self._inputs[place.input])
            case InPart() as place:
                base = self[place.whole].pointer
                return Pointer(base.region, base.number, base.offset + place.offset * node.type.dtype.size)
            case InLeaf() | View():
                known = self._inputs.get(node)
                return self.parameter(node) if known is None else Pointer(Region.INPUT, known)
