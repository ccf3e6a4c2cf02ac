"""`python -m tests.benchmarks`: the table of step times and ratios.

A step is the median of a round, in the best round, and the ratio is to the fastest system that is not ours.
The first call compiles too; the start is all from the first import to the first result. `--plans` adds what
our NumPy backend makes of each workload: kernels, and memory as planned and as measured.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.plans import plans_table
from tests.benchmarks.workloads import NAMES

NEEDS = {
    "ours": "tinytorch", "ours_unfused": "llvmlite", "numpy_backend": "tinytorch",
    "numpy_unfused": "tinytorch", "numpy_by_hand": "numpy", "torch_eager": "torch",
    "torch_compile": "torch", "jax_jit": "jax", "pytensor_numba": "pytensor", "pytensor_c": "pytensor",
}  # fmt: skip
"""Systems, and what must be installed for each."""

OURS = ("ours", "ours_unfused", "numpy_backend", "numpy_unfused")


@dataclass
class Worker:
    """A system at work on a workload."""

    system: str
    process: subprocess.Popen[str]
    start: dict[str, Any] = field(default_factory=dict)
    rounds: list[float] = field(default_factory=list)
    least: float = math.inf
    peak_memory: int = 0

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.system} stopped with status {self.process.wait()}")
        return json.loads(line)

    def round(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("round\n")
        self.process.stdin.flush()
        answer = self.read()
        self.rounds.append(answer["seconds"])
        self.least = min(self.least, answer["least"])
        self.peak_memory = int(answer["peak_memory"])

    @property
    def best(self) -> float:
        return min(self.rounds)

    @property
    def first_call(self) -> float:
        """Seconds to build, compile and call once."""
        return self.start["prepare_seconds"] + self.start["first_call_seconds"]


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--workloads", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--systems", nargs="+", default=list(NEEDS), choices=list(NEEDS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round")
    parser.add_argument("--plans", action="store_true", help="also kernels and memory of the NumPy backend")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    options = parser.parse_args()
    systems = [name for name in options.systems if find_spec(NEEDS[name]) is not None]
    console = Console()
    figures = {}
    for workload in options.workloads:
        workers = run(workload, systems, options.rounds, options.seconds, console)
        console.print(table(workload, workers))
        figures[workload] = {item.system: _figures(item) for item in workers}
    if options.plans:
        console.print(plans_table(options.workloads))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def run(
    workload: str, systems: list[str], rounds: int, seconds: float, console: Console, threads: int = 0,
    environment: Mapping[str, str] | None = None,
) -> list[Worker]:  # fmt: skip
    """All systems on one workload: started one after the other, then timed in interleaved rounds."""
    workers: list[Worker] = []
    for system in systems:
        words = [system, workload, str(seconds), str(threads)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.worker", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        worker = Worker(system, process)
        try:
            worker.start = worker.read()
        except RuntimeError as error:
            console.print(f"[red]{workload}: {error}[/red]")
            continue
        workers.append(worker)
    for _ in range(rounds):
        for worker in workers:
            worker.round()
    for worker in workers:
        worker.process.communicate()
    return workers


def table(workload: str, workers: list[Worker]) -> Table:
    """Step times, and ratios to the fastest system that is not ours."""
    peers = [item.best for item in workers if item.system not in OURS]
    fastest = min(peers, default=math.nan)
    found = Table(title=f"{workload}: one step", title_justify="left")
    for heading in ("system", "step", "spread", "ratio", "first call", "start", "memory"):
        found.add_column(heading, justify="left" if heading == "system" else "right", no_wrap=True)
    for item in sorted(workers, key=lambda item: item.best):
        spread = max(item.rounds) / item.best - 1
        found.add_row(
            item.system, time_text(item.best), f"{spread:.0%}", f"{item.best / fastest:.2f}",
            time_text(item.first_call), time_text(item.start["total_seconds"]),
            f"{item.peak_memory / 1e6:.0f} MB",
        )  # fmt: skip
    found.caption = disagreement(workers)
    return found


def disagreement(workers: list[Worker], tolerance: float = 1e-3) -> str | None:
    """What each system computed in its first steps, where these are not the same."""
    values = [item.start["values"] for item in workers]
    if all(max(step) - min(step) <= tolerance * max(map(abs, step)) for step in zip(*values, strict=True)):
        return None
    said = (
        f"{item.system} {', '.join(f'{value:.6g}' for value in item.start['values'])}" for item in workers
    )
    return "the systems disagree: " + "; ".join(said)


def _figures(item: Worker) -> dict[str, object]:
    median = statistics.median(item.rounds)
    return {
        "best": item.best,
        "median": median,
        "rounds": item.rounds,
        "peak_memory": item.peak_memory,
        **item.start,
    }


def time_text(seconds: float) -> str:
    """With three digits, in the unit that fits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


if __name__ == "__main__":
    sys.exit(main())
