"""A program's results against the oracle's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compiler.analysis.extents import bind_sizes
from compiler.backends.contract import Backend
from compiler.backends.reference import run as run_reference
from compiler.debugging.margins import disagreement, margins
from compiler.errors import LawError, PassError
from compiler.ir.graph import Graph
from compiler.ir.node import describe
from compiler.ir.numbers import is_floating
from compiler.ir.op import Constant, Parameter
from compiler.pipeline.contract import Pass
from tinytorch import api
from tinytorch.testing.failure import CheckFailed
from tinytorch.testing.programs import TestProgram

CALLS = 2
"""How often each program is called: what the first call returned must survive the second."""


def check_program(name: str, program: TestProgram, passes: Sequence[Pass], backend: Backend | str) -> None:
    """Runs a program under passes on a backend, twice, and compares outputs and parameters with the oracle's.

    Raises CheckFailed naming the program, the result and the first element that is wrong. What the compiler
    or a pass raises is raised with the program's name before it.
    """
    try:
        _check(name, program, passes, backend)
    except CheckFailed:
        raise
    except (LawError, PassError) as error:
        kind = LawError if isinstance(error, LawError) else PassError
        raise kind(f"{name}: {error}") from error
    except Exception as error:
        raise CheckFailed(f"{name}: {type(error).__name__}: {error}") from error


def _check(name: str, program: TestProgram, passes: Sequence[Pass], backend: Backend | str) -> None:
    compiled = api.compile(
        program.inputs, program.outputs, updates=program.updates, passes=passes, backend=backend
    )
    graph = compiled.source_graph
    arguments = [array.copy() for array in program.data]
    answers: list[tuple[list[Any], list[Any], list[float]]] = []
    for _ in range(CALLS):
        expected, allowed = _expected(graph, program.data)
        results = compiled(*arguments)
        answers.append((results, expected[: len(results)], allowed))
        updated = [_buffer(parameter) for parameter, _ in graph.updates]
        _compare(name, graph, updated, expected[len(results) :], allowed, len(results))
    for results, expected, allowed in answers:
        _compare(name, graph, results, expected, allowed, 0)
    for node, array, original in zip(graph.inputs, arguments, program.data, strict=True):
        if not np.array_equal(array, original, equal_nan=is_floating(array.dtype)):
            raise CheckFailed(f"{name}: the caller's array for {describe(node)} was changed")


def _expected(graph: Graph, data: Sequence[Any]) -> tuple[list[Any], list[float]]:
    leaves: dict[Any, Any] = dict(zip(graph.inputs, data, strict=True))
    for node in graph.nodes:
        if isinstance(node.op, Parameter | Constant):
            leaves[node] = node.op.buffer.array.copy()
    sizes = bind_sizes(graph.inputs, [array.shape for array in data])
    values = run_reference(graph, leaves, sizes)
    found = margins(graph, values)
    return [values[node].copy() for node in graph.results], [found[node] for node in graph.results]


def _buffer(node: Any) -> Any:
    return node.op.buffer.array.copy()


def _compare(
    name: str,
    graph: Graph,
    found: Sequence[Any],
    expected: Sequence[Any],
    allowed: Sequence[float],
    first: int,
) -> None:
    for place, (array, right) in enumerate(zip(found, expected, strict=True)):
        reason = disagreement(array, right, allowed[first + place])
        if reason is not None:
            node = graph.results[first + place]
            raise CheckFailed(f"{name}: {describe(node)} is wrong: {reason}")
