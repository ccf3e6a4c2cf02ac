"""Halving: all runs for a few epochs, the best of them for more, and so on: bad runs end early.

Successive halving: Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits" (2013); for
hyperparameters: Jamieson and Talwalkar, "Non-stochastic best arm identification" (2016).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from compiler.errors import ArgumentError
from tinytorch.callbacks.protocol import checked_count
from tinytorch.cluster.sweeping.run import Run
from tinytorch.cluster.sweeping.runs import metric_name

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Halving:
    """Every run has `first` epochs; one in `factor` goes on to `factor` times as many, and so on to the end.

    `metric` is what counts, smaller being better, or larger with mode "max". A run goes on where it was, on
    any worker, and has the bits that it would have had alone. Raises ArgumentError.
    """

    first: int = 1
    factor: int = 3
    metric: str = "validation"
    mode: Literal["min", "max"] = "min"

    def __post_init__(self) -> None:
        checked_count("first", self.first, 1)
        checked_count("factor", self.factor, 2)
        if self.mode not in ("min", "max"):
            raise ArgumentError(f"mode is 'min' or 'max', not {self.mode!r}")

    def rungs(self, count: int, epochs: int) -> list[tuple[int, int]]:
        """For each rung the epochs that its runs have in all, and how many of them go on."""
        found: list[tuple[int, int]] = []
        reached = min(self.first, epochs)
        while reached < epochs:
            count = math.ceil(count / self.factor)
            found.append((reached, count))
            reached = min(reached * self.factor, epochs)
        return [*found, (epochs, count)]

    def divided(
        self, ended: Sequence[tuple[_Item, Run]], count: int, epochs: int
    ) -> tuple[list[tuple[_Item, Run]], list[tuple[int, Run]]]:
        """The `count` best after some epochs, and the places of the others. NaN is worse than any number."""
        sign = 1 if self.mode == "min" else -1

        def rank(pair: tuple[_Item, Run]) -> tuple[bool, float, int]:
            run = pair[1]
            row = run.history.rows[min(epochs, len(run.history)) - 1]
            value = row[metric_name(self.metric, run.history.names)]
            return math.isnan(value), sign * value, run.number

        ranked = sorted(ended, key=rank)
        return ranked[:count], [(place + 1, run) for place, (_, run) in enumerate(ranked) if place >= count]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return vars(self).copy()
