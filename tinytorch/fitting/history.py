"""FitHistory: what a fit has found, epoch by epoch: data first, a table second, a picture third."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from compiler.errors import ArgumentError
from compiler.schedule.tables import Table

Row: TypeAlias = dict[str, float]

APART: Final = ("epoch", "seconds")
"""The columns that are no metrics."""

_SHOWN: Final = 20
"""A table of more epochs leaves out those in the middle."""


@dataclass
class FitHistory:
    """The epochs of a fit: a row each, with `epoch` (from 1), means of metrics, and `seconds`.

    `history["loss"]` is a column, `history.rows` has the dicts. Metrics of `validation=` begin with `val_`.
    `str` is a table. What has ended a fit early stands in `stopped`.
    """

    rows: list[Row] = field(default_factory=list[Row])
    steps: list[Row] = field(default_factory=list[Row])
    """A row for each step, with `epoch`, `step` (from 1 in each epoch) and metrics, if `fit` records them."""
    stopped: str | None = None
    """Why it ended before its last epoch; None if it did not."""
    notes: list[str] = field(default_factory=list[str])
    """What happened on the way that left no trace in the numbers, as a machine that was lost."""

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics, in the order in which they first came."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row if name not in APART))

    def __getitem__(self, name: str) -> list[float]:
        """A column: the metric of each epoch; NaN where an epoch has none. Raises ArgumentError."""
        if name not in (*APART, *self.names):
            raise ArgumentError(
                f"no metric is named {name!r}; there are {', '.join((*self.names, *APART)) or 'none'}"
            )
        return [row.get(name, math.nan) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def best(self, name: str = "val_loss", mode: Literal["min", "max"] = "min") -> Row:
        """The row of the epoch in which a metric was smallest, or largest, first. Raises ArgumentError."""
        column = self[name]
        known = [place for place, value in enumerate(column) if not math.isnan(value)]
        if not known:
            raise ArgumentError(f"no epoch has a number for {name!r}")
        choose = min if mode == "min" else max
        return self.rows[choose(known, key=column.__getitem__)]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "rows": [dict(row) for row in self.rows],
            "steps": [dict(row) for row in self.steps],
            "stopped": self.stopped,
            "notes": list(self.notes),
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, a row for each epoch; of many, the first and the last."""
        headings = ("epoch", *self.names, "seconds")
        rows = [tuple(_cell(name, row.get(name)) for name in headings) for row in _ends(self.rows)]
        if len(rows) < len(self.rows):
            rows.insert(_SHOWN // 2, ("...",) * len(headings))
        notes = (*((f"stopped: {self.stopped}",) if self.stopped else ()), *self.notes)
        return (Table(headings, tuple(rows), left=0, notes=notes),)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draws the metrics over the epochs, each beside its validation; the figure, written to `path` too.

        Raises ArgumentError where there is no epoch, DrawingError where matplotlib is not installed.
        """
        from tinytorch.fitting.charts import plot_history  # noqa: PLC0415  # loaded by who asks for it

        return plot_history(self, path)

    def __str__(self) -> str:
        return "".join(map(str, self.tables))

    __repr__ = __str__


def _ends(rows: Sequence[Row]) -> Sequence[Row]:
    half = _SHOWN // 2
    return rows if len(rows) <= _SHOWN else [*rows[:half], *rows[-half:]]


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if name == "epoch" else f"{value:.2f}" if name == "seconds" else f"{value:.4g}"
