"""Why two values are not in one buffer: where each lives, from when until when, and who still reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from compiler.analysis.aliasing import Region, regions_of
from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.schedule.plan import InSlab, place_text
from compiler.why.cause import JOINING, LISTED, Asking, Cause


class BufferCauses(Asking):
    """The question about memory."""

    @cached_property
    def _regions(self) -> dict[Node, Region]:
        return regions_of(self.graph)

    def of(self, left: Node, right: Node) -> tuple[bool, list[Cause]]:
        """Whether two values lie in one buffer, and what says so, or why they do not."""
        for node in (left, right):
            if node not in self.plan.places:
                return False, [self.cause("schedule", "it never leaves its kernel: it has no memory", [node])]
        owners = [self._regions[node].base for node in (left, right)]
        roots = [self._root(owner) for owner in owners]
        if left is right:
            return True, [self.cause("graph", "they are one value", [left])]
        if roots[0] is roots[1]:
            kind = "is a view of" if owners[0] is owners[1] else "is written over"
            return True, [self.cause("planner", f"the one {kind} the other's memory", (left, right))]
        return self._slots(left, right, owners)

    def _root(self, owner: Node) -> Node:
        """The value whose buffer the owner's is written over, through a chain of kernels in place."""
        marks: Mapping[Node, Node] = {
            result: operand for kernel in self.schedule.kernels for result, operand in kernel.in_place.items()
        }
        while owner in marks:
            owner = self._regions[marks[owner]].base
        return owner

    def _slots(self, left: Node, right: Node, owners: Sequence[Node]) -> tuple[bool, list[Cause]]:
        order = sorted(zip((left, right), owners, strict=True), key=lambda item: self._written(item[1]))
        (early, first), (late, second) = order
        refused = self._not_over(first, second)
        places = self.plan.places[first], self.plan.places[second]
        if not all(isinstance(place, InSlab) for place in places):
            kinds = [
                self.cause(
                    "planner", f"it lives elsewhere than in the slab: {place_text(place, self.names)}", [node]
                )
                for node, place in zip((early, late), places, strict=True)
                if not isinstance(place, InSlab)
            ]
            return False, [*kinds, *refused]
        assert isinstance(places[0], InSlab)
        assert isinstance(places[1], InSlab)
        if places[0].last >= places[1].first:
            return False, [self._overlap(first, second, places[0], places[1]), *refused]
        if _meet(places[0], places[1]):
            return True, [self.cause("planner", "they share bytes, one after the other", (early, late))]
        sentence = "they are never needed at once; the planner has laid others over each"
        return False, [self.cause("planner", sentence, (early, late))]

    def _written(self, owner: Node) -> int:
        return self.schedule.kernel_of.get(owner, -1)

    def _overlap(self, first: Node, second: Node, early: InSlab, late: InSlab) -> Cause:
        """Who reads the earlier value when the later one is there already."""
        readers = [
            node
            for node in self.graph.nodes
            if not node.op.has(Trait.LEAF)
            and self.schedule.kernel_of[node] >= late.first
            and any(self._regions[operand].base is first for operand in node.operands)
        ]
        names = self.names.values
        when = (
            f"{names[first]} is needed until kernel {early.last}, {names[second]} from kernel {late.first} on"
        )
        return self.cause("planner", f"{when}; it is read by", readers[:LISTED] or [first])

    def _not_over(self, first: Node, second: Node) -> list[Cause]:
        """What passes said when they looked for memory that the later value could be written over."""
        found = [
            self.cause(record.name, item.sentence, item.nodes, item.reason)
            for record, item in self.refusals()
            if item.reason not in JOINING and item.nodes[:1] == (second,)
        ]
        return [item for item in found if first in item.nodes] or found


def _meet(one: InSlab, other: InSlab) -> bool:
    """Whether two slots have bytes in common, as far as numbers tell; slots at one offset do."""
    if one.offset == other.offset:
        return True
    ends: list[Extent] = [one.offset, one.offset + one.bytes, other.offset, other.offset + other.bytes]
    numbers = [end for end in ends if isinstance(end, int)]
    return len(numbers) == len(ends) and numbers[0] < numbers[3] and numbers[2] < numbers[1]
