"""Predicts what kernels take on a machine, from their instructions and from what they move.

Instructions and transfers go on side by side, but neither hides wholly behind the other: together they take
the root of the sum of their squares. Launching a kernel comes first, and so does handing its chunks to
threads, where it has several.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from compiler.loops.language import Kernel
from compiler.loops.lowering import lower
from compiler.loops.machine import Machine
from compiler.loops.pipeline import write
from compiler.loops.places import Places
from compiler.speed.machine import MeasuredMachine
from compiler.speed.prediction import ISSUE, LAUNCH, PYTHON, THREADS, Prediction
from compiler.speed.traffic import Traffic, traffic_of
from compiler.speed.work import seconds_of


@dataclass(frozen=True, slots=True)
class Launched:
    """A launch: the kernel of the schedule that it belongs to (-1: copies), its code's key, and its numbers.

    Without a kernel of loops it is Python's.
    """

    owner: int
    key: str = ""
    kernel: Kernel | None = None
    numbers: Sequence[object] = ()
    chunks: int = 1


def predict(
    launches: Iterable[Launched],
    places: Places,
    sizes: Mapping[str, int],
    target: Machine,
    machine: MeasuredMachine,
) -> list[Prediction]:
    """For each kernel of the schedule, and last for the copies."""
    by_owner: list[list[Launched]] = [[] for _ in range(len(places.plan.schedule.kernels) + 1)]
    for item in launches:
        by_owner[item.owner].append(item)
    work = _Work(target, machine)
    moved = traffic_of(places, sizes, machine.levels, machine.threads)
    return [work.predicted(*pair) for pair in zip(by_owner, moved, strict=True)]


class _Work:
    """Lowered kernels and their seconds, each found once."""

    def __init__(self, target: Machine, machine: MeasuredMachine) -> None:
        self.target, self.machine = target, machine
        self._lowered: dict[str, Kernel] = {}
        self._known: dict[object, float] = {}

    def predicted(self, launches: Sequence[Launched], moved: Traffic) -> Prediction:
        """Of the launches of one kernel."""
        if any(item.kernel is None for item in launches):
            return Prediction(math.nan, {PYTHON: math.nan})
        if not launches:
            return Prediction(0.0, {})
        shared = [item for item in launches if min(item.chunks, self.machine.threads) > 1]
        parts = {
            ISSUE: sum(map(self.seconds, launches)),
            **self.transfers(moved, by_all=bool(shared)),
            LAUNCH: self.machine.launch * len(launches),
            THREADS: self.machine.handing * len(shared),
        }
        parts = {name: 1e6 * part for name, part in parts.items() if part}
        apart = parts.get(LAUNCH, 0.0) + parts.get(THREADS, 0.0)
        issue = parts.get(ISSUE, 0.0)
        return Prediction(apart + math.hypot(issue, sum(parts.values()) - apart - issue), parts)

    def transfers(self, moved: Traffic, *, by_all: bool) -> dict[str, float]:
        """Seconds by level but the first, which kernels load from and store to by instructions."""
        found: dict[str, float] = {}
        for level, read, written in list(zip(self.machine.levels, moved.read, moved.written, strict=True))[
            1:
        ]:
            rates = (level.read_by_all, level.write_by_all) if by_all else (level.read, level.write)
            found[level.name] = read / rates[0] + written / rates[1]
        return found

    def seconds(self, launch: Launched) -> float:
        """Of the instructions of a launch, on as many threads as it has chunks for."""
        numbers = tuple(number if isinstance(number, int) else None for number in launch.numbers)
        key = launch.key, numbers, launch.chunks
        if key not in self._known:
            self._known[key] = seconds_of(self.lowered(launch), numbers, launch.chunks, self.machine)
        rounds = -(-launch.chunks // self.machine.threads)
        return self._known[key] * rounds / launch.chunks

    def lowered(self, launch: Launched) -> Kernel:
        """The kernel as it is emitted."""
        assert launch.kernel is not None
        if launch.key not in self._lowered:
            self._lowered[launch.key] = lower(write(launch.kernel, self.target), self.target)
        return self._lowered[launch.key]
