"""From a graph to a program: rewrites, schedule, backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compiler.backends.contract import Backend
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.verify import verify
from compiler.pipeline.contract import Pass
from compiler.pipeline.manager import run_passes
from compiler.program import Program
from compiler.signature import Signature, check_declared
from compiler.structure import Structure


def compile_graph(
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    updates: Iterable[tuple[Node, Node]],
    *,
    structure: Structure,
    passes: Sequence[Pass],
    backend: Backend,
    donate: Iterable[str] = (),
) -> Program:
    """The program that computes `outputs` and writes `updates`. Raises what the checks of its parts raise."""
    signature = Signature(inputs, donate)
    source = Graph.of(outputs, updates, inputs)
    check_declared(source, inputs)
    verify(source)
    donated = [node for node in inputs if node.name in signature.donated]
    schedule, history = run_passes(source, passes, backend.target, donated)
    return Program(source, schedule, history, backend, signature, structure)
