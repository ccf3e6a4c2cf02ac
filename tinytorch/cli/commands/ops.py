"""`tinytorch ops`."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import click

import tinytorch as tt
from compiler.ir.formula.printing import print_formula
from tinytorch.builtin import registry
from tinytorch.cli import command as shared
from tinytorch.cli.showing import show, show_table
from tinytorch.elementwise import Elementwise
from tinytorch.facts import facts_of


def _names(_: click.Context, __: click.Parameter, incomplete: str) -> Sequence[str]:
    return [name for name in known_ops() if name.startswith(incomplete)]


@shared.command("tinytorch ops", "tinytorch ops gelu", "tinytorch ops softplus elu --json")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_names)
def ops(names: Sequence[str]) -> None:
    """List the scalar ops, or show all that is known of some.

    Of those named: what it means, the formula, its LaTeX, the slope by each operand, where its values lie,
    dtypes, and the largest errors measured over the whole range of numbers beside those of NumPy's functions
    and of PyTorch. Those are in ULP (units in
    the last place of the result), in fairer units that grant what one ULP of the argument changes, and
    absolute near 0. Ops that reduce, contract or move are no scalar formulas and not listed.
    """
    known = known_ops()
    for name in names:
        if name not in known:
            near = ", ".join(get_close_matches(name, known, 4)) or "see tinytorch ops"
            raise click.UsageError(f"no scalar op is named {name!r}; near it: {near}")
    if not names:
        data = [{"name": name, "formula": print_formula(op.formula)} for name, op in known.items()]
        show_table(data, ("op", "formula"), [(item["name"], item["formula"]) for item in data])
        return
    found = [facts_of(known[name], name) for name in names]
    show([item.to_dict() for item in found], "\n".join(f"{item.name}: {item}" for item in found))


def known_ops() -> dict[str, Elementwise]:
    """The ops by the names by which one calls them, then those of plugins."""
    found = {name: item for name in tt.__all__ if isinstance(item := getattr(tt, name), Elementwise)}
    for item in registry().entries["ops"].values():
        if isinstance(item, Elementwise) and item not in found.values():
            found.setdefault(item.name, item)
    return dict(sorted(found.items()))


command = ops
