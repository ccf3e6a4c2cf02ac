"""What a program computes for every node, by its own kernels on its own backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from compiler.backends.contract import Array, Backend
from compiler.debugging.margins import Values
from compiler.ir.dims import evaluate
from compiler.ir.finding import images
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Constant, Parameter, Trait
from compiler.pipeline.contract import Record
from compiler.schedule.planner import make_plan
from compiler.schedule.proof import prove_plan
from compiler.schedule.schedule import Kernel, Schedule


@dataclass(frozen=True)
class Side:
    """One of the programs: its name, how it was made, and the value of every node of its final graph."""

    name: str
    source: Graph
    history: Sequence[Record]
    schedule: Schedule
    values: Values = field(repr=False)

    @cached_property
    def images(self) -> Mapping[Node, Node]:
        """What stands for each node of the source; results stand for results, whatever else is known."""
        final = self.schedule.graph
        found = {old: new for old, new in images(final).items() if new.type == old.type}
        return found | dict(zip(self.source.results, final.results, strict=True))

    def value(self, node: Node) -> Array | None:
        """The value of a node of the source; None where nothing stands for it any more."""
        image = self.images.get(node)
        return None if image is None else self.values[image]


def values_of(
    schedule: Schedule, backend: Backend, inputs: Sequence[Array], sizes: Mapping[str, int]
) -> dict[Node, Array]:
    """The value of every node of a schedule's graph for one call. Nobody sees an update.

    The same kernels are run with every member stored and returned, and nothing in place: a map has the same
    bits whether it is stored or not, and no kernel can see what became of another's memory.
    """
    graph = schedule.graph
    computed = tuple(node for node in graph.nodes if not node.op.has(Trait.LEAF))
    shown = Graph(graph.nodes, graph.inputs, computed, (), graph.lineage)
    plan = make_plan(Schedule(shown, tuple(Kernel(item.members) for item in schedule.kernels)))
    prove_plan(plan, "the planner")
    outputs = [
        np.empty([evaluate(extent, sizes) for extent in node.type.shape], node.type.dtype.numpy)
        for node in computed
    ]
    backend.build(plan).run(inputs, sizes, outputs)
    leaves = dict(zip(graph.inputs, inputs, strict=True))
    for node in graph.nodes:
        if isinstance(node.op, Parameter | Constant):
            leaves[node] = node.op.buffer.array.copy()
    return {**leaves, **dict(zip(computed, outputs, strict=True))}
