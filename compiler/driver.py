"""From a graph to a program: rewrites, schedule, memory plan, backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

from compiler.backends.contract import Backend, Executable
from compiler.ir.collecting import collector_at_rest
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """How a graph is compiled. `donate` names the inputs whose arrays a call may write over."""

    passes: Sequence[Pass]
    backend: Backend
    donate: Sequence[str] = ()
    debug: Debug = False


def compile_graph(
    source: Graph, declared: Sequence[Node], structure: Structure, options: CompileOptions
) -> Program:
    """The program of a graph, of whose inputs the caller has declared some. Raises what its parts raise."""
    check_declared(source, declared)
    return compile_source(source, structure, options)


@collector_at_rest()
def compile_source(source: Graph, structure: Structure, options: CompileOptions) -> Program:
    """The program of a graph that is complete, whose outputs are returned in a structure."""
    backend = options.backend
    signature = Signature(source.inputs, options.donate)
    verify(source)
    donated = [node for node in source.inputs if node.name in signature.donated]
    schedule, history = run_passes(source, options.passes, backend.target, donated)
    plan = make_plan(schedule)
    prove_plan(plan, "the planner")
    again = partial(_anew, structure, replace(options, passes=tuple(options.passes)))
    executable = _checked(options, plan, source, history) if options.debug else backend.build(plan)
    return Program(source, plan, history, backend.name, executable, signature, structure, again)


def _anew(
    structure: Structure,
    options: CompileOptions,
    source: Graph,
    passes: Sequence[Pass] | None = None,
    arranged: Structure | None = None,
) -> Program:
    """The program of another graph, as this one was compiled. What unpickles a program, too.

    One whose results are arranged in another way has other inputs too, of which none is donated.
    """
    chosen = options if passes is None else replace(options, passes=passes)
    if arranged is None:
        return compile_source(source, structure, chosen)
    return compile_source(source, arranged, replace(chosen, donate=()))


def _checked(options: CompileOptions, plan: Plan, source: Graph, history: Sequence[Record]) -> Executable:
    from compiler.debugging.kernels import Checked  # noqa: PLC0415  # modules that only debug mode needs
    from compiler.debugging.numbers import Watched  # noqa: PLC0415  # likewise

    if options.debug == "numbers":
        return Watched(options.backend.build(plan), plan)
    return Checked(options.backend, plan, source, history, watches=options.debug != "passes")
