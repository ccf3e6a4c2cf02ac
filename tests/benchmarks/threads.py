"""`python -m tests.benchmarks.threads`: kernels of growing size on one thread and on two.

Of each kernel the median of a call and its 99th percentile, calls one after the other, and after pauses in
which the workers fall asleep. The number of threads changes every few calls, so that both meet the same
machine. `--from 10` cuts kernels of 10 predicted microseconds already: the crossover shows from where on that
pays, and `PARALLEL_FROM` in `compiler/backends/llvm/steps/launches.py` is above it. Other work hides all
this; under Linux, `chrt -f 5 python -m ...` (as root) keeps it away.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import tinytorch as tt
from compiler.backends.llvm.steps import launches as steps

THREADS = (1, 2)
TURNS = 8
PAUSE = 300e-6
"""Seconds: several times what a worker waits before it sleeps."""

Case = tuple[str, Callable[[], Any]]


@dataclass
class Times:
    """Seconds of every call, by the number of threads."""

    calls: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in THREADS})

    def at(self, percent: float) -> tuple[float, ...]:
        """A percentile for each number of threads."""
        return tuple(float(np.percentile(self.calls[count], percent)) for count in THREADS)


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.threads", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.2, help="of a kernel, a way of calling, threads")
    parser.add_argument("--from", dest="start", type=float, default=None, help="predicted microseconds")
    options = parser.parse_args()
    if options.start is not None:
        steps.PARALLEL_FROM = 1000 * options.start  # type: ignore[misc]  # Final for everybody else
        steps.CHUNK_TIME = 500 * options.start  # type: ignore[misc]  # Final for everybody else
    found = Table(title="Microseconds of a call: one thread, two threads, ratio", title_justify="left")
    found.add_column("kernel", no_wrap=True)
    for heading in ("median", "99th percentile", "median\nafter pauses", "99th percentile\nafter pauses"):
        found.add_column(heading, justify="right", no_wrap=True)
    for name, call in cases():
        times = [measure(call, options.seconds, pause) for pause in (0.0, PAUSE)]
        found.add_row(name, *(_cell(item.at(percent)) for item in times for percent in (50, 99)))
    Console().print(found)
    return 0


def measure(call: Callable[[], Any], seconds: float, pause: float) -> Times:
    """The times of calls, the numbers of threads taking turns."""
    times = Times()
    for _ in range(TURNS):
        for count in THREADS:
            tt.set_num_threads(count)
            for _ in range(3):
                call()
            _calls(call, seconds / TURNS, pause, times.calls[count])
    return times


def _calls(call: Callable[[], Any], seconds: float, pause: float, into: list[float]) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter() + pause
        while time.perf_counter() < start:
            pass
        start = time.perf_counter()
        call()
        into.append(time.perf_counter() - start)


def cases() -> Iterator[Case]:
    """Kernels by name, the small ones of each kind first."""
    for rows in (8, 16, 32, 48, 64, 128, 512, 4096):
        yield _case(f"gelu {rows} x 1000", lambda x: tt.gelu(x, approximate="tanh"), (rows, 1000))
    for count in (1000, 32_000, 64_000, 256_000, 4_000_000):
        yield _case(f"gelu {count}", lambda x: tt.gelu(x, approximate="tanh"), (count,))
    yield _case("gelu 1 x 4000000", lambda x: tt.gelu(x, approximate="tanh"), (1, 4_000_000))
    for rows in (16, 32, 64, 128, 1024):
        yield _case(f"x + 1, {rows} x 1000", lambda x: x + 1.0, (rows, 1000))
    for rows in (32, 64, 128, 256, 1024):
        yield _case(f"softmax {rows} x 512", lambda x: tt.softmax(x, axis=1), (rows, 512))
    for size in (32, 64, 96, 112, 128, 192, 512):
        yield _case(f"product of {size} x {size}", lambda x, y: x @ y, (size, size), (size, size))


def _case(name: str, function: Callable[..., tt.Tensor], *shapes: tuple[int, ...]) -> Case:
    random = np.random.default_rng(0)
    inputs = [tt.input(f"x{k}", shape) for k, shape in enumerate(shapes)]
    program = tt.compile(inputs, function(*inputs), backend="llvm")
    arrays = [random.standard_normal(shape, np.float32) for shape in shapes]
    return name, lambda: program(*arrays)


def _cell(pair: tuple[float, ...]) -> str:
    one, two = pair
    return f"{one * 1e6:.1f} {two * 1e6:.1f} {two / one:4.2f}"


if __name__ == "__main__":
    sys.exit(main())
