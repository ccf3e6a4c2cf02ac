"""Activations drawn: function, derivative, formula, range, saturation. Needs matplotlib (extra `plot`)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np

from compiler.errors import ArgumentError, DrawingError
from compiler.ir.formula.printing import latex
from compiler.ir.formula.tape import Const, bind
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer
from tinytorch.api import compile as compile_program
from tinytorch.api import grad
from tinytorch.api import input as make_input
from tinytorch.ops import activations as act
from tinytorch.ops import elementwise as ops

Function = Callable[[Any], Any]

GALLERY: Final[Mapping[str, Function]] = {
    "relu": act.relu, "leaky_relu": act.leaky_relu, "elu": act.elu, "selu": act.selu,
    "sigmoid": act.sigmoid, "tanh": ops.tanh, "softplus": ops.exact_softplus,
    "log_sigmoid": act.log_sigmoid, "softsign": act.softsign, "gelu": act.gelu, "silu": act.silu,
    "mish": act.mish, "hard_sigmoid": act.hard_sigmoid, "hard_swish": act.hard_swish,
}  # fmt: skip
"""What is drawn unless other functions are named."""

FLAT: Final = 0.01
"""A function saturates where its derivative is smaller than this."""


def plot_activations(
    *functions: str | Function,
    path: str | os.PathLike[str] | None = None,
    limits: tuple[float, float] = (-5.0, 5.0),
    columns: int = 3,
) -> Any:
    """Draws functions with their derivatives and formulas; the figure, also written to `path` if given.

    `functions` are names (of `tinytorch.plots.GALLERY`) or functions of a tensor; all of the gallery if there
    are none. Dotted lines bound the range, shaded is where the derivative is below 0.01 in size. Raises
    ArgumentError for an unknown name, DrawingError where matplotlib is not installed.
    """
    chosen = _chosen(functions)
    low, high = limits
    if not low < high or columns < 1:
        raise ArgumentError(f"limits ascend and there is at least one column: {limits}, {columns}")
    columns = min(columns, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    figure = new_figure((4.2 * columns, 3.4 * rows))
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for cell, (name, function) in zip(cells, chosen.items(), strict=False):
        _draw(cell, name, function, np.linspace(low, high, 801))
    for cell in cells[len(chosen) :]:
        cell.set_axis_off()
    return saved(figure, path)


def saved(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    """The figure, written to a file if one is given: the same picture is the same file."""
    if path is not None:
        undated = {"Date": None} if Path(path).suffix == ".svg" else None
        figure.savefig(Path(path), metadata=undated)
    return figure


def _chosen(functions: Sequence[str | Function]) -> dict[str, Function]:
    if not functions:
        return dict(GALLERY)
    return dict(_named(item) for item in functions)


def _named(item: str | Function) -> tuple[str, Function]:
    if not isinstance(item, str):
        return str(getattr(item, "__name__", None) or type(item).__name__), item
    if item not in GALLERY:
        raise ArgumentError(f"no activation is named {item!r}; there are {', '.join(GALLERY)}")
    return item, GALLERY[item]


def new_figure(size: tuple[float, float]) -> Any:
    """A figure of so many inches. Raises DrawingError where matplotlib is not installed."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        _missing(error)
    mpl.rcParams["svg.hashsalt"] = "tinytorch"
    return Figure(figsize=size, layout="constrained")


def _missing(error: ImportError) -> NoReturn:
    raise DrawingError(f"plots need matplotlib: pip install matplotlib ({error})") from None


def _draw(cell: Any, name: str, function: Function, points: np.ndarray[Any, Any]) -> None:
    values, slopes, formula = _sampled(function, points)
    cell.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    cell.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    flat = _is_saturated(slopes)
    cell.fill_between(
        points, 0, 1, where=flat, transform=cell.get_xaxis_transform(),
        color="tab:orange", alpha=0.15, linewidth=0, label="saturated" if flat.any() else None,
    )  # fmt: skip
    cell.plot(points, values, color="tab:blue", linewidth=2, label=name)
    cell.plot(points, slopes, color="tab:red", linewidth=1.4, linestyle="--", label="derivative")
    for bound in _bounds(function):
        cell.axhline(bound, color="tab:blue", linewidth=1, linestyle=":")
    cell.set_title(f"{name}\n{formula}" if formula else name, fontsize=10, linespacing=1.4)
    cell.set_xlim(points[0], points[-1])
    cell.set_ylim(
        max(min(values.min(), slopes.min()), -3) - 0.25, min(max(values.max(), slopes.max()), 4) + 0.25
    )
    cell.legend(fontsize=7, loc="best")


def _is_saturated(slopes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where the function is flat all the way to an edge: a minimum is flat too, and not saturated."""
    is_steep = np.abs(slopes) >= FLAT
    return ~np.logical_or.accumulate(is_steep) | ~np.logical_or.accumulate(is_steep[::-1])[::-1]


def _sampled(function: Function, points: np.ndarray[Any, Any]) -> tuple[Any, Any, str]:
    x = make_input("x", points.shape, "float64")
    y = function(x)
    values, slopes = compile_program([x], [y, grad(y.sum(), x)])(points)
    return values, slopes, _formula(y.node)


def _formula(node: Node) -> str:
    """The formula as matplotlib can set it, with the values of its parameters; nothing for a composite."""
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE:
        return ""
    literals = {k: item.value for k, item in enumerate(op.arguments) if isinstance(item, Const)}
    formula = bind(op.formula, literals) if literals else op.formula
    where = [f"{DEFINED[line.atom]}" for line in formula.lines if line.atom in DEFINED]
    return ",  ".join(f"${text}$" for text in dict.fromkeys([plain_latex(latex(formula)), *where]))


DEFINED: Final[Mapping[str, str]] = {
    "sigmoid": r"\sigma(x) = 1 / (1 + e^{-x})",
    "softplus": r"\mathrm{softplus}(x) = \log(1 + e^{x})",
    "normcdf": r"\Phi(x) = P(Z \leq x)",
}
"""What a formula's text takes for granted."""

_INNER = r"((?:(?!\\begin).)*?)"
_CASES = re.compile(
    rf"\\begin\{{cases\}} {_INNER} & {_INNER} \\\\ {_INNER} & \\text\{{otherwise\}} \\end\{{cases\}}"
)


_FRACTION = re.compile(r"\\frac\{([^{}]*)\}\{((?:[^{}]|\{[^{}]*\})*)\}")


def plain_latex(text: str) -> str:
    """LaTeX as a title can have it: cases and fractions in one line, literals with four digits."""
    while (shorter := _CASES.sub(r"(\1 \\;\\mathrm{if}\\; \2 \\;\\mathrm{else}\\; \3)", text)) != text:
        text = shorter
    text = re.sub(r"\\(left|right)(?=[(|)])", "", text).replace(r"\operatorname", r"\mathrm")
    text = _FRACTION.sub(lambda found: f"{_enclosed(found[1])} / {_enclosed(found[2])}", text)
    return re.sub(r"\d+\.\d{5,}", lambda found: f"{float(found[0]):.4g}", text).replace(r"1.0 \, ", "")


def _enclosed(text: str) -> str:
    return text if text.isalnum() else f"({text})"


def _bounds(function: Function) -> list[float]:
    """The lower and upper end of the range, where the function has one: from values far out and close by."""
    far = np.concatenate([-np.logspace(6, 1.5, 40), np.linspace(-30, 30, 24001), np.logspace(1.5, 6, 40)])
    values, _, _ = _sampled(function, far)
    return [float(bound) for bound in (values.min(), values.max()) if abs(bound) < 30]
