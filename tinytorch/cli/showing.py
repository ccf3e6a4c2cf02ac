"""What commands print: an answer as text or JSON, tables, and one line while something takes long."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from compiler.schedule.tables import aligned
from tinytorch.cli.command import AS_JSON

if TYPE_CHECKING:
    from tinytorch.cli.feeding import Feed


class Measured(Protocol):
    """A comparison or an ablation."""

    def report(self, path: str) -> Any:
        """Writes a page."""
        ...

    def plot(self, path: str) -> Any:
        """Draws bars."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        ...


def is_json() -> bool:
    """Whether `--json` was given."""
    return bool(click.get_current_context().meta.get(AS_JSON))


def show(data: Any, text: object) -> None:
    """Prints the data where JSON is wanted, and else the text, which is only made then."""
    if is_json():
        click.echo(json.dumps(data, indent=2, allow_nan=False))
        return
    shown = str(text)
    click.echo(shown, nl=not shown.endswith("\n") and shown != "")


def show_table(data: Any, headings: Sequence[str], rows: Sequence[Sequence[str]], right: int = 0) -> None:
    """Prints rows: with lines around them in a terminal, in plain columns for what reads a pipe.

    The last `right` columns are numbers.
    """
    if is_json():
        show(data, "")
    elif sys.stdout.isatty():
        _framed(headings, rows, len(headings) - right)
    else:
        click.echo(aligned([tuple(headings), *rows], left=len(headings) - right), nl=False)


def show_measured(feed: Feed, found: Measured, page: str | None, plot: str | None) -> None:
    """Prints what was measured on some data, and writes the page and the plot that are wanted."""
    if page is not None:
        found.report(page)
    if plot is not None:
        found.plot(plot)
    text = "" if is_json() else f"{feed.sentence}\n{found}"
    show({"data": feed.sentence, **found.to_dict()}, text)


def _framed(headings: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


@contextmanager
def working(what: str) -> Generator[None]:
    """Says what is going on while it takes, if somebody sits before the screen.

    One line, written once: an animation would take the processor from what is being measured.
    """
    if not sys.stderr.isatty():
        yield
        return
    click.echo(f"{what} ...", err=True, nl=False)
    try:
        yield
    finally:
        click.echo("\r\x1b[K", err=True, nl=False)
