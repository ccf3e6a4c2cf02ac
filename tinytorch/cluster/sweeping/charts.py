"""The runs of a sweep as curves, and as points over each hyperparameter. Needs matplotlib (extra `plot`)."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Final

from compiler.errors import ArgumentError
from tinytorch.plots import new_figure, saved

if TYPE_CHECKING:
    from tinytorch.cluster.sweeping.runs import Runs

_COLUMNS: Final = 3
_APART: Final = 50
"""Where the largest value is so many times the smallest, an axis is logarithmic."""


def plot_runs(runs: Runs, metric: str | None, path: str | os.PathLike[str] | None) -> Any:
    """Curves of a metric, the best run's in red; beside them its last value over what was varied."""
    if not runs.metrics:
        raise ArgumentError("there is nothing to draw: no run has an epoch")
    is_judged = any(name.startswith("val_") for name in runs.metrics)
    name = runs.metric(metric or ("validation" if is_judged else "training"))
    varied = [
        item for item in runs.hyperparameters if len({str(run.hyperparameters.get(item)) for run in runs}) > 1
    ]
    rows = math.ceil((1 + len(varied)) / _COLUMNS)
    columns = min(_COLUMNS, 1 + len(varied))
    figure = new_figure((4.2 * columns, 3.3 * rows))
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    _curves(cells[0], runs, name)
    for cell, item in zip(cells[1:], varied, strict=False):
        _points(cell, runs, name, item)
    for cell in cells[1 + len(varied) :]:
        cell.set_visible(False)
    return saved(figure, path)


def _curves(cell: Any, runs: Runs, name: str) -> None:
    best = next(iter(runs.ranked(name)), None)
    for run in runs:
        if name not in run.history.names:
            continue
        is_best = run is best
        cell.plot(
            run.history["epoch"], run.history[name], color="tab:red" if is_best else "0.6",
            linewidth=2 if is_best else 0.8, zorder=2 if is_best else 1,
            label=f"run {run.number}" if is_best else None,
            marker="o" if len(run.history) == 1 else None, markersize=3,
        )  # fmt: skip
    if best is not None:
        cell.legend(fontsize=8, loc="best", frameon=False)
    cell.xaxis.get_major_locator().set_params(integer=True)
    _dress(
        cell,
        name,
        "epoch",
        [value for run in runs if name in run.history.names for value in run.history[name]],
    )


def _points(cell: Any, runs: Runs, name: str, item: str) -> None:
    known = [run for run in runs if not math.isnan(run.metric(name)) and item in run.hyperparameters]
    given = [run.hyperparameters[item] for run in known]
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
    values = [run.metric(name) for run in known]
    cell.scatter(given if is_number else list(map(str, given)), values, s=14, color="tab:blue", alpha=0.7)
    if is_number and _is_wide(given):
        cell.set_xscale("log")
    _dress(cell, name, item, values)


def _is_wide(values: list[Any]) -> bool:
    return len(values) > 1 and min(values) > 0 and max(values) >= _APART * min(values)


def _dress(cell: Any, name: str, below: str, values: list[float]) -> None:
    if _is_wide([value for value in values if math.isfinite(value)]):
        cell.set_yscale("log")
    cell.set_title(name, fontsize=10)
    cell.set_xlabel(below, fontsize=9)
    cell.grid(True, color="0.9", linewidth=0.8)
    cell.tick_params(labelsize=8)
    cell.spines[["top", "right"]].set_visible(False)
