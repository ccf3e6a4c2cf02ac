"""Progress of long work through one small interface: a bar in a terminal, nothing in a pipe, a function."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from compiler.errors import ArgumentError

_REST: Final = 0.05
"""Seconds between two looks of a bar at how far the work is."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: `done` of `total` parts (None where nobody knows), and what to say beside it."""

    done: int
    total: int | None
    text: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The same as data, and whatever else is known."""


Report: TypeAlias = Callable[[Progress], object]


@contextmanager
def reporting(choice: bool | Report | None, title: str) -> Generator[Report | None]:
    """Whom to tell of progress, as long as the work takes: a function of a `Progress`, or nobody.

    True draws a bar on stderr, False nothing, None a bar where stderr is a terminal; a function is called
    with each `Progress`. Raises ArgumentError for anything else.
    """
    if choice is not None and not isinstance(choice, bool):
        if not callable(choice):
            raise ArgumentError(f"progress is True, False, None or a function of a Progress, not {choice!r}")
        yield choice
    elif choice or (choice is None and sys.stderr.isatty()):
        with _bar(title) as report:
            yield report
    else:
        yield None


@contextmanager
def _bar(title: str) -> Generator[Report]:
    from rich import progress  # noqa: PLC0415  # a tenth of a second, and only for who looks at a terminal
    from rich.console import Console  # noqa: PLC0415  # likewise

    columns = (
        progress.TextColumn(title), progress.BarColumn(bar_width=24), progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[text]}", markup=False), progress.TimeRemainingColumn(),
    )  # fmt: skip
    with progress.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(title, total=None, text="")
        latest = 0.0

        def report(found: Progress) -> None:
            nonlocal latest
            now = time.monotonic()
            if now - latest >= _REST or found.done == found.total:
                shown.update(task, completed=found.done, total=found.total, text=found.text)
                latest = now

        yield report
