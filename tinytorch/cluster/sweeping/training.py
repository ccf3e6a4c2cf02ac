"""Training: what `make_run` returns, and the programs that become of it, one compilation for many runs.

Two trainings whose graphs have one text differ in values only, of parameters, and share their programs: those
of the first are given the values of the second.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Op
from compiler.program import Program
from compiler.structure import flatten
from tinytorch.api import compile as compile_program
from tinytorch.fitting.snapshot import Parameters
from tinytorch.tensor import Tensor

Array: TypeAlias = np.ndarray[Any, Any]

KEPT: Final = 16
"""How many structures a worker keeps compiled, those used last."""


@dataclass(frozen=True)
class Training:
    """A training step that is not compiled yet: what the function given to `machines.sweep` returns.

        def make_run(width, seed):
            ...
            return tt.cluster.Training([x, y, rate], {"loss": loss}, optimiser.updates(loss))

    `inputs`, `metrics` and `updates` are those of `tt.compile`; the first metric is the loss. What is
    validated are the same metrics without updates, or `judged`, such as those of the network after
    `net.eval()`. Runs whose graphs differ in the values of parameters alone, as those of two seeds do, are
    compiled once on each worker.
    """

    inputs: Tensor | Sequence[Tensor]
    metrics: Any
    updates: Mapping[Tensor, Tensor]
    judged: Any = None
    backend: str | None = None

    @property
    def declared(self) -> list[Tensor]:
        """The inputs of the step."""
        return [self.inputs] if isinstance(self.inputs, Tensor) else list(self.inputs)

    def graphs(self) -> tuple[Graph, Graph]:
        """That of the step and that of what is validated, before any compilation."""
        updates = [(target.node, value.node) for target, value in self.updates.items()]
        inputs = [item.node for item in self.declared]
        return Graph.of(_nodes(self.metrics), updates, inputs), Graph.of(_nodes(self._judged))

    @property
    def _judged(self) -> Any:
        return self.metrics if self.judged is None else self.judged

    def compile(self, *, is_judged: bool) -> Programs:
        """The programs. Raises what `tt.compile` raises."""
        step = compile_program(self.declared, self.metrics, updates=self.updates, backend=self.backend)
        if not is_judged:
            return Programs(step, None)
        used = set(Graph.of(_nodes(self._judged)).inputs)
        inputs = [item for item in self.declared if item.node in used]
        return Programs(step, compile_program(inputs, self._judged, backend=self.backend))


@dataclass
class Programs:
    """A step and what judges it, with the parameters of both by name."""

    step: Program
    judge: Program | None
    state: Parameters = field(init=False)
    weights: dict[str, None] = field(init=False)
    """The names of the parameters that the metrics depend on, as the step's graph has them."""

    def __post_init__(self) -> None:
        graph = self.step.source_graph
        self.state = Parameters(graph)
        seen = Graph.of(list(graph.outputs)).parameters
        judged = () if self.judge is None else self.judge.source_graph.parameters
        ops = {node.op for node in (*seen, *judged)}
        self.weights = {name: None for op, name in names_of(graph).items() if op in ops}


def names_of(graph: Graph) -> dict[Op, str]:
    """The parameters of a graph, by what they are, with their names in its text."""
    return {node.op: graph.names.values[node].removeprefix("%") for node in graph.parameters}


def _nodes(outputs: Any) -> list[Node]:
    found, _ = flatten(outputs)
    if wrong := [item for item in found if not isinstance(item, Tensor)]:
        raise ArgumentError(f"the metrics of a training are tensors, not {wrong[0]!r}")
    return [cast("Tensor", item).node for item in found]


def programs_of(made: Any, *, is_judged: bool) -> tuple[Programs, bool]:
    """Programs for what `make_run` returned, with its values, and whether they were compiled for it.

    Others must not have them until `give_back`. Raises ArgumentError for anything that is no training.
    """
    if isinstance(made, Training):
        return _SHARED.take(made, is_judged)
    pair = cast("tuple[Any, ...]", made) if isinstance(made, tuple) else (made, None)
    if len(pair) == 2 and isinstance(pair[0], Program) and isinstance(pair[1], Program | None):
        if is_judged and pair[1] is None:
            raise ArgumentError(
                "make_run returned a step, and nothing that judges it on the rows held out\n"
                "  fix: return (step, judge), or tt.cluster.Training(...), or sweep(..., validation=None)"
            )
        return Programs(pair[0], pair[1] if is_judged else None), True
    raise ArgumentError(
        "make_run returns a tt.cluster.Training, a step, or a step and its judge, not "
        f"{type(pair[0]).__name__}\n"
        '  fix: return tt.cluster.Training([x, y], {"loss": loss}, optimiser.updates(loss))'
    )


class _Shared:
    """Programs by the text of their graphs. Those in use are not here: each has one state."""

    def __init__(self) -> None:
        self._free: OrderedDict[str, list[Programs]] = OrderedDict()
        self._keys: dict[int, str] = {}
        self._lock = threading.Lock()

    def take(self, made: Training, is_judged: bool) -> tuple[Programs, bool]:
        step, judge = made.graphs()
        key = _key(made, step, judge, is_judged)
        with self._lock:
            free = self._free.get(key, [])
            found = free.pop() if free else None
        is_new = found is None
        if found is None:
            found = made.compile(is_judged=is_judged)
        else:
            _move(step, judge, found)
        self._keys[id(found)] = key
        return found, is_new

    def give_back(self, programs: Programs) -> None:
        key = self._keys.pop(id(programs), None)
        if key is None:
            return
        with self._lock:
            self._free.setdefault(key, []).append(programs)
            self._free.move_to_end(key)
            while len(self._free) > KEPT:
                self._free.popitem(last=False)


_SHARED: Final = _Shared()
_FRESH: Final = itertools.count()
give_back = _SHARED.give_back


def _key(made: Training, step: Graph, judge: Graph, is_judged: bool) -> str:
    """What has to be the same: the texts, the constants, which parameters the graphs share, the names.

    An opaque call is known by its label alone, so what has any is like nothing else.
    """
    digest = hashlib.sha256()
    if step.calls or judge.calls:
        digest.update(str(next(_FRESH)).encode())
    own = names_of(step)
    shared = [f"{name}={own.get(op, '')}" for op, name in names_of(judge).items()]
    _, names = flatten(made.metrics)
    _, judged = flatten(made.metrics if made.judged is None else made.judged)
    for part in (str(step), str(judge), repr((shared, names, judged, made.backend, is_judged))):
        digest.update(part.encode() + b"\0")
    for graph in (step, judge):
        parameters = set(names_of(graph).values())
        for name, array in graph.arrays.items():
            if name not in parameters:
                digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _move(step: Graph, judge: Graph, programs: Programs) -> None:
    """Gives programs the values of graphs of the same text."""
    programs.state.set(Parameters(step).copy())
    if programs.judge is not None:
        Parameters(programs.judge.source_graph).set(Parameters(judge).copy())
