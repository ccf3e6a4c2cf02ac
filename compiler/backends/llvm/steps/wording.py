"""The words of kernels' texts: what a program calls its values and its memory, indices, expressions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from compiler.ir.dims import Extent
from compiler.ir.naming import Names
from compiler.ir.node import Node
from compiler.ir.op import Constant, Parameter
from compiler.loops.copies import Part
from compiler.loops.places import Places, Pointer, Region

Label: TypeAlias = Node | str | Part
"""What memory is called after: the value in it, a part of that, or a word."""


@dataclass(frozen=True)
class Words:
    """What a program calls its values and its memory."""

    places: Places

    @cached_property
    def names(self) -> Names:
        """As in the texts of the graph, the schedule and the plan."""
        return self.places.plan.schedule.graph.names

    def called(self, label: object) -> str:
        """The name of memory."""
        if isinstance(label, Part):
            return self.called(label.whole)
        return self.names.values[label] if isinstance(label, Node) else str(label)

    def place(self, pointer: Pointer) -> str:
        """`slab + 64*n`, `input %x`, `parameter %w`, `output 1`; offsets are in bytes."""
        offset = "" if pointer.offset == 0 else f" + {count(pointer.offset)}"
        return self._region(pointer) + offset

    def _region(self, pointer: Pointer) -> str:
        graph = self.places.plan.schedule.graph
        if pointer.region is Region.INPUT:
            return f"input {self.called(graph.inputs[pointer.number])}"
        if pointer.region is Region.BUFFER:
            return self._leaves[pointer.number]
        return pointer.region.value + (f" {pointer.number}" if pointer.region is Region.OUTPUT else "")

    @cached_property
    def _leaves(self) -> dict[int, str]:
        numbers = {buffer: number for number, buffer in enumerate(self.places.buffers)}
        leaves = [node for node in self.places.plan.schedule.graph.nodes if node.op.name in _KEPT]
        found: dict[int, str] = {}
        for node in leaves:
            assert isinstance(node.op, Parameter | Constant)
            if node.op.buffer in numbers:
                found.setdefault(numbers[node.op.buffer], f"{node.op.name} {self.called(node)}")
        return found


_KEPT = ("parameter", "constant")


def count(extent: Extent) -> str:
    """An extent as an expression, in which `^` is another operator than in a type."""
    return str(extent).replace("^", "**")
