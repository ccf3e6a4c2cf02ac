"""A plugin as a stranger writes it: an op, a pass, a backend and a renderer, in a value named PLUGIN."""

from __future__ import annotations

from dataclasses import dataclass

import tinytorch as tt
from compiler.backends.reference import Interpreter, Reference
from compiler.ir.graph import Graph
from compiler.ir.node import Origin, make_node
from compiler.ir.op import MapReduce
from compiler.pipeline.contract import Action, Report
from compiler.schedule.plan import Plan
from compiler.schedule.target import Target

snake = tt.elementwise("snake", lambda x, *, a=1.0: x + tt.sin(a * x) ** 2 / a)
"""Ziyin, Hartwig and Ueda, Neural Networks Fail to Learn Periodic Functions (2020), equation 2."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Names every nameless map after itself, and says so."""

    prefix: str = "seen"

    @property
    def name(self) -> str:
        return "sign"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with names; itself where there is nothing to name."""
        found = tuple(node for node in graph.nodes if isinstance(node.op, MapReduce) and node.name is None)
        if not found:
            return graph, Report()
        chosen = set(found)
        new = graph.rebuilt(
            lambda node, operands: (
                node
                if node not in chosen and operands == node.operands
                else make_node(
                    node.op,
                    operands,
                    f"{self.prefix}.{node.op.name}" if node in chosen else node.name,
                    Origin(node.origin.source, self.name, "", node),
                )
            )
        )
        return new, Report(tuple(Action((node,), f"named after {node.op.name}") for node in found))


class Counting:
    """The oracle, counting what it builds."""

    name = "counting"
    target = Target()

    def __init__(self) -> None:
        self.built = 0

    def build(self, plan: Plan) -> Interpreter:
        """An executable of the oracle's."""
        self.built += 1
        return Reference().build(plan)


class Lines:
    """A graph as a list of names, for files that end in `.lines`."""

    name = "lines"
    suffix = ".lines"

    def render(self, graph: Graph) -> str:
        """One line for each node."""
        return "".join(f"{node.name or node.op.name}: {node.type}\n" for node in graph.nodes)


PLUGIN = tt.Plugin("stranger", ops=(snake,), passes=(Sign(),), backends=(Counting(),), renderers=(Lines(),))
