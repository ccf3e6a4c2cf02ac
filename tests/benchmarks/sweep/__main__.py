"""`python -m tests.benchmarks.sweep [class ...]`: where others are ahead, on shapes that nobody tuned for.

A time is the median call of a round, in the best of three rounds (nine where a peer is ahead); a ratio is
ours to the fastest peer. `--seed 1` draws sizes near those of the tables. Results are compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from tests.benchmarks.sweep.families import FAMILIES, workloads
from tests.benchmarks.sweep.measuring import Measured, race, racers
from tests.benchmarks.sweep.tables import by_class, slowest
from tests.benchmarks.sweep.words import NEEDS, PEERS


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sweep", description=__doc__)
    parser.add_argument("families", nargs="*", metavar="class", help=f"of {', '.join(FAMILIES)}; all if none")
    parser.add_argument("--only", default="", help="workloads in whose names this occurs")
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--one-thread", action="store_true", help="race ours with one thread, too")
    parser.add_argument("--threads", type=int, default=0, choices=(0, 1), help="1: for every system")
    parser.add_argument("--seconds", type=float, default=0.1, help="of one round")
    parser.add_argument("--seed", type=int, default=0, help="draw other sizes")
    parser.add_argument("--slowest", type=int, default=30, help="how many are listed")
    parser.add_argument("--json", type=Path, default=None, help="write the figures there")
    parser.add_argument("--from-json", type=Path, default=None, help="show these figures, measure nothing")
    parser.add_argument("--picture", type=Path, default=None, help="draw the distribution there")
    options = parser.parse_args()
    unknown = set(options.families) - set(FAMILIES)
    if unknown:
        parser.error(f"no class {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    found = read(options.from_json) if options.from_json else measured(options)
    console = Console(width=150)
    console.print(by_class(found))
    console.print(slowest(found, options.slowest))
    if options.json:
        rows = [asdict(each) for each in found]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if options.picture:
        from tests.benchmarks.sweep.picture import draw  # needs matplotlib

        draw(found, options.picture)
    return 0


def measured(options: argparse.Namespace) -> list[Measured]:
    """Races all that was asked for, and says each as it goes."""
    systems = ["ours", *(["one thread"] if options.one_thread else []), *options.peers]
    systems = [name for name in systems if find_spec(NEEDS[name])]
    found: list[Measured] = []
    with racers(systems, options.seed, options.threads) as started:
        for number, workload in enumerate(workloads(options.seed)):
            if options.families and workload.family not in options.families:
                continue
            if options.only not in workload.name:
                continue
            each = race(workload, number, started, options.seconds)
            found.append(each)
            times = "  ".join(f"{name} {1e6 * time:.1f}" for name, time in each.seconds.items())
            wrong = f"  DISAGREE: {', '.join(each.disagree)}" if each.disagree else ""
            print(
                f"{each.ratio:6.2f}  {each.family}: {each.name}  [{times}]{wrong}",
                file=sys.stderr,
                flush=True,
            )
    return found


def read(path: Path) -> list[Measured]:
    """What `--json` wrote."""
    return [Measured(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    sys.exit(main())
