"""What is measured for a report: kernels as compiled, each node alone, and the roof of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np

from compiler.analysis.cost import Cost
from compiler.ir.dims import Extent
from compiler.profiling import Profile, Timing

ROUNDS: Final = 3
"""How often the programs take turns: a machine that is slow for a while is slow for both."""

_SHORTEST: Final = 1.0
"""Microseconds of a kernel that says something about the machine: less is near the clock's own time."""

_ROWS: Final = (64, 128, 256, 512)
_BYTES: Final = (2**14, 2**18, 2**22, 2**26)
"""Sizes of what is copied: from the first cache to memory."""


@dataclass(frozen=True, slots=True)
class Roof:
    """What this machine does at best, measured: products of float32 matrices, and copies by their size.

    Williams, Waterman and Patterson, Roofline (2009), with a roof for each cache.
    """

    gflops: float
    gigabytes_per_second: tuple[tuple[int, float], ...]
    """Bytes read and written together, from few to many, and how many of them a second."""

    def least_seconds(self, cost: Cost) -> float:
        """The shortest time in which this machine does what costs so much: that of its flops or its bytes.

        What is small enough lies in a cache, which has a roof of its own. The cost holds numbers.
        """
        moved = _number(cost.bytes_moved)
        rate = next((rate for size, rate in self.gigabytes_per_second if moved <= size), None)
        rate = self.gigabytes_per_second[-1][1] if rate is None else rate
        return max(_number(cost.flops) / self.gflops, moved / rate) / 1e9

    def raised(self, factor: float) -> Roof:
        """A roof so many times as high."""
        rates = tuple((size, factor * rate) for size, rate in self.gigabytes_per_second)
        return Roof(factor * self.gflops, rates)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "gflops": round(self.gflops, 2),
            "gigabytes": [[size, round(rate, 2)] for size, rate in self.gigabytes_per_second],
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """The profile of a program, that of its graph with a kernel for each node, and the machine's roof."""

    profile: Profile
    unfused: Profile
    unfused_peak: Extent
    """The slab that it would take, a polynomial."""
    roof: Roof

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "call": round(self.profile.call_microseconds, 3),
            "calls": self.profile.calls,
            "copies": round(self.profile.copies.microseconds, 3),
            "unfused_call": round(self.unfused.call_microseconds, 3),
            "unfused_kernels": len(self.unfused.kernels),
            "sizes": dict(self.profile.sizes),
            **self.roof.to_dict(),
        }


def roof(timings: Iterable[Timing] = ()) -> Roof:
    """The roof of this machine: the best of many runs, some tenths of a second, and of what kernels reached.

    What fits into a cache is moved at least as fast as what does not.
    """
    known = [item for item in timings if item.fastest >= _SHORTEST]
    flops = [_number(item.cost.flops) / item.fastest / 1e3 for item in known]
    moved = [(_number(item.cost.bytes_moved), item.fastest) for item in known]
    rates: list[float] = []
    for smaller, size in reversed([*pairwise((0, *_BYTES))]):
        reached = [count / spent / 1e3 for count, spent in moved if count > 2 * smaller]
        rates.append(max([_copy(size), *reached, *rates]))
    sizes = (2 * size for size in _BYTES)
    return Roof(max([*map(_product, _ROWS), *flops]), tuple(zip(sizes, rates[::-1], strict=True)))


@cache
def machine_roof() -> Roof:
    """The roof of this machine, measured once a process."""
    return roof()


def _number(count: Extent) -> int:
    return count if isinstance(count, int) else 0


def _product(rows: int) -> float:
    left = np.ones((rows, rows), np.float32)
    result = np.empty_like(left)
    return 2 * rows**3 / _fastest(lambda: np.matmul(left, left, out=result)) / 1e9


def _copy(size: int) -> float:
    source = np.ones(size // 4, np.float32)
    copied = np.empty_like(source)
    return 2 * size / _fastest(lambda: np.copyto(copied, source)) / 1e9


def _fastest(run: Callable[[], object], seconds: float = 0.05) -> float:
    run()
    end, best = time.perf_counter() + seconds, float("inf")
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best
