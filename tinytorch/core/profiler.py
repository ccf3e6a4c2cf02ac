"""ActivationProfiler: times and memory of activations, measured. Methods return data and print a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from compiler.analysis.cost import cost_of
from compiler.errors import ArgumentError
from tinytorch import tensor as symbolic
from tinytorch.api import input as make_input
from tinytorch.asking.compare import Comparison, bytes_text, compare
from tinytorch.core.activation import Activation
from tinytorch.core.kinds import GELU, ReLU, Sigmoid, Softmax, Tanh
from tinytorch.core.measure import median_seconds, peak_bytes, program_of, work_of
from tinytorch.core.tensor import Tensor

Size: TypeAlias = int | Sequence[int]
"""A shape, or n for n by n."""

Function: TypeAlias = Callable[[Any], Any]


COMPARED: Final[Mapping[str, Activation]] = {
    "ReLU": ReLU(), "Sigmoid": Sigmoid(), "Tanh": Tanh(), "Softmax": Softmax(),
}  # fmt: skip
"""The course's activations, which every comparison has."""


class ActivationProfiler:
    """Measures activations. `console` is where tables go: the screen unless given; `seed` makes the data.

    `results` keeps what was found last, under `times` (by name), `activations`, `inplace`, `scaling` (by
    name) and `fused`.
    """

    def __init__(self, console: Console | None = None, seed: int = 0) -> None:
        self.console = console or Console()
        self.seed = seed
        self.results: dict[str, Any] = {}

    def time_activation(
        self, fn: Function, tensor: Any, name: str = "activation", iterations: int = 100
    ) -> float:
        """The median time of computing `fn(tensor)`, in milliseconds; recording and compiling are not in it.

        Raises ArgumentError for less than one iteration.
        """
        taken = self._milliseconds(fn, tensor, iterations)
        self._print("time of a call", ["activation", "ms"], [[name, f"{taken:.4f}"]])
        self.results.setdefault("times", {})[name] = taken
        return taken

    def compare_activations(
        self, tensor_size: Size = (1000, 1000), iterations: int = 50, **others: Function
    ) -> dict[str, float]:
        """Milliseconds of ReLU, Sigmoid, Tanh and Softmax (and of others, by keyword) on one tensor."""
        tensor = self._data(tensor_size)
        functions: dict[str, Function] = {**COMPARED, **others}
        times = {name: self._milliseconds(fn, tensor, iterations) for name, fn in functions.items()}
        fastest = min(times.values())
        rows = [[name, f"{taken:.4f}", f"{taken / fastest:.2f} x"] for name, taken in times.items()]
        self._print(f"activations of {list(tensor.shape)}", ["activation", "ms", "of the fastest"], rows)
        self.results["activations"] = times
        return times

    def compare_inplace_vs_regular(
        self, tensor_size: Size = (1000, 1000), iterations: int = 30, **others: Activation
    ) -> dict[str, dict[str, float]]:
        """Milliseconds and peak bytes of `forward_` and of reading a `forward`, recording and all.

        Of ReLU, Sigmoid, Tanh and Softmax (and of others, by keyword), each a dict with the keys regular_ms,
        inplace_ms, regular_bytes and inplace_bytes.
        """
        shape = self._data(tensor_size).shape
        found = {
            name: self._in_place(activation, tensor_size, iterations)
            for name, activation in {**COMPARED, **others}.items()
        }
        rows = [
            [f"{name}.{word}", f"{row[f'{key}_ms']:.4f}", bytes_text(int(row[f"{key}_bytes"]))]
            for name, row in found.items()
            for word, key in (("forward", "regular"), ("forward_", "inplace"))
        ]
        self._print(f"in place and not, of {list(shape)}", ["", "ms", "peak memory"], rows)
        self.results["inplace"] = found
        return found

    def _in_place(self, activation: Activation, tensor_size: Size, iterations: int) -> dict[str, float]:
        tensor, buffer = self._data(tensor_size), self._data(tensor_size)
        regular = lambda: activation.forward(tensor).numpy()  # noqa: E731  # two works side by side
        in_place = lambda: activation.forward_(buffer)  # noqa: E731  # as above
        return {
            "regular_ms": 1e3 * median_seconds(regular, iterations),
            "inplace_ms": 1e3 * median_seconds(in_place, iterations),
            "regular_bytes": float(peak_bytes(regular)),
            "inplace_bytes": float(peak_bytes(in_place)),
        }

    def analyze_scaling(
        self,
        fn: Function,
        name: str = "activation",
        sizes: Iterable[Size] = (100, 500, 1000),
        iterations: int = 20,
    ) -> list[dict[str, Any]]:
        """How time grows with size: a dict for each size, of which n is an n by n tensor.

        Keys: size, elements, time_ms, time_per_element_us and, the same in each, fitted_exponent (of the time
        as a power of the elements, by least squares) and formula_exponent (of the operations counted).
        """
        rows: list[dict[str, Any]] = []
        counts: list[float] = []
        for size in sizes:
            tensor = self._data(size)
            taken = self._milliseconds(fn, tensor, iterations)
            counts.append(_operations(fn, tensor))
            per_element = 1e3 * taken / max(tensor.size, 1)
            rows.append(
                {"size": size, "elements": tensor.size, "time_ms": taken, "time_per_element_us": per_element}
            )
        elements = [row["elements"] for row in rows]
        fitted = {
            "fitted_exponent": exponent(elements, [row["time_ms"] for row in rows]),
            "formula_exponent": exponent(elements, counts),
        }
        for row in rows:
            row.update(fitted)
        self._print_scaling(name, rows, fitted)
        self.results.setdefault("scaling", {})[name] = rows
        return rows

    def compare_fused(
        self, chain: Sequence[Activation] = (Sigmoid(), Tanh(), GELU()), tensor_size: Size = (1000, 1000)
    ) -> Comparison:
        """A chain of activations computed one after the other, and fused into one pass over memory."""
        array = self._data(tensor_size).numpy()
        x = make_input("x", array.shape)
        y: symbolic.Tensor = x
        for activation in chain:
            y = activation.of(y)
        found = compare([x], y, data=[array])
        self.console.print(
            " then ".join(map(repr, chain)),
            str(found),
            sep="\n",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        self.results["fused"] = found
        return found

    def benchmark_activation_suite(
        self, tensor_size: Size = (800, 800), iterations: int = 30
    ) -> dict[str, float]:
        """Everything above: activations, in place and not, growth to that size, fused and not.

        Returns the milliseconds of ReLU, Sigmoid, Tanh and Softmax, as the course's suite; `results` has all.
        """
        side = math.isqrt(self._data(tensor_size).size)
        sizes = [max(1, side * part // 4) for part in (1, 2, 4)]
        self.compare_inplace_vs_regular(tensor_size, iterations)
        for name in ("ReLU", "Sigmoid", "Tanh"):
            self.analyze_scaling(COMPARED[name], name, sizes, iterations)
        self.compare_fused(tensor_size=tensor_size)
        return self.compare_activations(tensor_size, iterations)

    def _milliseconds(self, fn: Function, tensor: Any, iterations: int) -> float:
        given = tensor if isinstance(tensor, Tensor) else Tensor(tensor)
        return 1e3 * median_seconds(work_of(fn, given), iterations)

    def _data(self, size: Size) -> Tensor:
        shape: tuple[Any, ...] = tuple(size) if isinstance(size, Sequence) else (size, size)
        if not all(isinstance(extent, int | np.integer) and extent > 0 for extent in shape):
            raise ArgumentError(f"a size is a positive int, or several, not {size!r}")
        generator = np.random.default_rng(self.seed)
        return Tensor(generator.standard_normal(shape, dtype=np.float32))

    def _print_scaling(self, name: str, rows: Sequence[dict[str, Any]], fitted: dict[str, float]) -> None:
        lines = [
            [
                str(row["size"]),
                str(row["elements"]),
                f"{row['time_ms']:.4f}",
                f"{row['time_per_element_us']:.6f}",
            ]
            for row in rows
        ]
        time, count = fitted["fitted_exponent"], fitted["formula_exponent"]
        title = f"{name}: time ~ n^{time:.2f}, operations ~ n^{count:.2f}"
        self._print(title, ["size", "elements", "ms", "us an element"], lines)

    def _print(self, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table()
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="left" if place == 0 else "right")
        for row in rows:
            table.add_row(*map(escape, row))
        self.console.print(title, markup=False, highlight=False, soft_wrap=True)
        self.console.print(table)


def benchmark_activation_suite(
    tensor_size: Size = (800, 800), iterations: int = 30, profiler: ActivationProfiler | None = None
) -> dict[str, float]:
    """The suite of a profiler whose `results` are wanted, or of a new one: milliseconds by activation."""
    return (profiler or ActivationProfiler()).benchmark_activation_suite(tensor_size, iterations)


def _operations(fn: Function, tensor: Tensor) -> float:
    """The operations that the program counts, or the elements where there is no program."""
    found = program_of(fn, tensor)
    if found is None:
        return float(tensor.size)
    program, _ = found
    costs = [cost_of([node], [node]) for node in program.graph.nodes]
    return float(sum(cast(int, cost.operations) for cost in costs))


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """p of `value ~ size^p`, by least squares of the logarithms; NaN of less than two different sizes."""
    if len(set(sizes)) < 2 or not all(value > 0 for value in values):
        return math.nan
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(values, float))
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())
