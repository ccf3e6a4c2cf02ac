"""Advice: what a step costs alone and on workers, from when on more of them are faster, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from compiler.program import Program
from compiler.schedule.tables import Table
from tinytorch.callbacks.protocol import checked_count
from tinytorch.cluster.advice.measuring import Found, measured
from tinytorch.cluster.advice.model import LARGEST
from tinytorch.cluster.connection import Connection
from tinytorch.fitting.loop import check_step
from tinytorch.notebook.views import install, tables
from tinytorch.plots import new_figure, saved
from tinytorch.sharding.tree import checked_shards


@dataclass(frozen=True)
class Advice:
    """What was measured of a step and its workers, and what follows for other numbers of workers and batches.

    `seconds(workers, rows)` is a prediction, `break_even(workers)` the smallest batch for which they are
    faster than one process. `print` shows a table; `plot` a picture; `to_dict()` has the numbers.
    """

    found: Found
    rows: int

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return self.found.workers

    @property
    def alone(self) -> float:
        """Seconds of a step in one process, as measured."""
        return self.found.alone

    @property
    def together(self) -> float:
        """Seconds of a step on the workers that there are, as measured."""
        return self.found.together

    def seconds(self, workers: int, rows: int | None = None) -> float:
        """The predicted time of a step on so many workers, further ones being like those that there are."""
        return self.found.model.seconds(checked_count("workers", workers, 1), self._rows(rows))

    def parts(self, workers: int, rows: int | None = None) -> dict[str, float]:
        """What the predicted time is made of: computing, exchange, committing."""
        return self.found.model.parts(checked_count("workers", workers, 1), self._rows(rows))

    def break_even(self, workers: int | None = None) -> int | None:
        """From how many rows on workers are faster than one process; None where it is none up to 2^24."""
        return self.found.model.break_even(
            self.workers if workers is None else checked_count("workers", workers, 1)
        )

    @property
    def best(self) -> int:
        """How many workers, up to the number of shards, would be fastest; 0 where one process is."""
        model = self.found.model
        count = model.best(self.rows, model.shards)
        return count if model.seconds(count, self.rows) < self.alone else 0

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """The numbers of workers that tables show: powers of two, and how many there are."""
        shards = self.found.model.shards
        return tuple(sorted({min(self.workers, shards), *(1 << k for k in range(shards.bit_length()))}))

    def to_dict(self) -> dict[str, Any]:
        """The numbers, in seconds and bytes, as JSON has them."""
        model = self.found.model
        return {
            "rows": self.rows, "shards": model.shards, "workers": self.workers, "alone": self.alone,
            "together": self.together, "link": model.link.to_dict(), "bytes_sent": model.sent,
            "bytes_returned": list(model.returned), "best": self.best,
            "predicted": {str(n): {**self.parts(n), "seconds": self.seconds(n)} for n in self.counts},
            "break_even": {str(n): self.break_even(n) for n in self.counts},
        }  # fmt: skip

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, a row for each number of workers."""
        rows: list[tuple[str, ...]] = [("one process", _ms(self.alone), "", "", "", "")]
        for n in self.counts:
            parts = self.parts(n)
            known = f" ({_ms(self.together)} measured)" if n == self.workers else ""
            break_even = self.break_even(n)
            rows.append((
                f"{n} worker{'s' * (n > 1)}{known}", _ms(self.seconds(n)), *map(_ms, parts.values()),
                "never" if break_even is None else f"{break_even:,} rows",
            ))  # fmt: skip
        headings = ("a step of", "ms", "computing", "exchange", "committing", "faster from")
        title = f"a step of {self.rows:,} rows in {self.found.model.shards} shards"
        return (Table(headings, tuple(rows), left=1, title=title, notes=self._notes()),)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draws the predicted time over the batch, for one process and for workers; the figure.

        Raises DrawingError where matplotlib is not installed.
        """
        figure = new_figure((6.4, 4.0))
        cell = figure.subplots()
        batches = [1 << k for k in range(self.found.model.shards.bit_length() - 1, LARGEST.bit_length())]
        alone = [1e3 * self.found.model.alone(rows) for rows in batches]
        cell.plot(batches, alone, color="black", linewidth=2, label="one process")
        for n in self.counts[1:]:
            times = [1e3 * self.seconds(n, rows) for rows in batches]
            cell.plot(batches, times, linewidth=1.5, label=f"{n} workers")
        cell.plot([self.rows], [1e3 * self.together], "o", color="tab:red", label=f"{self.workers} measured")
        cell.set_xscale("log")
        cell.set_yscale("log")
        cell.set_xlabel("rows of a batch")
        cell.set_ylabel("ms a step")
        cell.grid(True, color="0.9")
        cell.legend(fontsize=8, frameon=False)
        return saved(figure, path)

    def __str__(self) -> str:
        return "".join(map(str, self.tables))

    __repr__ = __str__

    def _rows(self, rows: int | None) -> int:
        return self.rows if rows is None else checked_count("rows", rows, 1)

    def _notes(self) -> tuple[str, ...]:
        link, model = self.found.model.link, self.found.model
        best = self.best
        verdict = (
            "one process is fastest: leave the workers to sweeps, or try tt.fit(..., shards=...)"
            if not best
            else f"{best} worker{'s' * (best > 1)} would be fastest"
        )
        return (
            f"an empty message is answered in {_ms(link.latency)} ms, and a byte takes "
            f"{1e9 / link.bandwidth:.2g} ns: {_size(model.sent)} to each worker, "
            f"{_size(sum(model.returned))} of sums back",
            verdict,
        )


def why(
    connection: Connection, step: Program, batch_size: int, *, shards: int, inputs: Mapping[str, Any] | None,
    workers: int | None, sizes: Mapping[str, int],
) -> Advice:  # fmt: skip
    """The advice for a step, as `Machines.why` says."""
    check_step(step)
    rows = checked_count("batch_size", batch_size, 1)
    given = dict(inputs or {})
    return Advice(measured(connection, step, rows, checked_shards(shards), given, sizes, workers), rows)


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}"


def _size(count: int) -> str:
    return f"{count / 1e6:.3g} MB" if count >= 1e5 else f"{count / 1e3:.3g} kB"


install({Advice: tables})
