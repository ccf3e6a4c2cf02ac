"""The picture of a sweep: a row a class, a dot a workload, where it lies between ahead and behind."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tests.benchmarks.sweep.measuring import Measured
from tests.benchmarks.sweep.tables import LEVEL

INK, FAINT, AHEAD, BEHIND = "#2b2d42", "#dfe3ea", "#00798c", "#d1495b"
BINS = 14
"""Dots in a factor of two; those of one bin are piled up."""


def draw(found: Sequence[Measured], path: Path) -> None:
    """Writes the picture."""
    raced = [each for each in found if each.fastest]
    rows = [(family, list(members)) for family, members in groupby(raced, lambda each: each.family)]
    style = {"font.size": 10.5, "font.family": "DejaVu Sans", "text.color": INK, "svg.hashsalt": "sweep"}
    with pyplot.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(11.0, 1.6 + 0.72 * len(rows)))
        for height, (family, members) in enumerate(reversed(rows)):
            _row(axes, height, family, [each.ratio for each in members])
        _frame(axes, [each.ratio for each in raced], len(rows))
        axes.set_title(
            f"{len(raced)} workloads: our time, the fastest peer's is 1", loc="left", fontsize=14,
            weight="bold", pad=26,
        )  # fmt: skip
        figure.subplots_adjust(left=0.115, right=0.9, top=0.875, bottom=0.07)
        undated = {"Date": None} if path.suffix == ".svg" else None  # equal figures, equal file
        figure.savefig(path, dpi=160, facecolor="white", metadata=undated)
        pyplot.close(figure)


def _row(axes: Any, height: int, family: str, ratios: list[float]) -> None:
    piles: dict[int, list[float]] = {}
    for ratio in sorted(ratios):
        piles.setdefault(round(math.log2(ratio) * BINS), []).append(ratio)
    most = max(9, *map(len, piles.values()))
    places = [(x, height + 0.78 * k / most - 0.3) for pile in piles.values() for k, x in enumerate(pile)]
    colours = [BEHIND if x > LEVEL else AHEAD for x, _ in places]
    axes.scatter(*zip(*places, strict=True), c=colours, s=15, linewidths=0, alpha=0.85, zorder=3)
    median = statistics.median(ratios)
    axes.plot([median, median], [height - 0.38, height + 0.42], color=INK, linewidth=1.6, zorder=2)
    axes.text(-0.012, height, family, transform=axes.get_yaxis_transform(), ha="right", va="center")
    share = sum(ratio <= LEVEL for ratio in ratios) / len(ratios)
    told = f"{share:.0%} of {len(ratios)}"
    axes.text(1.012, height, told, transform=axes.get_yaxis_transform(), va="center", color="#6b7280")


def _frame(axes: Any, ratios: list[float], rows: int) -> None:
    axes.set_xscale("log")
    ticks = [t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if min(ratios) / 2 < t]
    ticks = [t for t in ticks if t < 2 * max(*ratios, 2)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_yticks([])
    axes.set_ylim(-0.6, rows - 0.35)
    axes.axvline(1, color=INK, linewidth=1, zorder=1)
    axes.grid(axis="x", color=FAINT, linewidth=0.9)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, pad=6)
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    at = rows - 0.28
    axes.text(0.97, at, "ahead  ", ha="right", color=AHEAD, weight="bold")
    axes.text(1.03, at, "  behind", ha="left", color=BEHIND, weight="bold")
    axes.text(1.012, at, "not behind", transform=axes.get_yaxis_transform(), color="#6b7280")
