"""Debug mode: dead memory is filled with NaN, and every kernel's results are compared with the oracle's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from compiler.backends.contract import Array, Executable
from compiler.backends.reference import run as run_reference
from compiler.errors import BackendError, LawError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Constant, Parameter, Trait
from compiler.schedule.plan import Plan

Values: TypeAlias = Mapping[Node, Array]

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
"""How far from the oracle a value may be, relative to the largest magnitude that it is made from."""


@runtime_checkable
class Observable(Protocol):
    """A backend that can show the stored results of each kernel, and fills what dies after it with NaN."""

    def build_observed(
        self, plan: Plan, observe: Callable[[Sequence[Node], Sequence[Array]], None]
    ) -> Executable: ...


class Checked:
    """An executable that checks each kernel when it has run. Slow, and for one thread."""

    def __init__(self, backend: Any, plan: Plan) -> None:
        if not isinstance(backend, Observable):
            raise BackendError(f"backend {backend.name} cannot show its kernels; debug with backend='numpy'")
        self.plan = plan
        self.expected: Values = {}
        self.margins: Mapping[Node, float] = {}
        self.executable = backend.build_observed(plan, self.check)

    def run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        """One call, as `Executable.run` says. Raises LawError naming the first node that is wrong."""
        graph = self.plan.schedule.graph
        leaves = {node: array.copy() for node, array in zip(graph.inputs, inputs, strict=True)}
        for node in graph.nodes:
            if isinstance(node.op, Parameter | Constant):
                leaves[node] = node.op.buffer.array.copy()
        self.expected = run_reference(graph, leaves, sizes)
        self.margins = margins(graph, self.expected)
        self.executable.run(inputs, sizes, outputs)

    def check(self, nodes: Sequence[Node], arrays: Sequence[Array]) -> None:
        """Compares the stored results of one kernel."""
        for node, array in zip(nodes, arrays, strict=True):
            expected = self.expected[node]
            if node.op.has(Trait.CONTRACTION):
                # What all terms have as a factor may be taken out of the sum: where it is infinite, so is the
                # result, or NaN.
                array = np.where(np.isfinite(array) | np.isfinite(expected), array, expected)
            reason = disagreement(array, expected, self.margins[node])
            if reason is not None:
                place = self.plan.schedule.kernel_of[node]
                said = self.plan.schedule.graph.names.describe(node)
                raise LawError(f"kernel {place} computes {said} wrongly: {reason}")


def margins(graph: Graph, values: Values) -> dict[Node, float]:
    """How far from the oracle each value may be.

    The tolerance of the coarsest dtype that it is made from, times the largest finite magnitude of what it is
    made from.
    """
    largest: dict[Node, float] = {}
    coarsest: dict[Node, float] = {}
    for node in graph.nodes:
        largest[node] = max(magnitude(values[node]), *(largest[operand] for operand in node.operands), 1.0)
        own = TOLERANCE.get(node.type.dtype.value, 0.0)
        coarsest[node] = max(own, *(coarsest[operand] for operand in node.operands), 0.0)
    return {node: largest[node] * coarsest[node] for node in graph.nodes}


def magnitude(array: Array) -> float:
    """The largest finite magnitude in an array."""
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    return float(finite.max()) if finite.size else 0.0


def disagreement(found: Array, expected: Array, margin: float) -> str | None:
    """Where two arrays differ by more than a margin; None if they agree.

    bools and ints agree exactly, and NaN and infinities stand in the same places.
    """
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"it is {found.dtype}{list(found.shape)} and not {expected.dtype}{list(expected.shape)}"
    with np.errstate(all="ignore"):
        close = found == expected
        if found.dtype.kind == "f":
            close |= np.isnan(found) & np.isnan(expected)
            close |= np.abs(found - expected) <= margin
    if close.all():
        return None
    place = tuple(int(axis) for axis in np.argwhere(~close)[0])
    return f"at {list(place)} it is {found[place]} and the oracle says {expected[place]}"
