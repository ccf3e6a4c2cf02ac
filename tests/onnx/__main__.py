"""`python -m tests.onnx`: the standard's conformance suites, on our backend and on ONNX Runtime.

    python -m tests.onnx --select 'softmax|gemm' --systems ours     # what one works at
    python -m tests.onnx --jobs 2 --json scores.json                # everything

A test passes if its outputs have the standard's values, shapes and dtypes within its own tolerance. Every
test that passes here with inputs of floats is also differentiated and compared with central differences.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.onnx.outcomes import SYSTEMS, Bench
from tests.onnx.record import write_record
from tests.onnx.scores import reasons, score_table
from tests.onnx.suites import KINDS, load_cases
from tests.onnx.workers import run_all


def main() -> int:
    """Runs the command line; 1 if a test failed here."""
    options = _parser().parse_args()
    wanted = re.compile(options.select)
    cases = [
        case
        for case in load_cases(options.suites)
        if any(wanted.search(text) for text in (case.name, *case.operators))
        and options.types in ("", case.held)
    ]
    compiling: dict[str, Any] = {"backend": options.backend}
    if not options.passes:
        compiling["passes"] = ()
    bench = Bench(tuple(options.systems), compiling, gradients=not options.no_gradients)
    rows: list[dict[str, Any]] = []
    for case, found in run_all(bench, cases, options.jobs, options.seconds):
        outcomes = {name: outcome.as_data() for name, outcome in found.items()}
        rows.append(
            {"name": case.name, "kind": case.kind, "operators": case.operators, "held": case.held, **outcomes}
        )
    rows.sort(key=lambda row: (list(KINDS).index(row["kind"]), row["name"]))
    if options.json:
        options.json.write_text(
            json.dumps({"versions": _versions(), "tests": rows}, indent=1), encoding="utf-8"
        )
    if options.write:
        write_record(rows, _versions())
    return _show(rows, options)


def _show(rows: list[dict[str, Any]], options: argparse.Namespace) -> int:
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    systems = tuple(options.systems)
    if options.names:
        for row in rows:
            console.print(
                row["name"], *(row[name]["result"] for name in systems), *[row["ours"].get("gradient", "")]
            )
    node = [row for row in rows if row["kind"] == "node"]
    if options.operators:
        console.print(score_table("operators", rows, lambda row: row["operators"][:1], systems))
    console.print(score_table("types of the node tests", node, lambda row: (row["held"], "all"), systems))
    console.print(score_table("suites", rows, lambda row: [row["kind"]], systems))
    first = systems[0]
    for line in reasons(rows, first, options.reasons):
        console.print(line, soft_wrap=True)
    counts = Counter(row[first]["result"] for row in rows)
    console.print(f"{first}: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
    return int(any(counts[name] for name in ("failed", "error", "crashed")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.onnx", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--select", default="", metavar="PATTERN", help="tests whose name, or an operator of theirs, has it")
    add("--suites", nargs="+", default=list(KINDS), choices=list(KINDS), help="all of them unless given")
    add("--types", default="", help="tests of one class of types, such as ours")
    add("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS, help="both unless given")
    add("--backend", default="numpy", help="of ours: numpy (compiles soonest), llvm, c")
    add("--passes", action="store_true", help="with the default passes; without any unless given")
    add("--no-gradients", action="store_true", help="forward only")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    add("--seconds", type=float, default=60.0, help="after which a test is killed")
    add("--json", type=Path, help="a file for every outcome")
    add("--write", action="store_true", help="record what passed, for the tests and the documentation")
    add("--operators", action="store_true", help="a line for each operator")
    add("--names", action="store_true", help="a line for each test")
    add("--reasons", type=int, default=40, help="how many reasons are shown")
    return parser


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("onnx", "onnxruntime", "numpy")}


if __name__ == "__main__":
    sys.exit(main())
