"""Where the members of a kernel read and write memory, by the kernel's common loops.

    Source ::= MemoryAccess     an operand from memory
             | FromMember       the value that an earlier member of the kernel has in the same iteration
             | FromLoop         the index of a common loop
             | Size | Const     an extent, a literal

An access is an address: element `offset + sum over loops of strides[loop] * index[loop]` of the memory of
`base`, which is dense. Whoever runs kernels knows where the plan has put `base`, and needs to know no more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from compiler.analysis.aliasing import Region
from compiler.ir.dims import Extent, Shape
from compiler.ir.formula.tape import Const
from compiler.ir.node import Node
from compiler.ir.op import Access, Gather, Index, Size
from compiler.schedule.frame import map_reduce
from compiler.schedule.nest import Nest


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """A member reads operand `position`, which is `value`, or writes its own (`position` is None).

    `strides` has the elements between neighbouring iterations of each common loop, 0 for a loop along which
    the access stays where it is. `axes` gives the common loop of each axis of the value, None for a unit
    axis. What a gather picks from has no loop along the axis of which the indices are: there neighbours are
    `picked` elements apart.
    """

    member: Node
    value: Node
    position: int | None
    base: Node
    offset: Extent
    strides: Shape
    axes: tuple[int | None, ...]
    picked: Extent | None = None

    @property
    def is_write(self) -> bool:
        return self.position is None


@dataclass(frozen=True, slots=True)
class FromMember:
    """The value of a member of the kernel, in the present iteration."""

    member: Node


@dataclass(frozen=True, slots=True)
class FromLoop:
    """The index of a common loop."""

    loop: int


Source: TypeAlias = MemoryAccess | FromMember | FromLoop | Size | Const


def sources_of(
    node: Node, members: Collection[Node], nest: Nest, regions: Mapping[Node, Region]
) -> list[Source]:
    """What each parameter of a member's formula is, in their order.

    `regions` says where values lie (`compiler.analysis.aliasing.regions_of`). The index of a loop of extent 1
    is 0.
    """
    operands = iter(enumerate(zip(node.operands, nest.accesses_of(node), strict=True)))
    found: list[Source] = []
    for item in map_reduce(node).arguments:
        match item:
            case Access():
                position, (operand, axes) = next(operands)
                is_inside = operand in members
                found.append(
                    FromMember(operand)
                    if is_inside
                    else _access(node, operand, position, axes, nest, regions)
                )
            case Index():
                loop = nest.placement[node][item.loop]
                found.append(Const(0) if loop is None else FromLoop(loop))
            case Size() | Const():
                found.append(item)
    return found


def memory_accesses(
    members: Sequence[Node], stored: Collection[Node], nest: Nest, regions: Mapping[Node, Region]
) -> Iterator[MemoryAccess]:
    """Every access of a kernel to memory, member by member: what it reads, then its value if it is stored."""
    for node in members:
        sources = sources_of(node, members, nest, regions)
        yield from (item for item in sources if isinstance(item, MemoryAccess))
        if node in stored:
            yield write_of(node, nest, regions)


def write_of(node: Node, nest: Nest, regions: Mapping[Node, Region]) -> MemoryAccess:
    """The access by which a member stores its value, dense, in memory of its own."""
    return _access(node, node, None, nest.axes_of(node), nest, regions)


def _access(
    member: Node,
    value: Node,
    position: int | None,
    axes: tuple[int | None, ...],
    nest: Nest,
    regions: Mapping[Node, Region],
) -> MemoryAccess:
    region = regions[value]
    strides: list[Extent] = [0] * len(nest.loops)
    for loop, stride in zip(axes, region.strides, strict=True):
        if loop is not None:
            strides[loop] = strides[loop] + stride
    op, picked = member.op, None
    if isinstance(op, Gather) and position == 0:
        picked = region.strides[op.axis]
    return MemoryAccess(member, value, position, region.base, region.offset, tuple(strides), axes, picked)
