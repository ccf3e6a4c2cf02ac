"""What the NumPy backend makes of each workload, with all passes and with none: kernels, time, memory.

The slab is as large as the plan's formula says; the first call allocates it, the results, and the views and
tile-sized temporaries that every later call uses again; a later call allocates its results.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

from rich.table import Table

from tests.benchmarks.systems import ours

VARIANTS: dict[str, dict[str, Any]] = {"all": {}, "none": {"passes": ()}}
STEPS = 9


def plans_table(workloads: Sequence[str]) -> Table:
    """A row for each workload with all passes and with none."""
    found = Table(title="NumPy backend: kernels and memory", title_justify="left")
    for heading in ("passes", "kernels", "step", "compile", "slab", "first call", "a call"):
        found.add_column(heading, justify="left" if heading == "passes" else "right", no_wrap=True)
    for workload in workloads:
        for name, options in VARIANTS.items():
            found.add_row(f"{workload} {name}", *_cells(workload, options))
    found.caption = "the slab is the plan's formula; the calls are what tracemalloc counts"
    return found


def _cells(workload: str, options: dict[str, Any]) -> list[str]:
    start = time.perf_counter()
    program, arguments = ours.build(workload, backend="numpy", **options)
    compiling = time.perf_counter() - start
    first, later = (_allocated(lambda: program(*arguments)) for _ in range(2))
    seconds = min(_seconds(lambda: program(*arguments)) for _ in range(STEPS))
    kernels = len(program.schedule.kernels)
    slab = f"{program.plan.peak_bytes} B"
    return [str(kernels), f"{seconds * 1e3:.3g} ms", f"{compiling:.2f} s", slab, _size(first), _size(later)]


def _allocated(call: Callable[[], Any]) -> int:
    """The most bytes that a call holds beyond those from before it."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count} B"
