"""What every part of a report's data is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.analysis.cost import Cost
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.report.outline import Outline, outline_of
from compiler.report.slots import Slots, slots_of, stages_of
from compiler.report.tables import Polynomials, Table
from compiler.schedule.costs import PlanCost
from compiler.schedule.schedule import Kernel

if TYPE_CHECKING:
    from compiler.program import Program


@dataclass(frozen=True, slots=True)
class Making:
    """What every part of the data is made from."""

    program: Program
    slots: Slots
    outline: Outline
    cost: PlanCost
    by_node: Mapping[Node, Cost]
    final: Mapping[int, Node]
    """What stands in each slot at the end."""
    texts: Table
    extents: Polynomials
    mathematics: dict[str, int]
    """The text of each formula in MathML by its LaTeX."""

    @classmethod
    def of(cls, program: Program) -> Making:
        """That of a program, with empty tables."""
        slots = slots_of(stages_of(program.source_graph, program.history, program.schedule))
        cost = program.cost
        final = {slots.of[node]: node for node in program.graph.nodes}
        return cls(program, slots, outline_of(slots), cost, cost.by_node, final, Table(), Polynomials(), {})

    @property
    def graph(self) -> Graph:
        return self.program.graph


def cost_of(making: Making, cost: Cost) -> list[int]:
    """Flops, bytes read, bytes written: polynomials."""
    return [making.extents.of(item) for item in (cost.flops, cost.bytes_read, cost.bytes_written)]


def in_place_of(making: Making, kernels: Iterable[Kernel]) -> list[list[int]]:
    """Pairs of slots: a result, and the operand over which it is written."""
    of = making.slots.of
    return [[of[new], of[old]] for kernel in kernels for new, old in kernel.in_place.items()]


def rounded(number: float) -> float:
    """A coordinate as it stands in the data."""
    return round(number, 1)
