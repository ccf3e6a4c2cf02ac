"""What one sees of a sweep while it runs: a bar, and in a terminal a table of the runs below it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from compiler.errors import ArgumentError
from tinytorch.cluster.sweeping.run import Run
from tinytorch.cluster.sweeping.runs import Runs
from tinytorch.fitting.history import APART
from tinytorch.progress import Progress, Report, reporting

_LINES: Final = 12
"""The rows of the live table: the runs that are running, and the best of those that have ended."""


class Live:
    """How far a sweep is; told by workers from another thread, too."""

    def __init__(self, runs: Runs, report: Report | None) -> None:
        self.runs, self.report = runs, report
        self.running: dict[tuple[int, int | None], Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def hear(self, event: Mapping[str, Any]) -> None:
        """An epoch of a run."""
        self.running[event["run"], event["fold"]] = event["row"]
        self.say()

    def ended(self, run: Run) -> None:
        """A run that is done."""
        self.running.pop((run.number, run.fold), None)
        self.say()

    def say(self) -> None:
        """Reports."""
        if self.report is None:
            return
        with self._lock:
            failed = len(self.runs.failures)
            ended = [run for run in self.runs if run.failure is None and run.history.rows]
            best = self._best(ended)
            text = "" if best is None else f"best: {best}"
            text += f"  {failed} failed" if failed else ""
            data = {"runs": self.runs, "running": dict(self.running)}
            self.report(Progress(len(self.runs), self.runs.total, text, data))

    def _best(self, ended: list[Run]) -> Run | None:
        if not ended:
            return None
        name = "validation" if any(item.startswith("val_") for item in self.runs.metrics) else "training"
        return next(iter(self.runs.ranked(name)), None)


@contextmanager
def showing(choice: bool | Report | None) -> Generator[Report | None]:
    """Whom to tell of a sweep: the bar of `tinytorch.progress` with a table, a function, or nobody."""
    if choice is None:
        choice = sys.stderr.isatty()
    if choice is not True:
        with reporting(choice, "sweep") as report:
            yield report
        return
    with _screen() as report:
        yield report


@contextmanager
def _screen() -> Generator[Report]:
    from rich.console import Console, Group  # noqa: PLC0415  # for who looks at a terminal
    from rich.live import Live as Screen  # noqa: PLC0415  # likewise
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415  # likewise

    columns = (TextColumn("sweep"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Bar(*columns, TextColumn("{task.fields[text]}", markup=False), auto_refresh=False)
    shown = bar.add_task("sweep", total=None, text="")
    with Screen(bar, console=Console(stderr=True), refresh_per_second=4) as screen:

        def report(found: Progress) -> None:
            bar.update(shown, completed=found.done, total=found.total, text="")
            screen.update(Group(bar, _table(found)))

        yield report


def _table(found: Progress) -> Any:
    from rich.table import Table  # noqa: PLC0415  # for who looks at a terminal
    from rich.text import Text  # noqa: PLC0415  # likewise

    table = Table(box=None, pad_edge=False)
    rows = table_rows(found)
    for heading in rows[0]:
        table.add_column(heading, justify="left" if heading in ("run", "state") else "right")
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    return table


def table_rows(found: Progress) -> list[tuple[str, ...]]:
    """The live table of a progress, headings first: running runs, then the best of those that have ended."""
    runs: Runs = found.data["runs"]
    running: Mapping[tuple[int, int | None], Mapping[str, Any]] = found.data["running"]
    try:
        best = runs.ranked("validation" if any(n.startswith("val_") for n in runs.metrics) else "training")
    except ArgumentError:  # no run has ended yet
        best = []
    names = runs.metrics or tuple(
        dict.fromkeys(name for row in running.values() for name in row if name not in APART)
    )
    rows = [("run", "state", "epoch", *names)]
    for (number, fold), row in sorted(running.items(), key=lambda item: item[0][0]):
        shown = f"{number}" if fold is None else f"{number} fold {fold}"
        rows.append(
            (shown, "running", str(int(row.get("epoch", 0))), *(_number(row, name) for name in names))
        )
    for run in best[: max(3, _LINES - len(running))]:
        given = ", ".join(f"{name}={value}" for name, value in run.hyperparameters.items())
        last = run.history.rows[-1]
        rows.append((f"{run.number}", given, str(len(run.history)), *(_number(last, name) for name in names)))
    return rows


def _number(row: Mapping[str, Any], name: str) -> str:
    return f"{row[name]:.4g}" if name in row else ""
