"""The history of a fit as curves. Needs matplotlib (extra `plot`)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from compiler.errors import ArgumentError
from tinytorch.plots import new_figure, saved

if TYPE_CHECKING:
    from tinytorch.fitting.history import FitHistory


def plot_history(history: FitHistory, path: str | os.PathLike[str] | None) -> Any:
    """A chart for each metric: over the epochs, its validation dashed, the best epoch of that marked."""
    groups = [name for name in history.names if not _is_of(name, history.names)]
    if not groups:
        raise ArgumentError("there is nothing to draw: the history has no epoch")
    figure = new_figure((4.6 * len(groups), 3.4))
    cells = figure.subplots(1, len(groups), squeeze=False).ravel()
    for cell, name in zip(cells, groups, strict=True):
        _curves(cell, history, name)
    return saved(figure, path)


def _is_of(name: str, names: tuple[str, ...]) -> bool:
    """Whether a metric is the validation of another, in whose chart it stands."""
    return name.startswith("val_") and name.removeprefix("val_") in names


def _curves(cell: Any, history: FitHistory, name: str) -> None:
    epochs, values = history["epoch"], history[name]
    marker = "o" if len(epochs) < 25 else None
    style: dict[str, Any] = {"linewidth": 2, "marker": marker, "markersize": 3}
    cell.plot(epochs, values, color="tab:blue", label="training", **style)
    beside = f"val_{name}"
    if beside in history.names:
        cell.plot(epochs, history[beside], color="tab:red", linestyle="--", label="validation", **style)
        cell.legend(fontsize=8, loc="best", frameon=False)
    if len(values) > 2 and min(values) > 0 and max(values) > 50 * min(values):
        cell.set_yscale("log")
    cell.set_title(name, fontsize=10)
    cell.set_xlabel("epoch", fontsize=9)
    cell.xaxis.get_major_locator().set_params(integer=True)
    cell.grid(True, color="0.9", linewidth=0.8)
    cell.tick_params(labelsize=8)
    cell.spines[["top", "right"]].set_visible(False)
