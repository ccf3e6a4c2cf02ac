"""Runs passes in order, verifies the laws after each, and keeps the history."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

from compiler.errors import PassError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.verify import verify
from compiler.pipeline.contract import History, Pass, Record, Report, RewritingPass, SchedulingPass
from compiler.rewrite.lineage import traced
from compiler.schedule.frame import called
from compiler.schedule.proof import prove_schedule
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target
from compiler.schedule.verify import verify_schedule


def run_passes(
    graph: Graph, passes: Sequence[Pass], target: Target, donated: Iterable[Node] = ()
) -> tuple[Schedule, History]:
    """The schedule of the rewritten graph, and a record for each pass.

    `donated` are the inputs whose arrays may be written over. All rewriting passes come before the first
    scheduling pass. Raises PassError naming a pass that fails, LawError naming one whose result breaks a law.
    """
    rewriting, scheduling = _by_kind(passes)
    records: list[Record] = []
    for item in rewriting:
        graph = _rewrite(item, graph, target, records)
    schedule = Schedule.of(graph, donated)
    for item in scheduling:
        schedule = _schedule(item, schedule, target, records)
    return schedule, History(records)


def _by_kind(passes: Sequence[object]) -> tuple[list[RewritingPass], list[SchedulingPass]]:
    """The passes, asked for what they are once: that a protocol is kept takes longer than many a pass."""
    rewriting: list[RewritingPass] = []
    scheduling: list[SchedulingPass] = []
    for item in passes:
        if isinstance(item, RewritingPass) and not isinstance(item, type):
            if scheduling:
                last = scheduling[-1].name
                raise PassError(
                    f"{item.name} rewrites the graph and cannot come after {last}, which schedules it"
                )
            rewriting.append(item)
        elif isinstance(item, SchedulingPass) and not isinstance(item, type):
            scheduling.append(item)
        else:
            raise PassError(f"{item!r} is no pass: it has neither `rewrite` nor `schedule`")
    return rewriting, scheduling


def _rewrite(item: RewritingPass, graph: Graph, target: Target, records: list[Record]) -> Graph:
    start = time.perf_counter()
    after, report = _run(item.name, item.rewrite, graph, target)
    if after is not graph:
        after = traced(graph, after)
        _check_interface(item.name, graph, after)
        verify(after, f"pass {item.name}")
    records.append(Record(item.name, graph, after, report, time.perf_counter() - start))
    return after


def _schedule(item: SchedulingPass, schedule: Schedule, target: Target, records: list[Record]) -> Schedule:
    start = time.perf_counter()
    after, report = _run(item.name, item.schedule, schedule, target)
    if after.graph is not schedule.graph:
        raise PassError(f"pass {item.name} schedules another graph than the one it was given")
    if after is not schedule:
        verify_schedule(after, f"pass {item.name}")
        prove_schedule(after, f"pass {item.name}")
    records.append(Record(item.name, schedule, after, report, time.perf_counter() - start))
    return after


Kind = TypeVar("Kind", Graph, Schedule)


def _run(
    name: str, method: Callable[[Kind, Target], tuple[Kind, Report]], before: Kind, target: Target
) -> tuple[Kind, Report]:
    """What a pass returns. Raises PassError naming it where it fails, or returns something else."""
    try:
        result: Any = method(before, target)
    except PassError:
        raise
    except Exception as error:
        raise PassError(f"pass {name} failed: {type(error).__name__}: {error}") from error
    kinds = (type(before), Report)
    if not isinstance(result, tuple) or tuple(map(type, cast("tuple[Any, ...]", result))) != kinds:
        raise PassError(f"pass {name} returns {result!r} and promises a {kinds[0].__name__} and a Report")
    return cast("tuple[Kind, Report]", result)


def _check_interface(name: str, before: Graph, after: Graph) -> None:
    """A rewrite keeps the inputs, the parameters that are updated, and the types of all results."""
    if before.inputs != after.inputs:
        raise PassError(f"pass {name} changed the inputs: {_shown(before.inputs, after.inputs)}")
    old, new = ([parameter for parameter, _ in graph.updates] for graph in (before, after))
    if old != new:
        raise PassError(f"pass {name} changed what is updated: {_shown(old, new)}")
    if len(before.outputs) != len(after.outputs):
        raise PassError(f"pass {name} changed the outputs: {_shown(before.outputs, after.outputs)}")
    for place, (one, other) in enumerate(zip(before.results, after.results, strict=True)):
        if one.type != other.type:
            update = place - len(before.outputs)
            what = f"output {place}" if update < 0 else f"the update of {called(old[update])}"
            raise PassError(f"pass {name} changed the type of {what}: {one.type} became {other.type}")


def _shown(before: Sequence[Node], after: Sequence[Node]) -> str:
    """Two lists of nodes, as one became the other."""
    left, right = (", ".join(map(called, nodes)) or "nothing" for nodes in (before, after))
    return f"{left} became {right}" + (", another node" if left == right else "")
