"""Timed calls: the launches of a binding one after the other, with a clock read natively between them."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.llvm.jit.cache import compiled, default_cache
from compiler.backends.llvm.jit.engine import Library, host_target
from compiler.backends.llvm.lowering import Lowered
from compiler.backends.llvm.run.binding import Binding, address_of
from compiler.backends.llvm.run.python_steps import run_python_step
from compiler.backends.llvm.steps import PythonStep
from compiler.ir.node import Node

Array: TypeAlias = np.ndarray[Any, Any]

CLOCK: Final[int | None] = getattr(time, "CLOCK_MONOTONIC", None)
"""The number of the C library's clock; None where there is no POSIX clock."""

EXPORT: Final = "tinytorch_run_timed"

TIMING_IR = f"""
declare i32 @clock_gettime(i32, ptr)

; Runs the launches from `first` to before `stop` of a binding, each by `part`, which is tinytorch_run_part.
; Writes seconds and nanoseconds to `ticks`, before the first and after each. Ends where `part` refuses.
define i32 @{EXPORT}(ptr %part, ptr %binding, ptr %frame, i64 %first, i64 %stop, ptr %ticks)
    nounwind {{
entry:
  %begun = call i32 @clock_gettime(i32 {CLOCK}, ptr %ticks)
  br label %head
head:
  %launch = phi i64 [ %first, %entry ], [ %next, %run ]
  %at = phi ptr [ %ticks, %entry ], [ %tick, %run ]
  %answer = phi i32 [ 0, %entry ], [ %status, %run ]
  %accepted = icmp eq i32 %answer, 0
  %more = icmp slt i64 %launch, %stop
  %going = and i1 %accepted, %more
  br i1 %going, label %run, label %done
run:
  %next = add i64 %launch, 1
  %tick = getelementptr i64, ptr %at, i64 2
  %status = call i32 %part(ptr %binding, ptr %frame, i64 %launch, i64 %next)
  %ended = call i32 @clock_gettime(i32 {CLOCK}, ptr %tick)
  br label %head
done:
  ret i32 %answer
}}
"""

TimedPart: TypeAlias = Callable[[Binding, Any, int, int], tuple[int, list[int]]]
"""Runs the launches from one to before another on a frame: the driver's answer, and each one's nanoseconds.

What a refusal leaves behind it is not timed.
"""


def run_timed(
    lowered: Lowered, binding: Binding, frame: Any, look: Callable[[Node], Array], part: TimedPart
) -> list[int]:
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
        answer, times = part(binding, frame, *segment)
        if answer != 0:
            lowered.raise_refusal(look, binding)
        for step, taken in zip(binding.makers[slice(*segment)], times, strict=True):
            spent[lowered.owner(step)] += taken
    return spent


class NativeClock:
    """Times launches by native code. A reading takes some 30 ns, and is part of the launch before it."""

    def __init__(self, run_part: int) -> None:
        self._run_part = run_part
        self._library = Library(compiled(TIMING_IR, host_target(), default_cache()), [EXPORT])
        words = [ctypes.c_void_p] * 3 + [ctypes.c_int64] * 2 + [ctypes.c_void_p]
        self._run: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_int32, *words)(self._library[EXPORT])

    def __call__(self, binding: Binding, frame: Any, first: int, stop: int) -> tuple[int, list[int]]:
        """As `TimedPart` says."""
        ticks = np.zeros((stop - first + 1, 2), np.int64)
        frame_at = ctypes.addressof(frame)
        answer = self._run(self._run_part, binding.address, frame_at, first, stop, address_of(ticks))
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
