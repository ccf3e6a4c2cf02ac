"""Profiles: how long each kernel of a program takes on given data, beside what it costs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from compiler.analysis.cost import Cost
from compiler.backends.contract import Slow
from compiler.ir.node import Node
from compiler.ir.plain import Plain, plain
from compiler.schedule.breakdown import HEADINGS, Breakdown, break_down, by_line, by_scope, cost_cells
from compiler.schedule.costs import PlanCost, is_listed, kernel_dicts
from compiler.schedule.finding import find_kernel
from compiler.schedule.schedule import Schedule
from compiler.schedule.tables import Table, digits, kernel_cells
from compiler.speed.prediction import Prediction


@dataclass(frozen=True, slots=True)
class Timing:
    """What was measured of a kernel, and its cost for the same sizes."""

    cost: Cost
    microseconds: float
    """The median of the calls."""
    fastest: float
    """Microseconds of the fastest call."""
    share: float
    """Of the sum of the medians of all kernels and copies, between 0 and 1."""
    calls: int
    """How many calls were timed."""
    predicted: Prediction | None = None
    """What this machine was predicted to take; None where the backend predicts nothing."""

    @property
    def gflops(self) -> float:
        """Achieved GFLOP/s: 1e9 floating-point operations a second. NaN for what took no time."""
        return _rate(self.cost.flops, self.microseconds)

    @property
    def gigabytes_per_second(self) -> float:
        """Achieved GB/s: 1e9 bytes read or written a second, of those that must move."""
        return _rate(self.cost.bytes_moved, self.microseconds)

    def to_dict(self) -> dict[str, Plain]:
        """What was measured, the rates that follow, and the cost."""
        return {
            "microseconds": self.microseconds,
            "fastest": self.fastest,
            "share": self.share,
            "calls": self.calls,
            **({} if self.predicted is None else self.predicted.to_dict()),
            "gflops": plain(self.gflops),
            "gigabytes_per_second": plain(self.gigabytes_per_second),
            **self.cost.to_dict(),
        }


def _rate(count: object, microseconds: float) -> float:
    return count / microseconds / 1e3 if isinstance(count, int) and microseconds else math.nan


@dataclass(frozen=True, repr=False)
class Profile:
    """`kernels[k]` is the timing of kernel k of the schedule. `str` is a table, one kernel a line."""

    schedule: Schedule
    backend: str
    sizes: Mapping[str, int]
    """The value of every symbolic dimension."""
    kernels: tuple[Timing, ...]
    copies: Timing
    """Of values into outputs and into parameters, where no kernel writes them there."""
    total: Timing
    """Of kernels and copies together: the median of the sums."""
    call_microseconds: float
    """The median of whole calls, timed from outside: with checks, fresh outputs, and no clock inside."""
    cost: PlanCost
    """What each kernel, node and copy costs for these sizes."""
    slow: tuple[Slow, ...] = ()
    """The kernels on a slow path: why, and what would take them off it."""

    def by_scope(self, depth: int | None = None) -> Breakdown:
        """The time of each part of the model, or of its first `depth` names.

        What a kernel took is shared among its members in proportion to `Cost.work`, an estimate; so are
        copies.
        """
        return break_down(self.cost.by_node, by_scope(self.schedule.graph, depth), self.microseconds_of)

    def by_line(self) -> Breakdown:
        """The time of each of the user's lines, by scope; kernels are shared as in `by_scope`."""
        return break_down(self.cost.by_node, by_line(self.schedule.graph), self.microseconds_of)

    @cached_property
    def microseconds_of(self) -> Mapping[Node, float]:
        """What each node took: its share of its kernel's median, and of the copies'; see `by_scope`."""
        members = self.cost.members
        found: dict[Node, float] = {}
        for kernel, timing in zip(self.schedule.kernels, self.kernels, strict=True):
            costs = {node: members[node] for node in kernel.members if node in members}
            found |= _shares(costs, timing.microseconds)
        for node, spent in _shares(self.cost.copied, self.copies.microseconds).items():
            found[node] = found.get(node, 0.0) + spent
        return found

    def __getitem__(self, what: Any) -> Timing:
        """The timing of a kernel, by what `PlanCost` takes too."""
        return self.kernels[find_kernel(self.schedule, what)]

    @property
    def calls(self) -> int:
        """How many calls were timed inside; as many were timed from outside."""
        return self.total.calls

    def to_dict(self) -> dict[str, Any]:
        """The timings of kernels, copies and all together, and of whole calls."""
        return {
            "backend": self.backend,
            "sizes": dict(self.sizes),
            "call_microseconds": self.call_microseconds,
            "kernels": kernel_dicts(self.schedule, self.kernels),
            "copies": self.copies.to_dict(),
            "total": self.total.to_dict(),
            "slow": [item.to_dict() for item in self.slow],
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, with a row for each kernel that takes time."""
        return (_table(self),)

    def __str__(self) -> str:
        return str(_table(self))

    def __repr__(self) -> str:
        call = digits(self.call_microseconds)
        return f"<Profile of {len(self.kernels)} kernels on {self.backend}: {call} us a call>"


def _shares(costs: Mapping[Node, Cost], microseconds: float) -> dict[Node, float]:
    """A time in proportion to the work of each node; in equal parts where there is none."""
    work = {node: cost.work if isinstance(cost.work, int) else 0 for node, cost in costs.items()}
    total = sum(work.values())
    return {node: microseconds * (part / total if total else 1 / len(work)) for node, part in work.items()}


@dataclass(frozen=True, slots=True)
class Samples:
    """Nanoseconds: of whole calls, and of kernels and copies in others, a row a call."""

    whole: Sequence[int]
    parts: Sequence[Sequence[int]]

    @classmethod
    def of(cls, rounds: Sequence[Samples]) -> Samples:
        """Those of several rounds together."""
        return cls(
            [item for samples in rounds for item in samples.whole],
            [item for samples in rounds for item in samples.parts],
        )

    def profile(
        self,
        cost: PlanCost,
        backend: str,
        sizes: Mapping[str, int],
        slow: Sequence[Slow] = (),
        predicted: Sequence[Prediction] = (),
    ) -> Profile:
        """Medians and shares beside the cost, which holds numbers, and predictions, if there are any."""
        spent = np.array(self.parts, np.int64) / 1e3
        medians = np.median(spent, axis=0)
        everything = float(medians.sum())
        timings = [
            Timing(
                item, float(medians[k]), float(spent[:, k].min()),
                float(medians[k]) / everything if everything else 0.0, len(spent),
                predicted[k] if predicted else None,
            )
            for k, item in enumerate((*cost.kernels, cost.copies))
        ]  # fmt: skip
        sums, all_of_it = spent.sum(axis=1), Prediction.of(predicted) if predicted else None
        total = Timing(cost.total, float(np.median(sums)), float(sums.min()), 1.0, len(sums), all_of_it)
        call = float(np.median(self.whole)) / 1e3
        return Profile(
            cost.schedule, backend, dict(sizes), tuple(timings[:-1]), timings[-1], total, call, cost,
            tuple(slow),
        )  # fmt: skip


def sample(
    call: Callable[[], object],
    timed: Callable[[], Sequence[int]],
    restore: Callable[[], None],
    seconds: float,
) -> Samples:
    """Whole calls and calls with a clock inside in turn, for some seconds, once at least.

    Each begins with the same values, which `restore` brings back. The first of both binds and warms what the
    others use, and does not count.
    """

    def once() -> tuple[int, Sequence[int]]:
        restore()
        start = time.perf_counter_ns()
        call()
        taken = time.perf_counter_ns() - start
        restore()
        return taken, timed()

    once()
    end = time.perf_counter() + seconds
    found = [once()]
    while time.perf_counter() < end:
        found.append(once())
    return Samples([whole for whole, _ in found], [parts for _, parts in found])


def _table(profile: Profile) -> Table:
    cells = zip(kernel_cells(profile.schedule), profile.kernels, strict=True)
    rows = [(*cell, *_cells(item)) for cell, item in cells if _is_listed(item)]
    if _is_listed(profile.copies):
        rows.append(("copies", "", "", *_cells(profile.copies)))
    rows.append(("total", "", "", *_cells(profile.total)))
    given = "".join(f", {name}={value}" for name, value in profile.sizes.items())
    call = f"a whole call: {digits(profile.call_microseconds)} us; medians of {profile.calls} calls"
    expected = () if profile.total.predicted is None else ("predicted", "bound")
    headings = ("", "values", "ops", "us", *expected, "share", *HEADINGS, "GFLOP/s", "GB/s")
    slow = [
        f"kernel {item.kernel} is {line.strip()}" if k == 0 else line
        for item in profile.slow
        for k, line in enumerate(str(item).splitlines())
    ]
    return Table(headings, tuple(rows), left=3, notes=(f"{call} on {profile.backend}{given}", *slow))


def _cells(item: Timing) -> tuple[str, ...]:
    rates = digits(item.gflops), digits(item.gigabytes_per_second)
    found = item.predicted
    expected = () if found is None else (digits(found.microseconds), found.bound)
    return (digits(item.microseconds), *expected, f"{item.share:.1%}", *cost_cells(item.cost), *rates)


def _is_listed(item: Timing) -> bool:
    """A view costs nothing, and is listed only where a backend spends time on it."""
    return is_listed(item.cost) or item.microseconds > 0
