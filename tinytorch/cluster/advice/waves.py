"""The model of a sweep: runs in waves on workers that compile each structure once, and wait at rungs.

A run lasts what is spent on it outside its worker, and there the building of its graphs, all its epochs, and
the compilation of a structure that the worker does not have. A worker that is free takes the next run.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from tinytorch.cluster.advice.model import alike
from tinytorch.cluster.sweeping.training import KEPT


@dataclass(frozen=True, slots=True)
class RunCost:
    """What a run of one structure costs its worker, in seconds."""

    building: float
    """From hyperparameters to a fit that begins."""
    compiling: float
    epoch: float
    """With evaluation and callbacks."""

    def lasts(self, epochs: int, *, is_known: bool) -> float:
        """A run of so many epochs, of a structure that the worker has compiled or has not."""
        return self.building + epochs * self.epoch + (0.0 if is_known else self.compiling)


@dataclass(frozen=True, slots=True)
class Waves:
    """What is known of a sweep, from which its time follows for any number of workers."""

    preparing: float
    """Seconds until the first run is handed out: data are divided, sent, and the function is."""
    overhead: float
    """Seconds of each run outside its worker: messages, and the client's own work."""
    costs: tuple[RunCost, ...]
    """Of each structure."""
    stages: tuple[tuple[tuple[int, int], ...], ...]
    """The structure and the epochs of each run, in order; a stage begins when the one before has ended."""
    runs: int
    present: int
    """Runs that the workers there are do at a time."""
    compiled: frozenset[int] = frozenset()
    """Structures that these have compiled."""
    crowd: Callable[[int], float] = alike
    """How many times as long a run takes beside so many as beside those that were measured."""

    @property
    def alone(self) -> float:
        """Seconds of all runs in one process, one after the other, where nothing is compiled yet."""
        worker = _Worker(())
        return sum(
            self.costs[structure].lasts(epochs, is_known=worker.takes(structure))
            for stage in self.stages
            for structure, epochs in stage
        ) * self.crowd(1)

    def seconds(self, workers: int) -> float:
        """The sweep on so many workers, each of which does a run at a time."""
        crowd, clock = self.crowd(workers), self.preparing
        known = [_Worker(sorted(self.compiled) if place < self.present else ()) for place in range(workers)]
        for stage in self.stages:
            free = [(clock, place) for place in range(workers)]
            for structure, epochs in stage:
                begin, place = free[0]
                lasts = self.costs[structure].lasts(epochs, is_known=known[place].takes(structure))
                heapq.heapreplace(free, (begin + self.overhead + lasts * crowd, place))
            clock = max(free)[0]
        return clock


class _Worker:
    """The structures that a worker has compiled, as many as it keeps."""

    def __init__(self, structures: list[int] | tuple[int, ...]) -> None:
        self._known = OrderedDict.fromkeys(structures)

    def takes(self, structure: int) -> bool:
        """Whether it has a structure, which is from now on the one that it used last."""
        is_known = structure in self._known
        self._known[structure] = None
        self._known.move_to_end(structure)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return is_known
