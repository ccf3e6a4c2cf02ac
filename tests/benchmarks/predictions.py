"""`python -m tests.benchmarks.predictions [class ...]`: what profiles predict beside what they measure.

Over the programs of the sweep but those that measure compiling. Of what was measured the fastest call counts,
since whatever else the machine does makes a call longer. `error` is the median of |predicted / measured - 1|.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console
from rich.table import Table

import tinytorch as tt
from compiler.profiling import Timing
from tests.benchmarks.sweep.families import FAMILIES, workloads
from tests.benchmarks.sweep.words import given_of, program_of


@dataclass(frozen=True)
class Compared:
    """A program: microseconds of all its kernels, and the ratio of each one that takes time."""

    family: str
    name: str
    predicted: float
    measured: float
    bound: str
    kernels: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Predicted to measured."""
        return self.predicted / self.measured


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.predictions", description=__doc__)
    parser.add_argument("families", nargs="*", metavar="class", help=f"of {', '.join(FAMILIES)}; all if none")
    parser.add_argument("--only", default="", help="workloads in whose names this occurs")
    parser.add_argument("--threads", type=int, default=0, help="of our programs; as usual if not given")
    parser.add_argument("--seconds", type=float, default=0.1, help="of a profile")
    parser.add_argument("--seed", type=int, default=0, help="draw other sizes")
    parser.add_argument("--worst", type=int, default=20, help="how many are listed")
    options = parser.parse_args()
    if options.threads:
        tt.set_num_threads(options.threads)
    found = list(compared(options.families or list(FAMILIES), options.only, options.seed, options.seconds))
    console = Console(width=120)
    console.print(str(tt.machine()), highlight=False)
    console.print(by_class(found))
    console.print(worst(found, options.worst))
    return 0


def compared(families: Sequence[str], only: str, seed: int, seconds: float) -> Iterator[Compared]:
    """Profiles the programs of some classes."""
    for workload in workloads(seed):
        if workload.is_compiling or workload.family not in families or only not in workload.name:
            continue
        arrays = workload.arrays()
        profile = program_of(workload, arrays).profile(*given_of(workload, arrays), seconds=seconds)
        kernels = tuple(filter(None, map(_ratio, (*profile.kernels, profile.copies))))
        expected = profile.total.predicted
        if expected is not None:
            yield Compared(
                workload.family, workload.name, expected.microseconds, profile.total.fastest, expected.bound,
                kernels,
            )  # fmt: skip


def _ratio(item: Timing) -> float | None:
    """Predicted to measured; None of what does nothing."""
    if item.predicted is None or not item.predicted.microseconds or not item.fastest:
        return None
    return item.predicted.microseconds / item.fastest


def by_class(found: Sequence[Compared]) -> Table:
    """A row a class, and one of all."""
    table = Table("class", title="Predicted to measured", title_justify="left")
    for heading in ("programs", "error", "within 30%", "10%", "median", "90%", "kernels", "error"):
        table.add_column(heading, justify="right")
    for family, members in groupby(found, lambda each: each.family):
        table.add_row(family, *_figures(list(members)))
    table.add_section()
    table.add_row("all", *_figures(found))
    return table


def _figures(found: Sequence[Compared]) -> list[str]:
    ratios = sorted(each.ratio for each in found)
    kernels = [ratio for each in found for ratio in each.kernels]
    tenth = round((len(ratios) - 1) / 10)
    quantiles = ratios[tenth], statistics.median(ratios), ratios[-1 - tenth]
    near = sum(abs(ratio - 1) <= 0.3 for ratio in ratios) / len(ratios)
    return [
        str(len(ratios)), f"{_error(ratios):.2f}", f"{near:.0%}", *(f"{ratio:.2f}" for ratio in quantiles),
        str(len(kernels)), f"{_error(kernels):.2f}",
    ]  # fmt: skip


def _error(ratios: Sequence[float]) -> float:
    return statistics.median(abs(ratio - 1) for ratio in ratios)


def worst(found: Sequence[Compared], count: int) -> Table:
    """Where predicted and measured are farthest apart."""
    table = Table("program", title="Farthest apart", title_justify="left")
    for heading in ("predicted us", "measured us", "ratio", "bound"):
        table.add_column(heading, justify="right")
    for each in sorted(found, key=lambda each: -max(each.ratio, 1 / each.ratio))[:count]:
        table.add_row(
            f"{each.family}: {each.name}", f"{each.predicted:.2f}", f"{each.measured:.2f}",
            f"{each.ratio:.2f}", each.bound,
        )  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(main())
