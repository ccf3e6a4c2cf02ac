"""What is measured for a report: kernels as compiled, each node alone, and the roof of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from compiler.ir.dims import Extent
from compiler.profiling import Profile

ROUNDS: Final = 3
"""How often the programs take turns: a machine that is slow for a while is slow for both."""

_ROWS: Final = 768
_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Roof:
    """What this machine does at best, measured: GFLOP/s of a float32 product, GB/s of a copy (read and
    written).

    Williams, Waterman and Patterson, Roofline (2009).
    """

    gflops: float
    gigabytes_per_second: float


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
            "gflops": round(self.roof.gflops, 2),
            "gigabytes": round(self.roof.gigabytes_per_second, 2),
        }


def roof() -> Roof:
    """The roof of this machine: the best of a few runs, a tenth of a second."""
    left = np.ones((_ROWS, _ROWS), np.float32)
    product, large = np.empty_like(left), np.ones(_BYTES // 4, np.float32)
    copied = np.empty_like(large)
    multiply = _fastest(lambda: np.matmul(left, left, out=product))
    copy = _fastest(lambda: np.copyto(copied, large))
    return Roof(2 * _ROWS**3 / multiply / 1e9, 2 * large.nbytes / copy / 1e9)


def _fastest(run: Callable[[], object], seconds: float = 0.05) -> float:
    run()
    end, best = time.perf_counter() + seconds, float("inf")
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best
