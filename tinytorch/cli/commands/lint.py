"""`tinytorch lint`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from compiler.lint.finding import Code
from tinytorch.cli import command as shared
from tinytorch.cli.showing import show
from tinytorch.cli.targets import load_target
from tinytorch.lint import lint as linted


@shared.command(
    "tinytorch lint train.py:step", "tinytorch lint train.py:hidden --allow WIDENED --allow UNUSED_INPUT"
)
@shared.target()
@click.option(
    "--allow", metavar="CODE", multiple=True,
    type=click.Choice([code.name for code in Code], case_sensitive=False),
    help="A code that is no finding here, as EXP_OVERFLOWS. May be given several times.",
)  # fmt: skip
@click.pass_context
def lint(context: click.Context, target: str, allow: Sequence[str]) -> None:
    """Say what is likely to go wrong in TARGET, before it runs.

    Each finding has the line and a fix: what overflows or leaves its domain within promised ranges
    (`tt.input(..., low=, high=)`), a softmax by hand that is not made stable, a widened dtype, a parameter
    that is not trained, an unused input. Exits with 1 where there is a finding, 0 where there is none, 2 on
    an error.
    """
    allowed = {code.upper() for code in allow}
    report = linted(load_target(target).graph).without(allowed)
    show(report.to_dict(), report)
    context.exit(int(bool(report)))


command = lint
