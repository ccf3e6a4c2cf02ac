"""`python -m tests.benchmarks.tricks`: what each trick of the loops is worth, by doing without it.

Each workload is compiled with all tricks, and once more for each trick without that one. A cell is the time
of a step without the trick to that with all of them, the fastest of all calls, on one thread; the programs
take turns in rounds. It is 1 where no kernel has a use for the trick. `--sse2` makes code for any 64-bit x86
processor, which has vectors of 16 bytes and no masked loads and stores.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.jit.cache import ObjectCache
from compiler.backends.llvm.jit.engine import Target, host_target
from compiler.backends.llvm.steps import library, loops
from compiler.loops import pipeline
from tests.benchmarks.systems import ours
from tests.benchmarks.workloads import NAMES

TRICKS: Final = ("collapse", *(trick.name for trick in pipeline.PASSES))
"""What can be left out; chunks are what a call counts."""

Step = Callable[[], Any]


@contextmanager
def without(name: str) -> Generator[None]:
    """Programs that are compiled inside are made without a trick, and share no code with others."""
    tricks = [replace(item, run=_same) if item.name == name else item for item in pipeline.PASSES]
    with (
        TemporaryDirectory() as folder,
        patch.object(pipeline, "PASSES", tricks),
        patch.object(loops, "collapse", (lambda draft: draft) if name == "collapse" else loops.collapse),
        patch.object(library, "_loaded", {}),
        patch.object(library, "default_cache", lambda: ObjectCache(Path(folder))),
    ):
        yield


def _same(kernel: Any, machine: object) -> Any:
    return kernel


def steps_of(workload: str, backend: Llvm) -> dict[str, Step]:
    """A step with all tricks, by the name of none, and one without each."""
    found: dict[str, Step] = {}
    for name in ("", *TRICKS):
        with without(name):
            found[name] = ours.prepare(workload, backend=backend)
            found[name]()
    return found


def measured(steps: dict[str, Step], rounds: int, seconds: float) -> dict[str, float]:
    """Seconds of each step; they take turns."""
    best = dict.fromkeys(steps, math.inf)
    for _ in range(rounds):
        for name, step in steps.items():
            best[name] = min(best[name], _fastest(step, seconds))
    return best


def _fastest(step: Step, seconds: float) -> float:
    """Seconds of the fastest call; there is one at least."""
    best, begin = math.inf, time.perf_counter()
    end, done = begin + seconds, begin
    while done < end:
        step()
        best, begin = min(best, (done := time.perf_counter()) - begin), done
    return best


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tricks", description=__doc__)
    parser.add_argument("--workloads", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.1, help="of a round of one program")
    parser.add_argument("--sse2", action="store_true", help="code for any 64-bit x86 processor")
    options = parser.parse_args()
    tt.set_num_threads(1)
    host = host_target()
    backend = Llvm(Target(host.triple, "x86-64", "+sse2") if options.sse2 else host)
    found = Table(title="Time of a step without a trick, to that with all", title_justify="left")
    for heading in ("step of", "with all", *TRICKS):
        found.add_column(heading, justify="right", no_wrap=True)
    for workload in options.workloads:
        times = measured(steps_of(workload, backend), options.rounds, options.seconds)
        ratios = [f"{times[name] / times['']:.2f}" for name in TRICKS]
        found.add_row(workload, f"{times[''] * 1e6:.1f} us", *ratios)
    Console(width=110).print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
