"""A backend in thirty lines: every value in memory of its own, kernel by kernel, and its time."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

import tinytorch as tt
from compiler.backends.reference import compute
from compiler.ir.op import Constant, Parameter
from compiler.schedule.plan import Plan
from compiler.schedule.target import Target
from tinytorch.testing import check_backend


class Timed:
    """Runs a plan, and adds up the seconds that each kernel takes."""

    def __init__(self, plan: Plan) -> None:
        self.schedule = plan.schedule
        self.seconds = [0.0] * len(plan.schedule.kernels)

    def run(
        self, inputs: Sequence[np.ndarray], sizes: Mapping[str, int], outputs: Sequence[np.ndarray]
    ) -> None:
        graph = self.schedule.graph
        values = dict(zip(graph.inputs, inputs, strict=True))
        values |= {
            node: node.op.buffer.array for node in graph.nodes if isinstance(node.op, Parameter | Constant)
        }
        for place, kernel in enumerate(self.schedule.kernels):
            start = time.perf_counter()
            with np.errstate(all="ignore"):
                for node in kernel.members:
                    values[node] = compute(node, [values[operand] for operand in node.operands], sizes)
            self.seconds[place] += time.perf_counter() - start
        # Everything that can fail has happened, and all updates are known: now parameters may change.
        updates = [(node.op.buffer.array, values[new].copy()) for node, new in graph.updates]
        for array, node in zip(outputs, graph.outputs, strict=True):
            array[...] = values[node]
        for array, value in updates:
            array[...] = value


class Timing:
    """A backend has a name, says what it can do, and turns plans into something that runs."""

    name = "timing"
    target = Target(fuses=True)

    def __init__(self) -> None:
        self.latest: Timed | None = None

    def build(self, plan: Plan) -> Timed:
        self.latest = Timed(plan)
        return self.latest


backend = Timing()
x, w = tt.input("x", ("batch", 64)), tt.parameter(np.eye(64, dtype=np.float32), "w")
y = tt.softmax(tt.tanh(x @ w))
program = tt.compile([x], [y], updates={w: w * 0.99}, backend=backend)
print(program(np.ones((3, 64), np.float32))[0].sum(axis=1))
assert backend.latest is not None
for seconds, kernel in zip(backend.latest.seconds, program.schedule.kernels, strict=True):
    print(f"{'taken' if seconds else 'no'} time:", ", ".join(node.op.name for node in kernel.members))

# Runs a dozen programs without passes and with all of them, twice each, against the oracle.
check_backend(backend)
print("checked")
