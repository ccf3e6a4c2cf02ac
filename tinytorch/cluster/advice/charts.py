"""The model as a picture: how many times as fast more workers are. Needs matplotlib (extra `plot`)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from tinytorch.cluster.advice.model import Model
from tinytorch.cluster.advice.simulation import simulated
from tinytorch.plots import new_figure, saved


def plot_workers(
    models: Mapping[str, Model], batches: Sequence[int], path: str | os.PathLike[str] | None = None
) -> Any:
    """A chart for each model: the speed beside one process over the number of workers, a line a batch.

    Lines are the model's formula, dots the simulation, message by message. Returns the figure.
    """
    figure = new_figure((4.4 * len(models), 3.8))
    cells = figure.subplots(1, len(models), squeeze=False, sharey=True).ravel()
    for cell, (title, model) in zip(cells, models.items(), strict=True):
        _speeds(cell, model, batches)
        cell.set_title(title, fontsize=10)
    cells[0].set_ylabel("times as fast as one process")
    cells[0].legend(fontsize=8, frameon=False, loc="upper left")
    return saved(figure, path)


def _speeds(cell: Any, model: Model, batches: Sequence[int]) -> None:
    counts = [1 << k for k in range(1, model.shards.bit_length())]
    for place, rows in enumerate(batches):
        alone, colour = model.alone(rows), f"C{place}"
        cell.plot(
            counts, [alone / model.seconds(n, rows) for n in counts], color=colour, label=f"{rows:,} rows"
        )
        cell.plot(
            counts, [alone / simulated(model, n, rows) for n in counts], "o", color=colour, markersize=3.5
        )
    cell.axhline(1, color="0.6", linewidth=1)
    cell.set_xscale("log", base=2)
    cell.set_yscale("log", base=2)
    for axis in (cell.xaxis, cell.yaxis):
        axis.set_major_formatter("{x:g}")
    cell.set_xlabel("workers")
    cell.grid(True, color="0.92")
