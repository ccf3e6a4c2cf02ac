"""Runs: what a sweep has found: data first, a table second, a picture third."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from compiler.errors import ArgumentError
from compiler.schedule.tables import Table
from tinytorch.cluster.sweeping import folder as folders
from tinytorch.cluster.sweeping.run import Run
from tinytorch.notebook.views import install, tables

Mode: TypeAlias = Literal["min", "max"]


@dataclass
class Runs:
    """The runs of a sweep, in its order: those that ended, as they did.

    `runs.rows` has dicts, `runs.table()` a table, `runs.best("validation")` the best run, `runs.failures`
    those without a result. `stopped` says what has ended the sweep before its last run.
    """

    runs: list[Run] = field(default_factory=list[Run])
    total: int = 0
    """How many runs the sweep was to have."""
    stopped: str | None = None
    unsaved: str | None = None
    """Why runs are in memory only, which were to be in the folder of `resume=`."""
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    """What all runs share: `make_run`, `epochs`, `batch_size`, digests of the data."""

    @property
    def failures(self) -> list[Run]:
        """The runs that failed; each has its traceback in `run.failure.traceback`."""
        return [run for run in self.runs if run.failure is not None]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A dict for each run: its number, hyperparameters, metrics of its last epoch, seconds, state."""
        return [run.row for run in self.runs]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that runs have, in the order in which they first came."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.history.names))

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The names of what was varied, or set."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.hyperparameters))

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __getitem__(self, place: int) -> Run:
        return self.runs[place]

    def metric(self, name: str) -> str:
        """The name of a metric: "validation" and "training" are the loss, there. Raises ArgumentError."""
        return metric_name(name, self.metrics)

    def best(self, metric: str = "validation", mode: Mode = "min") -> Run:
        """The run whose metric is smallest, or largest, after its last epoch, the first of equal ones.

        With folds, hyperparameters are compared by the mean over their folds, and of the best ones it is the
        run whose own metric is best. Runs that failed or were stopped early are left out, while there are
        others. Raises ArgumentError where no run has a number.
        """
        ranked = self.ranked(metric, mode)
        if not ranked:
            raise ArgumentError(f"no run has a number for {self.metric(metric)!r}")
        return ranked[0]

    def ranked(self, metric: str = "validation", mode: Mode = "min") -> list[Run]:
        """The runs that ended, best first, as `best` compares them."""
        name, sign = self.metric(metric), 1 if mode == "min" else -1
        if mode not in ("min", "max"):
            raise ArgumentError(f"mode is 'min' or 'max', not {mode!r}")
        known = [run for run in self.runs if run.failure is None and not math.isnan(run.metric(name))]
        known = [run for run in known if run.state == "done"] or known
        groups: dict[str, list[float]] = {}
        for run in known:
            groups.setdefault(_group(run), []).append(run.metric(name))
        means = {key: sum(values) / len(values) for key, values in groups.items()}
        return sorted(
            known, key=lambda run: (sign * means[_group(run)], _group(run), sign * run.metric(name))
        )

    def averages(self, over: Sequence[str] = ("fold", "seed")) -> list[dict[str, Any]]:
        """A dict for each setting of the other hyperparameters: `runs`, means of metrics, and `..._std`.

        The deviation is that of a sample, NaN for a single run.
        """
        groups: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.failure is None:
                groups.setdefault(_group(run, over), []).append(run)
        return [self._average(runs, over) for runs in groups.values()]

    def _average(self, runs: list[Run], over: Sequence[str]) -> dict[str, Any]:
        given = {name: value for name, value in runs[0].hyperparameters.items() if name not in over}
        found: dict[str, Any] = {**given, "runs": len(runs)}
        for name in self.metrics:
            values = [run.metric(name) for run in runs]
            mean = sum(values) / len(values)
            spread = sum((value - mean) ** 2 for value in values)
            found[name] = mean
            found[f"{name}_std"] = math.sqrt(spread / (len(values) - 1)) if len(values) > 1 else math.nan
        return found

    def table(self, by: str | None = None, mode: Mode = "min") -> Table:
        """A row for each run, in the sweep's order, or best first by a metric. Raises ArgumentError."""
        runs = self.runs
        if by is not None:
            ranked = self.ranked(by, mode)
            runs = [*ranked, *(run for run in self.runs if run not in ranked)]
        rows = [run.row for run in runs]
        fold = ("fold",) if any("fold" in row for row in rows) else ()
        headings = ("run", *self.hyperparameters, *fold, "epochs", *self.metrics, "seconds", "state")
        cells = tuple(tuple(_cell(name, row.get(name)) for name in headings) for row in rows)
        return Table(headings, cells, left=0, notes=self._notes())

    def _notes(self) -> tuple[str, ...]:
        failed = tuple(str(run) for run in self.failures)
        missing = self.total - len(self.runs)
        ended = (
            (f"stopped: {self.stopped}; {missing} of {self.total} runs are missing",) if self.stopped else ()
        )
        unsaved = (f"not saved: {self.unsaved}",) if self.unsaved else ()
        return (*failed, *ended, *unsaved)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The one of `table`."""
        return (self.table(),)

    def plot(self, path: str | os.PathLike[str] | None = None, metric: str | None = None) -> Any:
        """Draws a metric over the epochs of all runs, and after the last one over each hyperparameter.

        It is the loss of the validation, or of the training where there is none. The figure is written to
        `path` too. Raises ArgumentError where there is no epoch, DrawingError without matplotlib.
        """
        from tinytorch.cluster.sweeping.charts import plot_runs  # noqa: PLC0415  # loaded by who asks for it

        return plot_runs(self, metric, path)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes a folder of text and arrays, from which `sweep(..., resume=folder)` goes on. Returns it.

        Raises OSError where it cannot be written; what is there already stays.
        """
        return folders.write(folder, self.about, self.runs)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Runs:
        """The runs that `save`, or a sweep with `resume=`, wrote. Raises ArgumentError or ParseError."""
        about, runs = folders.read_about(folder), folders.read(folder)
        return cls(runs, len(runs), about=about)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold: everything but the weights."""
        return {
            "total": self.total, "stopped": self.stopped, "about": self.about,
            "runs": [run.to_dict() for run in self.runs],
        }  # fmt: skip

    def __str__(self) -> str:
        return str(self.table())

    __repr__ = __str__


install({Runs: tables})


def metric_name(name: str, metrics: Sequence[str]) -> str:
    """Which of some metrics, of which the first is the loss, is meant. Raises ArgumentError."""
    loss = next(iter(metrics), "loss")
    found = {"training": loss, "validation": f"val_{loss}"}.get(name, name)
    if found not in metrics:
        raise ArgumentError(f"no run has a metric {found!r}; there are {', '.join(metrics) or 'none'}")
    return found


def _group(run: Run, over: Sequence[str] = ("fold",)) -> str:
    """What runs of one group share."""
    fold = None if "fold" in over else run.fold
    return repr((sorted((k, repr(v)) for k, v in run.hyperparameters.items() if k not in over), fold))


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}" if name == "seconds" else f"{value:.4g}"
    return str(value)
