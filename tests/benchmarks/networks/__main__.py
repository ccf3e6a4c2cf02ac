"""`python -m tests.benchmarks.networks`: training steps of networks beside PyTorch, torch.compile and JAX.

Each system runs in a process of its own, and they take turns in rounds; a time is that of the fastest step,
the ratio is ours to the fastest peer. What the first steps computed is compared. The first call builds,
compiles and runs once, with empty caches. `--threads 1 2` gives every system one thread and one processor,
then two. With one thread a time is that of the processor, which machines that are shared change less.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.benchmarks.__main__ import NEEDS, Worker, disagreement, run, time_text
from tests.benchmarks.networks.models import MODELS

OURS: Final = "ours"
SYSTEMS: Final = (OURS, "torch_eager", "torch_compile", "jax_jit")

DROPOUT_TOLERANCE: Final = 0.25
"""Of losses that depend on what each system has drawn; the tests compare steps without dropout."""


def main() -> None:
    """Prints a table for each number of threads."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.networks", description=__doc__)
    parser.add_argument("--workloads", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="of every system")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round")
    given = parser.parse_args()
    console = Console(width=120)
    systems = [name for name in given.systems if find_spec(NEEDS[name]) is not None]
    for threads in given.threads:
        table = Table("", *systems, "ratio", *(f"first call, {name}" for name in systems))
        table.title = f"{threads} thread{'s' if threads > 1 else ''}"
        for workload in given.workloads:
            with tempfile.TemporaryDirectory() as folder:
                environment = _environment(Path(folder), threads)
                workers = run(workload, systems, given.rounds, given.seconds, console, threads, environment)
            table.add_row(workload, *_cells(systems, workers))
            said = disagreement(workers, DROPOUT_TOLERANCE if MODELS[workload]().dropout else 1e-3)
            if said:
                console.print(f"[red]{workload}: {said}[/red]")
        console.print(table)


def _environment(folder: Path, threads: int) -> dict[str, str]:
    """Empty caches, and XLA's threads, which do not follow from the processors of a process alone."""
    found = {**os.environ, "XDG_CACHE_HOME": str(folder), "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
    if threads == 1:
        found["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return found


def _cells(systems: list[str], workers: list[Worker]) -> list[str]:
    """Steps, the ratio and first calls; nothing for a system that stopped."""
    found = {worker.system: worker for worker in workers}
    peers = [worker.least for worker in workers if worker.system != OURS]
    ratio = f"{found[OURS].least / min(peers):.2f}" if OURS in found and peers else ""
    steps = [time_text(found[name].least) if name in found else "" for name in systems]
    return [*steps, ratio, *(time_text(found[name].first_call) if name in found else "" for name in systems)]


if __name__ == "__main__":
    main()
