"""`tinytorch lint`."""

from __future__ import annotations

import click

from compiler.lint.finding import Code
from tinytorch.asking.lint import lint as linted
from tinytorch.cli import command as shared
from tinytorch.cli.showing import show
from tinytorch.cli.targets import load_target


def _codes(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> frozenset[str]:
    known = [code.name for code in Code]
    for item in given:
        if item.upper() not in known:
            raise click.BadParameter(f"{item!r} is no code; they are {', '.join(known)}")
    return frozenset(item.upper() for item in given)


@shared.command(
    "tinytorch lint train.py:step", "tinytorch lint train.py:hidden --allow WIDENED --allow UNUSED_INPUT"
)
@shared.target()
@click.option(
    "--allow", metavar="CODE", multiple=True, callback=_codes,
    help="A code that is no finding here, as EXP_OVERFLOWS. May be given several times.",
)  # fmt: skip
@click.pass_context
def lint(context: click.Context, target: str, allow: frozenset[str]) -> None:
    """Say what is likely to go wrong in TARGET, before it runs.

    Each finding has the line and a fix: what overflows or leaves its domain within promised ranges
    (`tt.input(..., low=, high=)`), a softmax by hand that is not made stable, a widened dtype, a parameter
    that is not trained, an unused input. Exits with 1 where there is a finding, 0 where there is none, 2 on
    an error.
    """
    report = linted(load_target(target).graph).without(allow)
    show(report.to_dict(), report)
    context.exit(int(bool(report)))


command = lint
