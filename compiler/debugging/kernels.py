"""Every kernel's results are compared with the oracle's, and dead memory is filled with NaN."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from compiler.backends.contract import Array, Executable
from compiler.debugging.arithmetic import TooFarError
from compiler.debugging.margins import Values, apart, disagreement, margins, tolerances, worst
from compiler.debugging.numbers import check_numbers
from compiler.debugging.rewrites import check_rewrite, evaluated
from compiler.debugging.truth import truth_of
from compiler.errors import BackendError, LawError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.pipeline.contract import Record
from compiler.schedule.plan import Plan


@runtime_checkable
class Observable(Protocol):
    """A backend that can show the stored results of each kernel, and fills what dies after it with NaN."""

    def build_observed(
        self, plan: Plan, observe: Callable[[Sequence[Node], Sequence[Array]], None]
    ) -> Executable: ...


class Checked:
    """An executable that checks each rewrite, and each kernel when it has run. Slow: one call at a time."""

    def __init__(
        self, backend: Any, plan: Plan, source: Graph, history: Sequence[Record], *, watches: bool = False
    ) -> None:
        if not isinstance(backend, Observable):
            raise BackendError(f"backend {backend.name} cannot show its kernels; debug with backend='numpy'")
        self.plan, self.source, self.watches = plan, source, watches
        self.rewrites = [item for item in history if isinstance(item.after, Graph) and item.changed]
        self.expected: Values = {}
        self.found: dict[Node, Array] = {}
        """What the kernels of this call have stored so far."""
        self.sizes: Mapping[str, int] = {}
        self.margins: Mapping[Node, float] = {}
        self.executable = backend.build_observed(plan, self.check)
        self.lock = threading.RLock()

    def run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        """One call, as `Executable.run` says.

        Raises PassError naming the first pass, rule and node by which a result is another than in the source
        graph, LawError naming the first node that a kernel computes wrongly, and, if it `watches`,
        NumericsError naming the first that makes a NaN or an infinity. Parameters are then as they were.
        """
        with self.lock:
            self._run(inputs, sizes, outputs)

    def _run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        leaves = {node: array.copy() for node, array in zip(self.source.inputs, inputs, strict=True)}
        values = evaluated(self.source, leaves, sizes)
        for item in self.rewrites:
            check_rewrite(item, values, sizes)
            assert isinstance(item.after, Graph)
            values = evaluated(item.after, values, sizes)
        if self.watches:
            check_numbers(self.plan.schedule.graph, values, sizes)
        self.expected, self.found, self.sizes = values, {}, sizes
        self.margins = margins(self.plan.schedule.graph, values)
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
            if reason is not None and not self._is_rounding(node, array):
                place = self.plan.schedule.kernel_of[node]
                said = self.plan.schedule.graph.names.describe(node)
                raise LawError(f"kernel {place} computes {said} wrongly: {reason}")
        self.found.update((node, array.copy()) for node, array in zip(nodes, arrays, strict=True))

    def _is_rounding(self, node: Node, array: Array) -> bool:
        """Whether what earlier kernels have stored, and rounding, explain what is not the oracle's."""
        expected = self.expected[node]
        tolerance = tolerances(self.plan.schedule.graph)[node]
        differs = apart(array, expected, self.margins[node])
        values = {**self.expected, **self.found}
        try:
            for place in worst(array, expected, differs):
                truth = truth_of((node, place), values, self.found, self.sizes, as_is=True)
                if not truth.allows(array[place], expected[place], tolerance):
                    return False
        except TooFarError:
            return False
        return True
