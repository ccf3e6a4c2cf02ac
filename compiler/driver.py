"""From a graph to a program: rewrites, schedule, memory plan, backend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Literal, TypeAlias

from compiler.backends.contract import Backend, Executable
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.verify import verify
from compiler.pipeline.contract import Pass, Record
from compiler.pipeline.manager import run_passes
from compiler.program import Program
from compiler.schedule.plan import Plan
from compiler.schedule.planner import make_plan
from compiler.schedule.proof import prove_plan
from compiler.signature import Signature, check_declared
from compiler.structure import Structure

Debug: TypeAlias = bool | Literal["passes", "numbers"]
"""What calls are checked for: nothing; passes and kernels, against the oracle; NaN and infinities; both."""


def compile_graph(
    source: Graph,
    declared: Sequence[Node],
    *,
    structure: Structure,
    passes: Sequence[Pass],
    backend: Backend,
    donate: Iterable[str] = (),
    debug: Debug = False,
) -> Program:
    """The program of a graph, of whose inputs the caller has declared some. Raises what its parts raise."""
    check_declared(source, declared)
    return compile_source(
        source, structure=structure, passes=passes, backend=backend, donate=donate, debug=debug
    )


def compile_source(
    source: Graph,
    *,
    structure: Structure,
    passes: Sequence[Pass],
    backend: Backend,
    donate: Iterable[str],
    debug: Debug = False,
) -> Program:
    """The program of a graph that is complete. What unpickles a program, too."""
    signature = Signature(source.inputs, donate)
    verify(source)
    donated = [node for node in source.inputs if node.name in signature.donated]
    schedule, history = run_passes(source, passes, backend.target, donated)
    plan = make_plan(schedule)
    prove_plan(plan, "the planner")
    again = partial(
        compile_source,
        structure=structure,
        passes=tuple(passes),
        backend=backend,
        donate=tuple(signature.donated),
        debug=debug,
    )
    executable = _checked(debug, backend, plan, source, history) if debug else backend.build(plan)
    return Program(source, plan, history, backend.name, executable, signature, structure, again)


def _checked(
    debug: Debug, backend: Backend, plan: Plan, source: Graph, history: Sequence[Record]
) -> Executable:
    from compiler.debugging.kernels import Checked  # noqa: PLC0415  # modules that only debug mode needs
    from compiler.debugging.numbers import Watched  # noqa: PLC0415  # likewise

    if debug == "numbers":
        return Watched(backend.build(plan), plan)
    return Checked(backend, plan, source, history, watches=debug != "passes")
