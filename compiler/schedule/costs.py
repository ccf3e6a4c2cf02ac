"""What a plan costs: each kernel, the copies beside them, and all together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from compiler.analysis.aliasing import Region, regions_of
from compiler.analysis.cost import Cost, copy_cost, costs_of
from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.schedule.breakdown import HEADINGS, Breakdown, break_down, by_line, by_scope, cost_cells
from compiler.schedule.finding import find_kernel
from compiler.schedule.plan import Commit, Plan
from compiler.schedule.schedule import Schedule
from compiler.schedule.tables import Table, kernel_cells, verb


class Described(Protocol):
    """What says what it is in a form that JSON can hold."""

    def to_dict(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, repr=False)
class PlanCost:
    """`kernels[k]` is the cost of kernel k of the schedule. `str` is a table, one kernel a line.

    Counts are ints, or polynomials in the symbolic dimensions; `.at(batch=64)` gives numbers.
    """

    schedule: Schedule
    kernels: tuple[Cost, ...]
    copies: Cost
    """Of values into outputs and into parameters, where no kernel can write them there."""
    members: Mapping[Node, Cost] = field(default_factory=dict[Node, Cost])
    """What each node has of its kernel's cost."""
    copied: Mapping[Node, Cost] = field(default_factory=dict[Node, Cost])
    """What each value has of the copies' cost."""

    def __getitem__(self, what: Any) -> Cost:
        """The cost of a kernel.

        `what` is its number, it itself, its name, or what it computes: a tensor, a node, a name in any view.
        Raises ArgumentError where there is none.
        """
        return self.kernels[find_kernel(self.schedule, what)]

    @property
    def total(self) -> Cost:
        """The cost of one call."""
        return sum(self.kernels, start=self.copies)

    def at(self, **symbols: int) -> PlanCost:
        """The same with every symbol bound. Raises ArgumentError naming one that is not."""
        kernels = tuple(item.at(**symbols) for item in self.kernels)
        members, copied = (
            {node: item.at(**symbols) for node, item in costs.items()}
            for costs in (self.members, self.copied)
        )
        return PlanCost(self.schedule, kernels, self.copies.at(**symbols), members, copied)

    @property
    def by_node(self) -> dict[Node, Cost]:
        """What each node has of the total: as a member of its kernel, and for its copies."""
        return {
            node: self.members.get(node, Cost()) + self.copied.get(node, Cost())
            for node in (*self.members, *(node for node in self.copied if node not in self.members))
        }

    def by_scope(self, depth: int | None = None) -> Breakdown:
        """The cost of each part of the model, or of its first `depth` names."""
        return break_down(self.by_node, by_scope(self.schedule.graph, depth))

    def by_line(self) -> Breakdown:
        """The cost of each of the user's lines; one that calls layers has a row for each scope."""
        return break_down(self.by_node, by_line(self.schedule.graph))

    def to_dict(self) -> dict[str, Any]:
        """The costs of kernels, copies and all together, with what each kernel computes."""
        return {
            "kernels": kernel_dicts(self.schedule, self.kernels),
            "copies": self.copies.to_dict(),
            "total": self.total.to_dict(),
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, with a row for each kernel that moves or computes something."""
        return (_table(self),)

    def __str__(self) -> str:
        return str(_table(self))

    def __repr__(self) -> str:
        total = self.total
        return (
            f"<PlanCost of {len(self.kernels)} kernels: {total.flops} flops, {total.bytes_read} bytes read, "
            f"{total.bytes_written} written>"
        )


def cost_of_plan(plan: Plan) -> PlanCost:
    """The cost of one call, by kernels. Views, which move nothing, cost nothing."""
    schedule = plan.schedule
    regions = regions_of(schedule.graph)
    kernels = [
        {node: _rest_cost(plan, node, regions) if node in plan.parts else cost for node, cost in item.items()}
        for item in kernel_costs(schedule)
    ]
    copied: dict[Node, Cost] = {}
    for copy in plan.copies:
        copied[copy.value] = copied.get(copy.value, Cost()) + copy_cost(copy.value, regions)
    for commit in plan.commits:
        copied[commit.value] = copied.get(commit.value, Cost()) + _commit_cost(commit, regions)
    totals = tuple(sum(item.values(), start=Cost()) for item in kernels)
    members = {node: cost for item in kernels for node, cost in item.items()}
    return PlanCost(schedule, totals, sum(copied.values(), start=Cost()), members, copied)


def _rest_cost(plan: Plan, whole: Node, regions: Mapping[Node, Region]) -> Cost:
    """What a value costs of which parts are there already."""
    read: Extent = 0
    for node in dict.fromkeys(plan.moved(whole)):
        read = read + copy_cost(node, regions).bytes_read
    written = whole.type.bytes
    for part in plan.parts[whole]:
        written = written - part.type.bytes
    return Cost(bytes_read=read, bytes_written=written)


def kernel_costs(schedule: Schedule) -> list[dict[Node, Cost]]:
    """What each member has of the cost of its kernel, kernel by kernel."""
    regions = regions_of(schedule.graph)
    return [costs_of(item.members, schedule.outputs(item), regions) for item in schedule.kernels]


def _commit_cost(commit: Commit, regions: dict[Node, Region]) -> Cost:
    """A value that is swapped is copied twice: aside, and from there."""
    cost, size = copy_cost(commit.value, regions), commit.value.type.bytes
    return cost if commit.through is None else cost + Cost(bytes_read=size, bytes_written=size)


def kernel_dicts(schedule: Schedule, found: Iterable[Described]) -> list[dict[str, Any]]:
    """What was found of each kernel, beside its name, the values that leave it and the ops that it does."""
    names = schedule.graph.names.values
    return [
        {
            "name": f"kernel {place}",
            "values": [names[node] for node in schedule.outputs(kernel)],
            "ops": [verb(node) for node in kernel.members],
            **item.to_dict(),
        }
        for place, (kernel, item) in enumerate(zip(schedule.kernels, found, strict=True))
    ]


def is_listed(cost: Cost) -> bool:
    """Whether a table has a line for a kernel of this cost: views have none, as in drawings."""
    return cost != Cost()


def _table(cost: PlanCost) -> Table:
    cells = zip(kernel_cells(cost.schedule), cost.kernels, strict=True)
    rows = [(*cell, *cost_cells(item)) for cell, item in cells if is_listed(item)]
    if is_listed(cost.copies):
        rows.append(("copies", "", "", *cost_cells(cost.copies)))
    rows.append(("total", "", "", *cost_cells(cost.total)))
    return Table(("", "values", "ops", *HEADINGS), tuple(rows), left=3)
