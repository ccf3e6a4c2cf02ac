"""`python -m tests.benchmarks.startup`: fresh processes: time to the first result, imports, memory.

Every figure is the least of several rounds, each in a process of its own, the systems taking turns. Bytecode
is compiled before anything is timed, as it is where a package is installed. "Cold" has an empty object cache;
"warm" has the objects that a process before it left. The clock starts before the interpreter does.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.__main__ import NEEDS, OURS
from tests.benchmarks.workloads import NAMES

CACHED = ("ours",)
"""Systems with objects on disk, which are measured cold and warm."""

IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


@dataclass(frozen=True)
class Case:
    """A system's first result on a workload."""

    system: str
    workload: str
    is_warm: bool = False

    @property
    def label(self) -> str:
        return (
            f"{self.system}, {'warm' if self.is_warm else 'cold'}" if self.system in CACHED else self.system
        )


@dataclass
class Figures:
    """Seconds of every round by case and by module, and bytes by case."""

    first: dict[Case, list[float]] = field(default_factory=lambda: defaultdict(list))
    imports: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: dict[Case, list[float]] = field(default_factory=lambda: defaultdict(list))


class Bench:
    """Folders for bytecode and objects that last as long as the measurement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def environment(self, objects: str) -> dict[str, str]:
        """Of a process whose caches are ours alone."""
        kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        bytecode, caches = self.folder / "bytecode", self.folder / objects
        return {**kept, "PYTHONPYCACHEPREFIX": str(bytecode), "XDG_CACHE_HOME": str(caches)}

    def first_result(self, case: Case, objects: str) -> tuple[float, float]:
        """Seconds from before the process to its first result, and the most bytes that it held."""
        command = [sys.executable, "-m", "tests.benchmarks.worker", case.system, case.workload, "0"]
        start = time.perf_counter()
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment(objects)
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - start
            process.communicate()
        if not line:
            raise RuntimeError(f"{case.system} on {case.workload} stopped with status {process.returncode}")
        return seconds, float(json.loads(line)["peak_memory"])

    def import_seconds(self, module: str) -> float:
        """Seconds of an import statement in a fresh process."""
        command = [sys.executable, "-c", IMPORT.format(module)]
        environment = self.environment("imports")
        return float(
            subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        )


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.startup", description=__doc__)
    parser.add_argument("--workloads", nargs="+", default=["W1", "W3", "W4"], choices=NAMES)
    parser.add_argument(
        "--systems", nargs="+", default=["ours", "numpy_backend", "jax_jit"], choices=list(NEEDS)
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    options = parser.parse_args()
    systems = [name for name in options.systems if find_spec(NEEDS[name]) is not None]
    cases = list(_cases(systems, options.workloads))
    modules = list(dict.fromkeys(["numpy", *(NEEDS[name] for name in systems)]))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Bench(Path(folder)), cases, modules, options.rounds)
    console = Console()
    for table in (_first_table(figures, options.workloads), _memory_table(figures, options.workloads)):
        console.print(table)
    console.print(_import_table(figures))
    if options.json:
        options.json.write_text(json.dumps(_plain(figures), indent=1) + "\n")
    return 0


def _cases(systems: list[str], workloads: list[str]) -> Iterator[Case]:
    for workload in workloads:
        for system in systems:
            yield Case(system, workload)
            if system in CACHED:
                yield Case(system, workload, is_warm=True)


def measure(bench: Bench, cases: list[Case], modules: list[str], rounds: int) -> Figures:
    """All figures. An untimed round comes first; it leaves bytecode, and objects for the warm."""
    figures = Figures()
    for case in cases:
        bench.first_result(case, "warm")
    for number in range(rounds):
        for module in modules:
            figures.imports[module].append(bench.import_seconds(module))
        for k, case in enumerate(cases):
            seconds, size = bench.first_result(case, "warm" if case.is_warm else f"cold-{number}-{k}")
            figures.first[case].append(seconds)
            figures.memory[case].append(size)
    return figures


def _first_table(figures: Figures, workloads: list[str]) -> Table:
    found = _table("From process start to the first result; ratio to the fastest peer", workloads)
    fastest = {
        workload: min(
            (
                min(seconds)
                for case, seconds in figures.first.items()
                if case.workload == workload and case.system not in OURS
            ),
            default=math.nan,
        )
        for workload in workloads
    }
    best = {(case.label, case.workload): min(seconds) for case, seconds in figures.first.items()}
    for label in dict.fromkeys(label for label, _ in best):
        cells = [f"{best[label, name]:.2f} s  {best[label, name] / fastest[name]:.2f}" for name in workloads]
        found.add_row(label, *cells)
    return found


def _memory_table(figures: Figures, workloads: list[str]) -> Table:
    found = _table("The most memory held until then", workloads)
    least = {(case.label, case.workload): min(sizes) for case, sizes in figures.memory.items()}
    for label in dict.fromkeys(label for label, _ in least):
        found.add_row(label, *(f"{least[label, name] / 1e6:.0f} MB" for name in workloads))
    return found


def _import_table(figures: Figures) -> Table:
    found = _table("Import", ["seconds"])
    for module, seconds in figures.imports.items():
        found.add_row(module, f"{min(seconds):.3f}")
    return found


def _table(title: str, headings: list[str]) -> Table:
    found = Table(title=title, title_justify="left", min_width=min(80, len(title)))
    found.add_column("")
    for heading in headings:
        found.add_column(heading, justify="right")
    return found


def _plain(figures: Figures) -> dict[str, object]:
    return {
        "first_result_seconds": {f"{case.workload} {case.label}": v for case, v in figures.first.items()},
        "peak_memory_bytes": {f"{case.workload} {case.label}": v for case, v in figures.memory.items()},
        "import_seconds": dict(figures.imports),
    }


if __name__ == "__main__":
    sys.exit(main())
