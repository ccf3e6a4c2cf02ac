"""The picture of `growth`: three panels that share their axis of time, every line named at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

Times = dict[str, dict[str, dict[int, float]]]
"""Seconds of a step: by the size that grows, by system, by its value."""

LOOKS = {
    "ours": ("tinytorch, llvm", "#d1495b", 2.6),
    "numpy_backend": ("tinytorch, numpy", "#edae49", 2.0),
    "numpy_by_hand": ("NumPy by hand", "#8d99ae", 1.4),
    "torch_eager": ("PyTorch", "#66a182", 1.4),
    "torch_compile": ("torch.compile", "#2e6f57", 1.4),
    "jax_jit": ("JAX", "#00798c", 1.4),
    "pytensor_numba": ("PyTensor", "#6d597a", 1.4),
    "pytensor_c": ("PyTensor, C", "#b0a1ba", 1.4),
    "ours_unfused": ("tinytorch, llvm, unfused", "#e8998d", 1.4),
    "numpy_unfused": ("tinytorch, numpy, unfused", "#f2d0a4", 1.4),
}
"""The name, colour and line width of each system."""

INK, FAINT = "#2b2d42", "#dfe3ea"


def draw(times: Times, base: dict[str, int], path: Path) -> None:
    """Writes the picture."""
    style = {"font.size": 10.5, "font.family": "DejaVu Sans", "text.color": INK, "svg.hashsalt": "growth"}
    with pyplot.rc_context(style):
        figure, panels = pyplot.subplots(1, len(times), figsize=(13.2, 5.0), sharey=True)
        for axes, (size, by_system) in zip(panels, times.items(), strict=True):
            _panel(axes, size, by_system, base)
        panels[0].set_ylabel("time of one training step", color=INK)
        panels[0].yaxis.set_major_formatter(FuncFormatter(_duration))
        _legend(figure, panels[0])
        figure.suptitle(
            "One training step as the network grows", x=0.072, y=0.985, ha="left", fontsize=15, weight="bold"
        )
        figure.subplots_adjust(left=0.072, right=0.975, top=0.79, bottom=0.115, wspace=0.07)
        undated = {"Date": None} if path.suffix == ".svg" else None  # equal figures, equal file
        figure.savefig(path, dpi=160, facecolor="white", metadata=undated)
        pyplot.close(figure)


def _panel(axes: Any, size: str, by_system: dict[str, dict[int, float]], base: dict[str, int]) -> None:
    for system, row in sorted(by_system.items(), key=lambda item: LOOKS[item[0]][2]):
        name, colour, width = LOOKS[system]
        axes.plot(
            list(row), list(row.values()), color=colour, linewidth=width, label=name, zorder=width + 2,
            marker="o", markersize=2.4 + width, markeredgecolor="white", markeredgewidth=0.7, clip_on=False,
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    values = sorted({value for row in by_system.values() for value in row})
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="y", color=FAINT, linewidth=0.9)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, pad=6)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    rest = ", ".join(f"{name} {value}" for name, value in base.items() if name != size)
    axes.set_title(f"{size}", loc="left", fontsize=12, weight="bold", pad=8)
    axes.set_title(rest, loc="right", fontsize=9, color="#6b7280", pad=8)
    _slope_guide(axes, size, by_system)


def _slope_guide(axes: Any, size: str, by_system: dict[str, dict[int, float]]) -> None:
    """A dashed line of the growth that the arithmetic has: proportional, and by width squared."""
    row = max(by_system.values(), key=len)
    if len(row) < 3:
        return
    power = 2 if size == "width" else 1
    values = sorted(row)
    least = min(seconds[values[-1]] for seconds in by_system.values() if values[-1] in seconds)
    last, first = values[-1], values[-3]
    ends = [least * 0.4 * (value / last) ** power for value in (first, last)]
    axes.plot([first, last], ends, color="#a0a6b4", linewidth=1.1, dashes=(4, 3), zorder=1)
    middle = least * 0.4 * (values[-2] / last) ** power
    axes.annotate(
        "proportional" if power == 1 else "to its square", (values[-2], middle), xytext=(7, -3), va="top",
        textcoords="offset points", fontsize=8.5, color="#8b91a0",
    )  # fmt: skip


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    order = [labels.index(name) for name, _, _ in LOOKS.values() if name in labels]
    figure.legend(
        [handles[k] for k in order], [labels[k] for k in order], loc="upper left", ncols=len(order),
        bbox_to_anchor=(0.063, 0.935), frameon=False, handlelength=1.6, columnspacing=1.8, handletextpad=0.6,
    )  # fmt: skip


def _duration(seconds: float, _: object) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 0.999:
            return f"{seconds * factor:g} {unit}"
    return f"{seconds * 1e9:g} ns"
