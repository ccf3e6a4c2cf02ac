"""One system and one workload in a process of its own: prepares, then times a round a line that it reads.

Prints one JSON object a line: first the seconds from its first import to the first result, those of the first
call, what the first steps gave, and the memory; then for each round the median and the least seconds of a
step. Of a number of threads it has as many processors, which every system takes for its number of threads;
with one thread seconds are those of the processor, so that others who wait for it do not count.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.settling import SLEEPING_SOON, settle

MOST_STEPS = 200_000
COMPARED_STEPS = 4


def main(system: str, workload: str, seconds: float, threads: int = 0) -> None:
    """Serves rounds until standard input ends."""
    if threads and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    os.environ.update(SLEEPING_SOON)
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    module = importlib.import_module(f"tests.benchmarks.systems.{system}")
    imported = clock()
    step = module.prepare(workload)
    prepared = clock()
    first = _number(step())
    done = clock()
    _say(
        import_seconds=imported - start, prepare_seconds=prepared - imported,
        first_call_seconds=done - prepared, total_seconds=done - start,
        values=[first, *(_number(step()) for _ in range(1, COMPARED_STEPS))], peak_memory=_peak_memory(),
    )  # fmt: skip
    for _ in sys.stdin:
        times = _round(step, seconds, clock)
        settle()
        _say(seconds=statistics.median(times), least=min(times), peak_memory=_peak_memory())


def _round(step: Any, seconds: float, clock: Callable[[], float]) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and len(times) < MOST_STEPS:
        start = clock()
        step()
        times.append(clock() - start)
    return times


def _number(result: Any) -> float:
    """A number that tells whether systems compute the same: the mean of the first result."""
    first = result[0] if isinstance(result, tuple | list) else result
    return float(first.mean() if getattr(first, "shape", ()) else first)


def _peak_memory() -> int:
    """The most bytes that the process has held; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    row = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(row.split()[1]) * 1024


def _say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), *map(int, sys.argv[4:]))
