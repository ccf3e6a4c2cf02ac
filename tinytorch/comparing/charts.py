"""Comparisons as bars. Needs matplotlib (extra `plot`)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tinytorch.comparing.tables import bytes_text, signed, time_text
from tinytorch.plots import new_figure, saved

if TYPE_CHECKING:
    from tinytorch.comparing.ablation import Ablation, Gain
    from tinytorch.comparing.outcome import Comparison


def plot_comparison(comparison: Comparison, path: str | os.PathLike[str] | None) -> Any:
    """Bars of time (with the rounds' spread), of the slab predicted and what was measured, and of kernels."""
    names = [item.name for item in comparison]
    figure = new_figure((12.0, 1.4 + 0.42 * len(names)))
    time, memory, kernels = figure.subplots(1, 3, sharey=True, width_ratios=(4, 4, 2))
    seconds = [item.seconds for item in comparison]
    spread = [0.0 if math.isnan(item.spread) else item.seconds * item.spread / 2 for item in comparison]
    bars(time, "time of a call", names, seconds, time_text, "tab:blue", errors=spread)
    measured = [item.measured_bytes for item in comparison]
    bars(
        memory, "memory: measured, and the slab in it", names, measured, bytes_text, "tab:orange", alpha=0.35
    )
    memory.barh(
        range(len(names)), [item.predicted_bytes for item in comparison], color="tab:orange", height=0.35
    )
    bars(kernels, "kernels", names, [item.kernels for item in comparison], str, "tab:green")
    return saved(figure, path)


def plot_ablation(ablation: Ablation, path: str | os.PathLike[str] | None) -> Any:
    """Two bars for each pass: what it saves when it is taken away from all, and alone."""
    names = [item.name for item in ablation]
    figure = new_figure((12.0, 1.8 + 0.5 * len(names)))
    cells = figure.subplots(1, 3, sharey=True, width_ratios=(4, 4, 2))
    kinds: tuple[tuple[str, Callable[[Gain], float], Callable[[Any], str]], ...] = (
        ("time that a call saves", lambda gain: round(gain.seconds, 9), time_text),
        ("bytes of the slab", lambda gain: gain.bytes, bytes_text),
        ("kernels", lambda gain: gain.kernels, str),
    )
    for cell, (title, of, text) in zip(cells, kinds, strict=True):
        saved_by = [[of(gain) for gain in (item.removed, item.added)] for item in ablation]
        far = max((abs(value) for pair in saved_by for value in pair), default=0) or 1.0
        for place, pair in enumerate(saved_by):
            for side, value in enumerate(pair):
                at = place - 0.2 + 0.4 * side
                cell.barh(at, value, color=("tab:blue", "tab:gray")[side], height=0.36)
                cell.text(max(value, 0) + 0.02 * far, at, signed(value, text), va="center", fontsize=7)
        cell.axvline(0, color="0.5", linewidth=0.8)
        cell.set_xlim(min(0, *(value for pair in saved_by for value in pair)) - 0.05 * far, 1.3 * far)
        cell.set_yticks(range(len(names)), names)
        cell.set_ylim(len(names) - 0.5, -0.5)
        cell.set_xticks([])
        cell.tick_params(left=False)
        cell.set_title(title, fontsize=10)
        cell.spines[["top", "right", "bottom", "left"]].set_visible(False)
    figure.legend(
        handles=[_patch("tab:blue"), _patch("tab:gray")], labels=["taken away from all", "alone"],
        loc="outside lower center", ncols=2, fontsize=8, frameon=False,
    )  # fmt: skip
    return saved(figure, path)


def _patch(color: str) -> Any:
    from matplotlib.patches import Patch  # noqa: PLC0415  # an extra, for who draws

    return Patch(color=color)


def bars(
    cell: Any,
    title: str,
    names: Sequence[str],
    values: Sequence[float],
    text: Callable[[Any], str],
    color: str,
    *,
    errors: Sequence[float] | None = None,
    alpha: float = 0.8,
) -> None:
    """Horizontal bars from the top, each with its value behind it."""
    places = range(len(names))
    cell.barh(places, values, color=color, alpha=alpha, height=0.7, xerr=errors, ecolor="0.25", capsize=3)
    far = max(value + (errors[k] if errors else 0) for k, value in enumerate(values)) or 1.0
    for place, value in zip(places, values, strict=True):
        beside = value + (errors[place] if errors else 0)
        cell.text(beside + 0.02 * far, place, text(value), va="center", fontsize=8)
    cell.set_xlim(0, 1.28 * far)
    cell.set_yticks(places, names)
    cell.set_ylim(len(names) - 0.5, -0.5)
    cell.set_xticks([])
    cell.set_title(title, fontsize=10)
    cell.spines[["top", "right", "bottom"]].set_visible(False)
