"""One variant while it is measured."""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np

from compiler.backends.contract import Array, Backend
from compiler.debugging.margins import apart, relative_margin, tolerances
from compiler.ir.dims import evaluate
from compiler.lockstep.distance import distance
from compiler.lockstep.parting import Parting, first_parting
from compiler.lockstep.values import Side, values_of
from compiler.program import Program
from compiler.report.measuring import Roof
from compiler.schedule.costs import PlanCost
from tinytorch import api
from tinytorch.comparing.outcome import Outcome, Output
from tinytorch.comparing.variant import Variant
from tinytorch.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Feed:
    """What every call is given, and the values that parameters begin with."""

    arguments: Sequence[Any]
    named: Mapping[str, Any]
    saved: Mapping[Tensor, Array]

    def restore(self) -> None:
        """Parameters have the values again that they began with."""
        for target, value in self.saved.items():
            api.set_value(target, value)


@contextmanager
def _traced() -> Generator[None]:
    """Allocations are traced inside; behind it as they were, since whoever called may trace them too."""
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        yield
    finally:
        if not was_tracing:
            tracemalloc.stop()


class Trial:
    """A variant that is being measured."""

    def __init__(
        self, name: str, variant: Variant, backend: Backend, make: Callable[[], Program], feed: Feed
    ) -> None:
        self.name, self.variant, self.backend, self.feed = name, variant, backend, feed
        start = time.perf_counter()
        self.program = make()
        self.compile_seconds = time.perf_counter() - start
        self.medians: list[float] = []
        self.values: list[Array] = []
        self.sizes: Mapping[str, int] = {}
        self.predicted = self.measured = 0

    def first_call(self) -> None:
        """Fills in results and memory."""
        feed = self.feed
        feed.restore()
        _, self.sizes = self.program.signature.bind(feed.arguments, feed.named)
        self.predicted = evaluate(self.program.plan.peak_bytes, self.sizes)
        with self.variant.running(), _traced():
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            result = self.program(*feed.arguments, **feed.named)
            self.measured = tracemalloc.get_traced_memory()[1] - before
        outputs = self.program.structure.unpack(result)
        self.values = [np.array(item) for item in outputs] + [api.value_of(item) for item in feed.saved]

    def round(self, seconds: float) -> None:
        """Calls for some time, from the same parameters as every other round."""
        feed, times = self.feed, list[float]()
        feed.restore()
        with self.variant.running():
            end = time.perf_counter() + seconds
            while not times or time.perf_counter() < end:
                start = time.perf_counter()
                self.program(*feed.arguments, **feed.named)
                times.append(time.perf_counter() - start)
        self.medians.append(median(times))

    @property
    def seconds(self) -> float:
        """Of a call: the median of the rounds' medians."""
        return median(self.medians)

    @property
    def spread(self) -> float:
        """How far the rounds' medians are apart, as a share of `seconds`; NaN of one round."""
        if len(self.medians) < 2:
            return math.nan
        return (max(self.medians) - min(self.medians)) / self.seconds

    @cached_property
    def cost(self) -> PlanCost:
        """What a call costs, in numbers."""
        return self.program.cost.at(**self.sizes)

    def share_of(self, roof: Roof) -> float:
        """The least time that a roof allows for a call, as a share of the time that it takes."""
        least = sum(roof.least_seconds(item) for item in (*self.cost.kernels, self.cost.copies))
        return least / self.seconds

    def result(self, first: Trial, roof: Roof) -> Outcome:
        """What was found, against the first variant."""
        total = self.cost.total
        return Outcome(
            name=self.name,
            program=self.program,
            seconds=self.seconds,
            spread=self.spread,
            compile_seconds=self.compile_seconds,
            kernels=len(self.program.schedule.kernels),
            peak_bytes=self.program.plan.peak_bytes,
            predicted_bytes=self.predicted,
            measured_bytes=self.measured,
            flops=evaluate(total.flops, {}),
            bytes_moved=evaluate(total.bytes_moved, {}),
            roof=self.share_of(roof),
            outputs=tuple(self._outputs(first)),
            parting=self._parting(first),
        )

    def _outputs(self, first: Trial) -> list[Output]:
        """How far each output, and each parameter's next value, is from the first variant's."""
        graph = self.program.source_graph
        nodes = [*graph.outputs, *(parameter for parameter, _ in graph.updates)]
        pairs = zip(nodes, self.values, first.values, strict=True)
        return [Output(graph.names.values[node], distance(one, other)) for node, one, other in pairs]

    def _parting(self, first: Trial) -> Parting | None:
        """Where it parts from the first variant, if a result does by more than rounding usually does."""
        graph = self.program.source_graph
        usual = tolerances(graph)
        pairs = zip(graph.results, self.values, first.values, strict=True)
        if not any(apart(a, b, relative_margin(a, b, usual[node])).any() for node, a, b in pairs):
            return None
        return first_parting(first.side(), self.side(), self.sizes)

    def side(self) -> Side:
        """The value of every node, computed by the variant's own kernels."""
        self.feed.restore()
        program = self.program
        inputs, sizes = program.signature.bind(self.feed.arguments, self.feed.named)
        with self.variant.running():
            values = values_of(program.schedule, self.backend, inputs, sizes)
        return Side(self.name, program.source_graph, program.history, program.schedule, values)
