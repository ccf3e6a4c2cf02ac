"""Fused against unfused: one graph under several schedules, timed in interleaved rounds and compared."""

from __future__ import annotations

import io
import os
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from compiler.backends.contract import Backend
from compiler.errors import ArgumentError
from compiler.ir.dims import Extent, evaluate
from compiler.ir.numbers import whole_number
from compiler.ir.plain import plain
from compiler.pipeline.contract import Pass
from compiler.program import Program
from compiler.render.kernels import draw_schedules
from passes import REWRITES, SCHEDULING
from passes.inplace import InPlace
from tinytorch import api
from tinytorch.tensor import Tensor

VARIANTS: Final[Mapping[str, tuple[Pass, ...]]] = {
    "unfused": REWRITES,
    "fused": (*REWRITES, *(item for item in SCHEDULING if not isinstance(item, InPlace))),
    "fused + in place": (*REWRITES, *SCHEDULING),
}
"""What is compared unless other passes are named: one graph, rewritten, under three schedules."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One schedule of the graph, and what was found of it."""

    name: str
    program: Program = field(repr=False)
    seconds: float
    """Median time of a call, the best of the rounds."""
    spread: float
    """How much slower the slowest round's median was, as a share of `seconds`."""
    kernels: int
    peak_bytes: Extent
    """The slab's size: a polynomial in the symbolic dimensions, or an int."""
    predicted_bytes: int
    """The same for the data given."""
    measured_bytes: int
    """The most bytes that a first call held at once beyond those before: slab, scratch, outputs, copies."""
    difference: float
    """The largest difference of any output from the first variant's, relative to its largest magnitude."""

    def to_dict(self) -> dict[str, Any]:
        """What was found, without the program."""
        return {item.name: plain(getattr(self, item.name)) for item in fields(self) if item.repr}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The variants in the order given. `str` is the table; notebooks show it too."""

    variants: tuple[Variant, ...]

    def __getitem__(self, name: str) -> Variant:
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise ArgumentError(
            f"no variant is named {name!r}; there are {', '.join(v.name for v in self.variants)}"
        )

    def draw(
        self, path: str | os.PathLike[str], names: Sequence[str] = ("unfused", "fused + in place")
    ) -> Path:
        """Draws the schedules of the variants named side by side: a box a kernel, with its members inside.

        Raises ArgumentError for a name that is not compared, DrawingError where Graphviz is missing.
        """
        return draw_schedules({name: self[name].program.schedule for name in names}, path)

    def to_dict(self) -> dict[str, Any]:
        """The variants in their order."""
        return {"variants": [item.to_dict() for item in self.variants]}

    def __str__(self) -> str:
        return table_text(self)

    __repr__ = __str__


def compare(
    inputs: Tensor | Sequence[Tensor],
    outputs: Any,
    *,
    data: Any,
    updates: Mapping[Tensor, Tensor] | None = None,
    variants: Mapping[str, str | Sequence[str | Pass]] | None = None,
    backend: str | Backend | None = None,
    rounds: int = 5,
    seconds: float = 0.1,
) -> Comparison:
    """Compiles a graph once for each variant, and compares their results, times and memory on `data`.

    `data` are values of the inputs, in order or by name. `variants` maps names to passes; without it the
    graph runs unfused, fused, and fused in place, which is what `tt.compile` makes. Each of `rounds` rounds
    gives every variant `seconds` of calls in turn. Parameters that `updates` change have their values again
    afterwards. Raises what `tt.compile` and the program raise.
    """
    if (whole_number(rounds) or 0) < 1 or not seconds > 0:
        raise ArgumentError(f"compare needs at least one round of some seconds, not {rounds} of {seconds}")
    arguments, named = _arguments(inputs, data)
    chosen = VARIANTS if variants is None else variants
    if not chosen:
        raise ArgumentError("compare needs at least one variant: a name and its passes")
    saved = {target: api.value_of(target) for target in updates or {}}
    trials = [
        _Trial(name, api.compile(inputs, outputs, updates=updates, passes=passes, backend=backend), saved)
        for name, passes in chosen.items()
    ]
    try:
        for trial in trials:
            trial.first_call(arguments, named)
        for _ in range(rounds):
            for trial in trials:
                trial.round(arguments, named, seconds)
    finally:
        _restore(saved)
    return Comparison(tuple(trial.result(trials[0]) for trial in trials))


def _arguments(inputs: Tensor | Sequence[Tensor], data: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """What a call is given: of one input that is no sequence, `data` may be the array itself."""
    if isinstance(data, Mapping):
        return (), dict(cast("Mapping[str, Any]", data))
    is_one = isinstance(inputs, Tensor) and not isinstance(cast(object, data), list | tuple)
    return ((data,) if is_one else tuple(data)), {}


class _Trial:
    """A variant that is being measured."""

    def __init__(self, name: str, program: Program, saved: Mapping[Tensor, Any]) -> None:
        self.name = name
        self.program = program
        self.saved = saved
        self.medians: list[float] = []
        self.values: list[np.ndarray[Any, Any]] = []
        self.measured = self.predicted = 0

    def first_call(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
        """Fills in results and memory; parameters begin as the caller left them."""
        _restore(self.saved)
        _, sizes = self.program.signature.bind(arguments, named)
        self.predicted = evaluate(self.program.plan.peak_bytes, sizes)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            result = self.program(*arguments, **named)
            self.measured = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
        outputs = self.program.structure.unpack(result)
        self.values = [np.array(item) for item in outputs] + [api.value_of(target) for target in self.saved]

    def round(self, arguments: Sequence[Any], named: Mapping[str, Any], seconds: float) -> None:
        """Calls for some time."""
        times: list[float] = []
        end = time.perf_counter() + seconds
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            self.program(*arguments, **named)
            times.append(time.perf_counter() - start)
        self.medians.append(float(np.median(times)))

    def result(self, first: _Trial) -> Variant:
        """What was found, against the first variant."""
        best = min(self.medians)
        return Variant(
            self.name, self.program, best, max(self.medians) / best - 1, len(self.program.schedule.kernels),
            self.program.plan.peak_bytes, self.predicted, self.measured,
            max((_difference(a, b) for a, b in zip(self.values, first.values, strict=True)), default=0.0),
        )  # fmt: skip


def _restore(saved: Mapping[Tensor, Any]) -> None:
    for target, value in saved.items():
        api.set_value(target, value)


def _difference(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    """Relative to the largest finite magnitude; infinite where NaN or infinities stand elsewhere."""
    left, right = found.astype(np.float64), expected.astype(np.float64)
    is_finite = np.isfinite(right)
    if (
        not np.array_equal(left[~is_finite], right[~is_finite], equal_nan=True)
        or not np.isfinite(left[is_finite]).all()
    ):
        return float("inf")
    if not is_finite.any():
        return 0.0
    scale = float(np.abs(right[is_finite]).max()) or 1.0
    return float(np.abs(left[is_finite] - right[is_finite]).max()) / scale


def table_text(comparison: Comparison) -> str:
    """The table as text, as wide as it needs to be."""
    from rich.console import Console  # noqa: PLC0415  # a twentieth of a second, and only to print
    from rich.table import Table  # noqa: PLC0415  # likewise

    table = Table()
    table.add_column("schedule")
    first = comparison.variants[0].seconds
    for heading in (
        "time of a call",
        "spread",
        "speed",
        "kernels",
        "slab",
        "predicted",
        "measured",
        "difference",
    ):
        table.add_column(heading, justify="right")
    for item in comparison.variants:
        table.add_row(
            item.name, time_text(item.seconds), f"{item.spread:.0%}", f"{first / item.seconds:.2f} x",
            str(item.kernels), f"{item.peak_bytes} B", bytes_text(item.predicted_bytes),
            bytes_text(item.measured_bytes), f"{item.difference:.1e}",
        )  # fmt: skip
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def time_text(seconds: float) -> str:
    """`1.25 ms`."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def bytes_text(count: int) -> str:
    """`64.0 kB`, in powers of ten."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"
