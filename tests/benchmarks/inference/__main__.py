"""`python -m tests.benchmarks.inference`: networks in ONNX files beside ONNX Runtime and OpenVINO.

Each system reads the same file in a process of its own, computes in float32, and they take turns in rounds; a
time is that of the fastest call, the ratio is ours to the fastest peer. What the first calls gave is
compared. `--threads 1 2` gives every system one thread and one processor, then two; with one thread a time is
that of the processor.
`--start` measures fresh processes to their first result instead: ours with empty caches and with full ones.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.benchmarks.__main__ import Worker, disagreement, run, time_text
from tests.benchmarks.inference.models import NETWORKS, OPEN

SYSTEMS: Final = {"imported": "onnx", "onnx_runtime": "onnxruntime", "open_vino": "openvino"}
"""Modules of `tests.benchmarks.systems`, ours first, and what must be installed for each."""

OURS: Final = next(iter(SYSTEMS))

BATCHES: Final = {"mlp": (1, 8, 64, 512), "wide": (1, 8, 64, 512), "lenet": (1, 64)}

STARTED: Final = ("deep", "cnn")


def main() -> None:
    """Prints a table for each number of threads, or one of starts."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.inference", description=__doc__)
    parser.add_argument("--networks", nargs="+", default=list(BATCHES), choices=list(BATCHES))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 64, 512])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="of every system")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="of one round")
    parser.add_argument("--start", action="store_true", help="fresh processes to their first result")
    given = parser.parse_args()
    console = Console(width=120)
    systems = [name for name, module in SYSTEMS.items() if find_spec(module) is not None]
    for threads in given.threads:
        title = f"{threads} thread{'s' if threads > 1 else ''}"
        if given.start:
            console.print(_starts(title, systems, threads, given.rounds, console))
            continue
        table = Table("", *systems, "ratio", title=title)
        for name in given.networks:
            for batch in sorted(set(given.batches).intersection(BATCHES[name])):
                for is_open in (False, True):
                    workers = _raced(
                        systems, name, batch, is_open, threads, given.rounds, given.seconds, console
                    )
                    table.add_row(
                        f"{name}, batch {batch}{', open' if is_open else ''}", *_cells(systems, workers)
                    )
        console.print(table)


def _raced(
    systems: list[str], name: str, batch: int, is_open: bool, threads: int, rounds: int, seconds: float,
    console: Console, environment: Mapping[str, str] | None = None,
) -> list[Worker]:  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), name, batch, is_open)
        workers = run(folder, systems, rounds, seconds, console, threads, environment)
    said = disagreement(workers)
    if said:
        console.print(f"[red]{name}, batch {batch}: {said}[/red]")
    return workers


def write(folder: Path, name: str, batch: int, is_open: bool) -> None:
    """The file of a network and its input, where the systems find them."""
    (folder / "model.onnx").write_bytes(NETWORKS[name].model(OPEN if is_open else batch))
    np.save(folder / "input.npy", NETWORKS[name].input(batch))


def _cells(systems: list[str], workers: list[Worker]) -> list[str]:
    """Calls, and the ratio; nothing for a system that stopped."""
    least = {worker.system: worker.least for worker in workers}
    fastest = min((time for name, time in least.items() if name != OURS), default=math.nan)
    return [
        *(time_text(least[name]) if name in least else "" for name in systems),
        f"{least.get(OURS, math.nan) / fastest:.2f}",
    ]


def _starts(title: str, systems: list[str], threads: int, rounds: int, console: Console) -> Table:
    """The least seconds of several fresh processes, their bytecode compiled, as that of packages is."""
    table = Table("", "system", "import", "load", "first call", "load and call", "all", title=title)
    states = [
        (system, state) for system in systems for state in (("cold", "warm") if system == OURS else ("",))
    ]
    with tempfile.TemporaryDirectory() as kept:
        for name in STARTED:
            found: dict[tuple[str, str], list[dict[str, float]]] = {}
            for number, (system, state) in itertools.product(range(rounds + 1), states):
                with tempfile.TemporaryDirectory() as empty:
                    environment = _environment(kept, empty if state == "cold" else kept)
                    workers = _raced([system], name, 1, False, threads, 0, 0.0, console, environment)
                if number:  # the first process compiled bytecode
                    found.setdefault((system, state), []).append(workers[0].start)
            for label, starts in found.items():
                table.add_row(name, " ".join(label), *map(time_text, _least(starts)))
    return table


def _environment(bytecode: str, objects: str) -> dict[str, str]:
    """Of a process whose caches are ours alone."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Path(bytecode) / "bytecode"), "XDG_CACHE_HOME": objects}


def _least(starts: list[dict[str, float]]) -> list[float]:
    """The least seconds of importing, of loading, of the first call, of these two, and of all."""
    parts = [
        (start["import_seconds"], start["prepare_seconds"], start["first_call_seconds"]) for start in starts
    ]
    rows = [(*part, part[1] + part[2], sum(part)) for part in parts]
    return [min(column) for column in zip(*rows, strict=True)]


if __name__ == "__main__":
    main()
