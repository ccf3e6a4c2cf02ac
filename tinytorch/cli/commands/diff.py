"""`tinytorch diff`."""

from __future__ import annotations

import os
import sys
from typing import Final

import click

from tinytorch.asking.diff import diff as difference
from tinytorch.cli import command as shared
from tinytorch.cli.showing import show, working
from tinytorch.cli.targets import load_target

_COLOURS: Final = {"+": "green", "-": "red", "@": "cyan"}


@shared.command("tinytorch diff old.tt train.py:step", "tinytorch diff old.tt old.tt --report diff.html")
@shared.target("left")
@shared.target("right")
@click.option(
    "--report", type=shared.PAGE, metavar="FILE.html",
    help="Write a page with both graphs side by side, too.",
)  # fmt: skip
@click.pass_context
def diff(context: click.Context, left: str, right: str, report: str | None) -> None:
    """Show what differs between LEFT and RIGHT.

    That is what was added, removed, changed, rewired, renamed or moved. Two targets, of any kind each: two
    versions of a script, a saved model and the script that made it. The text is like that of `diff -u`. Exits
    with 1 where they differ, 0 where they do not, 2 on an error.
    """
    graphs = [load_target(text).graph for text in (left, right)]
    with working("comparing"):
        found = difference(*graphs, names=(left, right))
        written = None if report is None else found.report(report)
    path = {} if written is None else {"path": str(written.resolve())}
    show(found.to_dict() | path, _coloured(str(found)))
    context.exit(int(bool(found)))


def _coloured(text: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    lines = text.splitlines(keepends=True)
    return "".join(click.style(line, fg=_COLOURS.get(line[:1])) for line in lines)


command = diff
