"""Timed calls: the launches of a binding one after the other, with a clock read natively between them."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.llvm.jit.cache import default_cache
from compiler.backends.llvm.jit.code import Code, External, Int
from compiler.backends.llvm.jit.once import once
from compiler.backends.llvm.jit.routines import load_routines, routine
from compiler.backends.llvm.jit.values import Pointer, Word
from compiler.backends.llvm.run.binding import Binding, address_of
from compiler.backends.llvm.run.driver import driver, patch, run_one
from compiler.backends.llvm.run.python_steps import run_python_step
from compiler.backends.llvm.steps.launches import PythonStep
from compiler.backends.llvm.steps.lowering import Lowered
from compiler.backends.llvm.threads.pool import PARALLEL, parallel_address
from compiler.ir.node import Node

Array: TypeAlias = np.ndarray[Any, Any]

CLOCK: Final[int | None] = getattr(time, "CLOCK_MONOTONIC", None)
"""The number of the C library's clock; None where there is no POSIX clock."""

_read_clock = External("clock_gettime", Int, Int, Pointer)

TimedPart: TypeAlias = Callable[[Binding, Any, int, int], tuple[int, list[int]]]
"""Runs the launches from one to before another on a frame: the driver's answer, and each one's nanoseconds.

What a refusal leaves behind it is not timed.
"""


@routine
def tinytorch_run_timed(
    code: Code, binding: Pointer, frame: Pointer, first: Word, stop: Word, ticks: Pointer
) -> Int:
    """Patch the numbers, then run the launches from `first` to before `stop`, until one refuses.

    Writes seconds and nanoseconds to `ticks`, before the first launch and after each.
    """
    assert CLOCK is not None
    patch(code, binding, frame)
    _read_clock(code, CLOCK, ticks)
    with code.each(stop, first) as launch:
        answer = run_one(code, binding, launch)
        _read_clock(code, CLOCK, ticks.plus((launch - first + 1) * 16))
        with code.when(answer.differs(0)):
            code.give(answer)
    return code.word(0)


def run_timed(lowered: Lowered, binding: Binding, frame: Any, look: Callable[[Node], Array]) -> list[int]:
    """One call: nanoseconds of each kernel of the schedule, and last of the copies.

    The launches between two Python steps run in one native call, as they do untimed.
    """
    spent = [0] * (len(lowered.of_kernel) + 1)
    for segment in binding.segments:
        if isinstance(segment, PythonStep):
            start = time.perf_counter_ns()
            run_python_step(segment, look, binding.sizes)
            spent[lowered.owner(segment)] += time.perf_counter_ns() - start
            continue
        answer, times = timed_part()(binding, frame, *segment)
        if answer != 0:
            lowered.raise_refusal(look, binding.sizes)
        for step, taken in zip(binding.makers[slice(*segment)], times, strict=True):
            spent[lowered.owner(step)] += taken
    return spent


class NativeClock:
    """Times launches by native code. A reading takes some 30 ns, and is part of the launch before it."""

    def __init__(self) -> None:
        imports = {PARALLEL: parallel_address()}
        self._library = load_routines([tinytorch_run_timed], default_cache(), imports)
        words = [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 2 + [ctypes.c_void_p]
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *words)
        self._run: Callable[..., int] = prototype(self._library[tinytorch_run_timed.name])

    def __call__(self, binding: Binding, frame: Any, first: int, stop: int) -> tuple[int, list[int]]:
        """As `TimedPart` says."""
        ticks = np.zeros((stop - first + 1, 2), np.int64)
        frame_at = ctypes.addressof(frame)
        answer = self._run(binding.address, frame_at, first, stop, address_of(ticks))
        return answer, np.diff(ticks @ np.array([10**9, 1])).tolist()


class PythonClock:
    """Times launches from Python, where there is no POSIX clock: each with the microsecond of its call."""

    def __init__(self, run_part: Callable[..., int]) -> None:
        self._run_part = run_part

    def __call__(self, binding: Binding, frame: Any, first: int, stop: int) -> tuple[int, list[int]]:
        """As `TimedPart` says."""
        spent: list[int] = []
        answer = 0
        while answer == 0 and first < stop:
            start = time.perf_counter_ns()
            answer = self._run_part(binding.address, frame, first, first + 1)
            spent.append(time.perf_counter_ns() - start)
            first += 1
        return answer, spent


@once
def timed_part() -> TimedPart:
    """Runs a part with the best clock of this system."""
    return PythonClock(driver().run_part) if CLOCK is None else NativeClock()
