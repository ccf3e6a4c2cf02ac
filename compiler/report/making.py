"""What every part of the data of a page is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Basis:
    """Where everything stands, and what has been said already; tables are empty at first."""

    slots: Slots
    outline: Outline
    texts: Table = field(default_factory=Table)
    extents: Polynomials = field(default_factory=Polynomials)
    mathematics: dict[str, int] = field(default_factory=dict[str, int])
    """The text of each formula in MathML by its LaTeX."""


@dataclass(frozen=True, kw_only=True)
class Making(Basis):
    """What every part of a program's data is made from."""

    program: Program
    cost: PlanCost
    by_node: Mapping[Node, Cost]
    final: Mapping[int, Node]
    """What stands in each slot at the end."""

    @classmethod
    def of(cls, program: Program) -> Making:
        """That of a program, with empty tables."""
        slots = slots_of(stages_of(program.source_graph, program.history, program.schedule))
        cost = program.cost
        final = {slots.of[node]: node for node in program.graph.nodes}
        return cls(slots, outline_of(slots), program=program, cost=cost, by_node=cost.by_node, final=final)

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


def scopes_of(basis: Basis) -> dict[str, list[list[Any]]]:
    """The scopes of the outline, and the edges of its columns."""
    return {
        "scopes": [
            [item.name, item.parent, item.first, item.last, item.repeats] for item in basis.outline.scopes
        ],
        "columns": [list(map(rounded, span)) for span in basis.outline.columns],
    }
