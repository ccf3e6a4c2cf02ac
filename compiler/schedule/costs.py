"""What a plan costs: each kernel, the copies beside them, and all together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.analysis.aliasing import Region, regions_of
from compiler.analysis.cost import Cost, Ratio, copy_cost, cost_of
from compiler.ir.node import Node
from compiler.schedule.plan import Commit, Plan
from compiler.schedule.schedule import Schedule
from compiler.schedule.tables import aligned, digits, kernel_cells, scaled


@dataclass(frozen=True, repr=False)
class PlanCost:
    """`kernels[k]` is the cost of kernel k of the schedule. `str` is a table, one kernel a line.

    Counts are ints, or polynomials in the symbolic dimensions; `.at(batch=64)` gives numbers.
    """

    schedule: Schedule
    kernels: tuple[Cost, ...]
    copies: Cost
    """Of values into outputs and into parameters, where no kernel can write them there."""

    @property
    def total(self) -> Cost:
        """The cost of one call."""
        return sum(self.kernels, start=self.copies)

    def at(self, **symbols: int) -> PlanCost:
        """The same with every symbol bound. Raises ArgumentError naming one that is not."""
        kernels = tuple(item.at(**symbols) for item in self.kernels)
        return replace(self, kernels=kernels, copies=self.copies.at(**symbols))

    def __str__(self) -> str:
        return _table(self)

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
    kernels = tuple(cost_of(item.members, schedule.outputs(item), regions) for item in schedule.kernels)
    copies = [copy_cost(item.value, regions) for item in plan.copies]
    commits = [_commit_cost(item, regions) for item in plan.commits]
    return PlanCost(schedule, kernels, sum([*copies, *commits], start=Cost()))


def _commit_cost(commit: Commit, regions: dict[Node, Region]) -> Cost:
    """A value that is swapped is copied twice: aside, and from there."""
    cost, size = copy_cost(commit.value, regions), commit.value.type.bytes
    return cost if commit.through is None else cost + Cost(bytes_read=size, bytes_written=size)


HEADINGS = ("flops", "read", "written", "flop/byte")


def cost_cells(cost: Cost) -> tuple[str, str, str, str]:
    """The cells under HEADINGS. Bytes in powers of ten; a question mark stands for what nobody can count."""
    intensity = cost.intensity
    return (
        _shown(cost.flops) + " + ?" * bool(cost.opaque),
        _shown(cost.bytes_read, "B"),
        _shown(cost.bytes_written, "B"),
        str(intensity) if isinstance(intensity, Ratio) else digits(intensity),
    )


def _shown(count: object, unit: str = "") -> str:
    return scaled(count, unit) if isinstance(count, int) else f"{count} {unit}".rstrip()


def is_listed(cost: Cost) -> bool:
    """Whether a table has a line for a kernel of this cost: views have none, as in drawings."""
    return cost != Cost()


def _table(cost: PlanCost) -> str:
    rows = [("", "values", "ops", *HEADINGS)]
    cells = zip(kernel_cells(cost.schedule), cost.kernels, strict=True)
    rows += [(*cell, *cost_cells(item)) for cell, item in cells if is_listed(item)]
    if is_listed(cost.copies):
        rows.append(("copies", "", "", *cost_cells(cost.copies)))
    rows.append(("total", "", "", *cost_cells(cost.total)))
    return aligned(rows, left=3)
