"""Metrics: the numbers that a program returns, their names, and their means over batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compiler.errors import ArgumentError
from compiler.ir.node import describe
from compiler.program import Program
from compiler.structure import flatten
from tinytorch.fitting.history import APART


def metric_names(program: Program, what: str) -> tuple[str, ...]:
    """What the outputs of a program are called: a dict's keys, or the names of the nodes, the first "loss".

    Raises ArgumentError for an output that is no number, or has no name or that of another.
    """
    outputs = program.source_graph.outputs
    if not outputs:
        raise ArgumentError(f"{what} returns nothing\n  fix: tt.compile([x, y], loss, updates=...)")
    for node in outputs:
        if node.type.shape:
            raise ArgumentError(
                f"what {what} returns are metrics, numbers of no axes, not {describe(node)}\n"
                "  fix: .mean() of it"
            )
    keys = program.structure.keys or tuple(node.name or "" for node in outputs)
    names = (keys[0] or "loss", *keys[1:])
    for place, name in enumerate(names):
        if not name or name in APART or name in names[:place]:
            wrong = f"has the name {name!r}, which is taken" if name else "has no name"
            raise ArgumentError(
                f"output {place} of {what} {wrong}: {describe(outputs[place])}\n"
                '  fix: a dict of outputs, {"loss": loss, "accuracy": accuracy}, or .named("accuracy")'
            )
    return names


def values_of(names: Sequence[str], found: Any) -> dict[str, float]:
    """What a call returned, by name."""
    values, _ = flatten(found)
    return {name: float(value) for name, value in zip(names, values, strict=True)}


class Means:
    """Means of metrics over batches, each weighted by its rows."""

    def __init__(self, names: Sequence[str]) -> None:
        self._sums = dict.fromkeys(names, 0.0)
        self._rows = 0

    def add(self, metrics: Mapping[str, float], rows: int) -> None:
        """Those of a batch."""
        for name in self._sums:
            self._sums[name] += metrics[name] * rows
        self._rows += rows

    def values(self) -> dict[str, float]:
        """The means. Raises ArgumentError where there was no row."""
        if not self._rows:
            raise ArgumentError("there are no data: metrics are means over batches, and there was none")
        return {name: total / self._rows for name, total in self._sums.items()}

    def state_dict(self) -> dict[str, Any]:
        """The sums and the rows."""
        return {"sums": self._sums, "rows": self._rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from there. Raises ArgumentError for other metrics."""
        if tuple(state["sums"]) != tuple(self._sums):
            raise ArgumentError(
                f"the checkpoint has metrics {', '.join(state['sums'])}, and the step {', '.join(self._sums)}"
            )
        self._sums, self._rows = dict(state["sums"]), int(state["rows"])
