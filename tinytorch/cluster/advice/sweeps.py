"""The answer of `why_sweep`: what a sweep will take on the workers there are, and on others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from compiler.schedule.tables import Table
from tinytorch.callbacks.protocol import checked_count
from tinytorch.cluster.advice.waves import Waves
from tinytorch.notebook.views import install, tables
from tinytorch.plots import new_figure, saved

_MOST: Final = 1024
"""Workers that tables and pictures show at most."""


@dataclass(frozen=True)
class SweepAdvice:
    """What a sweep will take, from tries of a few epochs on the workers there are.

    `seconds(workers)` is a prediction for workers that do a run at a time each, `waves` what it follows from.
    `print` shows a table; `plot` a picture; `to_dict()` has the numbers.
    """

    waves: Waves

    @property
    def workers(self) -> int:
        """How many runs the workers there are do at a time."""
        return self.waves.present

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return self.waves.runs

    def seconds(self, workers: int | None = None) -> float:
        """The predicted time of the sweep on so many workers, further ones being like those there are.

        Raises ArgumentError for a number of workers that is not positive.
        """
        return self.waves.seconds(self.workers if workers is None else checked_count("workers", workers, 1))

    @property
    def alone(self) -> float:
        """The predicted time of all runs in one process, one after the other."""
        return self.waves.alone

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """The numbers of workers that tables show: powers of two, and how many there are."""
        most = min(_MOST, max(len(stage) for stage in self.waves.stages))
        return tuple(sorted({self.workers, *(1 << k for k in range(most.bit_length()))}))

    def to_dict(self) -> dict[str, Any]:
        """The numbers, in seconds, as JSON has them."""
        waves = self.waves
        return {
            "runs": self.runs, "workers": self.workers, "structures": len(waves.costs), "alone": self.alone,
            "preparing": waves.preparing, "overhead": waves.overhead,
            "costs": [
                {"building": cost.building, "compiling": cost.compiling, "epoch": cost.epoch}
                for cost in waves.costs
            ],
            "predicted": {str(n): self.seconds(n) for n in self.counts},
        }  # fmt: skip

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, a row for each number of workers."""
        rows: list[tuple[str, ...]] = [("one process", _shown(self.alone), "")]
        for n in self.counts:
            seconds = self.seconds(n)
            there = " (there are)" if n == self.workers else ""
            rows.append((f"{n} worker{'s' * (n > 1)}{there}", _shown(seconds), f"{self.alone / seconds:.3g}"))
        headings = ("a sweep on", "seconds", "times as fast")
        runs, structures = self.runs, len(self.waves.costs)
        title = f"{runs} run{'s' * (runs != 1)} of {structures} structure{'s' * (structures != 1)}"
        return (Table(headings, tuple(rows), left=1, title=title, notes=self._notes()),)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draws the predicted time over the number of workers; the figure.

        Raises DrawingError where matplotlib is not installed.
        """
        figure = new_figure((6.4, 4.0))
        cell = figure.subplots()
        cell.plot(self.counts, [self.seconds(n) for n in self.counts], "o-", markersize=3.5, label="workers")
        cell.axhline(self.alone, color="black", linewidth=1.5, label="one process")
        cell.plot(
            [self.workers], [self.seconds()], "o", color="tab:red", label=f"the {self.workers} there are"
        )
        cell.set_xscale("log", base=2)
        cell.set_yscale("log")
        cell.xaxis.set_major_formatter("{x:g}")
        cell.yaxis.set_major_formatter("{x:g}")
        cell.yaxis.set_minor_formatter("{x:.2g}")
        cell.set_xlabel("workers")
        cell.set_ylabel("seconds of the sweep")
        cell.grid(True, color="0.9")
        cell.legend(fontsize=8, frameon=False)
        return saved(figure, path)

    def __str__(self) -> str:
        return "".join(map(str, self.tables))

    __repr__ = __str__

    def _notes(self) -> tuple[str, ...]:
        waves = self.waves
        epochs = [cost.epoch for cost in waves.costs]
        compiling = [cost.compiling for cost in waves.costs]
        return (
            f"a run is built in {_range([cost.building for cost in waves.costs])} and compiled in "
            f"{_range(compiling)}, once on each worker and for each structure; an epoch takes "
            f"{_range(epochs)}, and a run {_ms(waves.overhead)} outside its worker",
            f"these workers have compiled {len(waves.compiled)} of the structures by now",
        )


def _range(values: list[float]) -> str:
    low, high = _ms(min(values)), _ms(max(values))
    return low if low == high else f"{low} to {high}"


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms"


def _shown(seconds: float) -> str:
    return f"{seconds:.3g}"


install({SweepAdvice: tables})
