"""Measuring functions of tensors: the work of a call, without the recording, and the memory that it takes."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from compiler.errors import ArgumentError
from compiler.ir.numbers import whole_number
from compiler.program import Program
from tinytorch.core.programs import Recording, run
from tinytorch.core.tensor import Tensor
from tinytorch.core.variable import Variable

Work = Callable[[], Any]


def work_of(function: Callable[[Tensor], Any], tensor: Tensor) -> Work:
    """What computes `function(tensor)` anew each time: its program, for a result that is recorded."""
    program = program_of(function, tensor)
    if program is None:
        return lambda: function(tensor)
    compiled, arguments = program
    return lambda: compiled(*arguments)


def program_of(function: Callable[[Tensor], Any], tensor: Tensor) -> tuple[Program, list[Any]] | None:
    """The program of a recorded result and its arguments; None for anything that is computed already."""
    result = function(tensor)
    held = result.data if isinstance(result, Variable) else result
    if not isinstance(held, Tensor) or held.is_computed or held.recorded is None:
        return None
    recording = Recording.of([held.recorded])
    program = run(recording, [held.recorded])[1]
    return program, [value.array for value in recording.values]


def median_seconds(work: Work, iterations: int) -> float:
    """The median time of a call. Raises ArgumentError for less than one iteration."""
    if (whole_number(iterations) or 0) < 1:
        raise ArgumentError(f"a measurement takes at least one iteration, not {iterations!r}")
    work()
    times: list[float] = []
    for _ in range(iterations):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_bytes(work: Work) -> int:
    """The most bytes that a call holds at once beyond those held before, its result among them."""
    work()
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        result = work()
        peak = tracemalloc.get_traced_memory()[1]
        del result
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return max(0, peak - before)
