"""What the draft of a kernel depends on: kernels that are alike are drafted once, and bound to other memory.

    %h[i,j] = sum[k:64] %x[i,k] * %w[k,j]              %p[i,j] = sum[k:64] %a[i,k] * %b[k,j]
    %y[i,j] = relu(%h[i,j])                   is like  %q[i,j] = relu(%p[i,j])

if x, w and y lie in memory as a, b and q do, up to where that begins. Everything else that a draft asks of a
kernel is in its key: the ops, which hold literals bit by bit and extents, what passes between members, on
which common loops they lie, what is stored, and which places are one.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from compiler.ir.node import Node
from compiler.loops.borders import border_of
from compiler.loops.places import Places, Pointer
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two kernels of equal keys have equal drafts, but for these addresses and labels, each in its place."""

    key: Hashable
    pointers: tuple[Pointer, ...]
    """The addresses of the kernel, each once."""
    nodes: tuple[Node, ...]
    """What memory and values are called after."""


def likeness(kernel: Kernel, nest: Nest, places: Places, stored: frozenset[Node]) -> Likeness:
    """What a kernel of maps, reductions and contractions is like, of whose values some are stored."""
    members = {node: number for number, node in enumerate(kernel.members)}
    pointers: dict[Pointer, int] = {}
    nodes: list[Node] = []

    def place(node: Node) -> Hashable:
        number = pointers.setdefault(places[node].pointer, len(pointers))
        region = places.regions[node]
        return number, region.strides, node.type, border_of(region)

    parts: list[Hashable] = []
    for node in kernel.members:
        outside = [operand for operand in node.operands if operand not in members]
        reads = tuple(members[x] if x in members else place(x) for x in node.operands)
        written = (place(node), places.overwrites(node, kernel)) if node in stored else None
        parts.append((node.op, nest.placement[node], reads, written))
        nodes += (*outside, node)
    return Likeness((nest.loops, nest.rows, *parts), tuple(pointers), tuple(nodes))
