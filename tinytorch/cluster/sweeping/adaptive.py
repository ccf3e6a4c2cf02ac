"""Adaptive search: hyperparameters chosen by what earlier runs have found, through the library optuna.

Tree-structured Parzen estimator: Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter
optimization" (2011). Runs are asked for a group at a time and told in their order, so that what is asked does
not depend on which worker was faster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from compiler.errors import ArgumentError
from tinytorch.callbacks.protocol import checked_count
from tinytorch.cluster.library import optuna
from tinytorch.cluster.sweeping.run import Run
from tinytorch.cluster.sweeping.runs import metric_name
from tinytorch.cluster.sweeping.space import Hyperparameters, Uniform, ranges_of


@dataclass(frozen=True)
class Adaptive:
    """`count` runs, `at_once` at a time, whose hyperparameters are chosen by what the runs before have found.

        tt.cluster.Adaptive({"lr": tt.cluster.Uniform(1e-4, 1e-1, log=True), "width": [16, 32]}, count=32)

    For each name there is a `Uniform`, or a sequence of values; `metric` is what counts, smaller being
    better, or larger with mode "max". For one seed and `at_once` the runs are the same ones. Needs the
    library optuna. Raises ArgumentError, and MissingLibraryError where the sweep begins.
    """

    space: Mapping[str, Any]
    count: int
    metric: str = "validation"
    mode: Literal["min", "max"] = "min"
    at_once: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        checked_count("count", self.count, 1)
        checked_count("at_once", self.at_once, 1)
        if self.mode not in ("min", "max"):
            raise ArgumentError(f"mode is 'min' or 'max', not {self.mode!r}")


class Adviser:
    """A study of optuna, with values by their places."""

    def __init__(self, search: Adaptive) -> None:
        library = optuna()
        library.logging.set_verbosity(library.logging.WARNING)
        self.search = search
        self.ranges = ranges_of(search.space)
        self.forms = {name: _form(library.distributions, value) for name, value in self.ranges.items()}
        direction = "minimize" if search.mode == "min" else "maximize"
        sampler = library.samplers.TPESampler(seed=search.seed)
        self.study: Any = library.create_study(sampler=sampler, direction=direction)
        self.failed: Any = library.trial.TrialState.FAIL
        self.asked: list[Any] = []

    def ask(self, count: int) -> list[Hyperparameters]:
        """The next hyperparameters."""
        self.asked = [self.study.ask(self.forms) for _ in range(count)]
        return [
            {name: self._value(name, value) for name, value in trial.params.items()} for trial in self.asked
        ]

    def tell(self, groups: Sequence[Sequence[Run]]) -> None:
        """What became of them: for each its runs, one for each fold."""
        for trial, runs in zip(self.asked, groups, strict=True):
            values = [
                run.metric(metric_name(self.search.metric, run.history.names))
                for run in runs
                if run.failure is None
            ]
            mean = sum(values) / len(values) if values else math.nan
            if math.isnan(mean):
                self.study.tell(trial, state=self.failed)
            else:
                self.study.tell(trial, mean)

    def _value(self, name: str, value: Any) -> Any:
        """A value in a range, or the one at a place of a sequence."""
        values = self.ranges[name]
        return value if isinstance(values, Uniform) else values[value]


def _form(distributions: Any, value: Uniform | list[Any]) -> Any:
    if not isinstance(value, Uniform):
        return distributions.CategoricalDistribution(list(range(len(value))))
    if value.whole:
        return distributions.IntDistribution(math.ceil(value.low), math.floor(value.high), log=value.log)
    return distributions.FloatDistribution(value.low, value.high, log=value.log)
