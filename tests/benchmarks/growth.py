"""`python -m tests.benchmarks.growth plot.svg`: how a training step's time grows with batch, width and depth.

The network has layers of one width, gelu_tanh, mean squared error and plain gradient descent. One size grows
at a time; the others stay at batch 32, width 64, depth 4.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.__main__ import NEEDS, run
from tests.benchmarks.growth_plot import Times, draw

BASE = {"batch": 32, "width": 64, "depth": 4}
GROWN = {
    "batch": (1, 4, 16, 64, 256, 1024, 4096),
    "width": (8, 16, 32, 64, 128, 256, 512, 1024),
    "depth": (1, 2, 4, 8, 16, 32, 64),
}
SYSTEMS = ("ours", "numpy_backend", "numpy_by_hand", "torch_eager", "jax_jit", "pytensor_numba")


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("plot", type=Path, help="where the picture goes; its suffix names the format")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(NEEDS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of one round")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    parser.add_argument("--from-json", type=Path, default=None, help="draw these figures, measure nothing")
    options = parser.parse_args()
    systems = [name for name in options.systems if find_spec(NEEDS[name]) is not None]
    console = Console()
    if options.from_json:
        times = read(options.from_json.read_text(encoding="utf-8"))
    else:
        times = measure(systems, options.rounds, options.seconds, console)
    for size, by_system in times.items():
        console.print(_table(size, by_system))
    if options.json:
        options.json.write_text(json.dumps(times, indent=1) + "\n", encoding="utf-8")
    draw(times, BASE, options.plot)
    return 0


def measure(systems: list[str], rounds: int, seconds: float, console: Console) -> Times:
    """The seconds of a step: of each size that grows, by system, by its value."""
    found: dict[tuple[int, ...], dict[str, float]] = {}
    times: Times = {}
    for size, values in GROWN.items():
        times[size] = {system: {} for system in systems}
        for value in values:
            point = tuple({**BASE, size: value}.values())
            if point not in found:
                workload = "net-" + "-".join(map(str, point))
                workers = run(workload, systems, rounds, seconds, console)
                found[point] = {worker.system: worker.best for worker in workers}
            for system, best in found[point].items():
                times[size][system][value] = best
    return times


def read(text: str) -> Times:
    """What `--json` wrote."""
    return {
        size: {system: {int(k): v for k, v in row.items()} for system, row in by_system.items()}
        for size, by_system in json.loads(text).items()
    }


def _table(size: str, by_system: dict[str, dict[int, float]]) -> Table:
    rest = ", ".join(f"{name} {value}" for name, value in BASE.items() if name != size)
    found = Table(title=f"Microseconds of a step by {size} ({rest})", title_justify="left")
    found.add_column("", no_wrap=True)
    values = GROWN[size]
    for value in values:
        found.add_column(str(value), justify="right")
    for system, row in by_system.items():
        found.add_row(system, *(_microseconds(row[value]) if value in row else "-" for value in values))
    return found


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}" if seconds >= 1e-4 else f"{seconds * 1e6:.3g}"


if __name__ == "__main__":
    sys.exit(main())
