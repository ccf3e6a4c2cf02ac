"""Measures this machine by NumPy, where there is no native code: by one thread, but for its products."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.speed.machine import Level, MeasuredMachine
from compiler.speed.processor import cache_sizes, processor_name

Array: TypeAlias = np.ndarray[Any, Any]

SECONDS: Final = 0.02
"""For how long each thing is done again; the fastest time counts."""

MOST: Final = 2**26
"""Bytes of what stands for memory."""

ROWS: Final = 256
"""Of matrices that are multiplied."""

ELEMENTS: Final = 2048
"""Of an array that lies in the first cache."""


def measure() -> MeasuredMachine:
    """Measures, in half a second."""
    few = np.ones(1, np.float32)
    many, image = np.linspace(-3, 3, ELEMENTS, dtype=np.float32), np.empty(ELEMENTS, np.float32)
    memory = np.ones(MOST // 4, np.int32)
    caches = cache_sizes()
    names = [*(f"L{place + 1}" for place in range(len(caches))), "memory"]
    sizes = zip(names, (*caches, math.inf), (*(size // 2 for size in caches), MOST), strict=True)
    return MeasuredMachine(
        processor=processor_name(),
        measured_by="numpy",
        threads=1,
        vector_bits=0,
        levels=tuple(_level(name, holds, memory[: size // 4]) for name, holds, size in sizes),
        flops32=_flops(np.float32),
        flops64=_flops(np.float64),
        vectors=math.nan,
        scalars=math.nan,
        divisions32=ELEMENTS / _fastest(lambda: np.divide(3, many, out=image)),
        divisions64=math.nan,
        exponentials=ELEMENTS / _fastest(lambda: np.exp(many, out=image)),
        picks=math.nan,
        latency=math.nan,
        launch=_fastest(lambda: np.negative(few, out=few)),
        handing=math.nan,
    )


@cache
def known_machine() -> MeasuredMachine:
    """What was measured first in this process."""
    return measure()


def _level(name: str, holds: float, part: Array) -> Level:
    read, write = part.nbytes / _fastest(part.max), part.nbytes / _fastest(lambda: part.fill(1))
    return Level(name, holds, read, write, math.nan, math.nan)


def _flops(dtype: Any) -> float:
    left = np.ones((ROWS, ROWS), dtype)
    result = np.empty_like(left)
    return 2 * ROWS**3 / _fastest(lambda: np.matmul(left, left, out=result))


def _fastest(run: Callable[[], object]) -> float:
    """Seconds of the fastest run."""
    run()
    end, best = time.perf_counter() + SECONDS, math.inf
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best
