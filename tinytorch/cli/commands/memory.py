"""`tinytorch memory`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from compiler.ir.dims import symbols
from compiler.schedule.memory import Memory
from compiler.schedule.tables import scaled
from tinytorch.cli import command as shared
from tinytorch.cli.showing import is_json, show
from tinytorch.cli.targets import load_target


@shared.command(
    "tinytorch memory train.py:step --batch 64", 'tinytorch memory train.py:step --budget "256 MB"'
)
@shared.target()
@shared.sizes_options
@shared.backend_option
@shared.passes_option
@click.option("--budget", metavar="BYTES", help='Ask what fits: bytes, or a text such as "256 MB", "1 GiB".')
@click.pass_context
def memory(
    context: click.Context, target: str, sizes: Mapping[str, int], backend: str | None,
    without: Sequence[str], budget: str | None,
) -> None:  # fmt: skip
    """Show who holds memory in a call of TARGET, and what fits.

    Lists what makes up the peak. With --budget, says whether a call of the sizes given fits, or with which
    largest batch one does; exits with 1 where nothing fits.
    """
    found = load_target(target).program(backend, without).memory
    if budget is not None:
        answer = _answer(found, int(budget) if budget.isdigit() else budget, sizes)
        said = f"{budget} B" if budget.isdigit() else budget
        text = "" if is_json() else _sentence(answer, said)
        show(answer, text)
        context.exit(0 if answer["fits"] else 1)
    shown = found.at(**sizes) if sizes or not found.symbols else found
    show(shown.to_dict(), shown)


def _answer(memory: Memory, budget: int | str, sizes: Mapping[str, int]) -> dict[str, Any]:
    free = sorted(symbols(memory.total_bytes) - set(sizes))
    if not free:
        moment = memory.at(**sizes)
        return {"fits": memory.fits(budget, **sizes), "total_bytes": moment.total_bytes, "largest": None}
    name = free[0] if len(free) == 1 else "batch"
    largest = memory.largest(budget, name, **sizes)
    return {"fits": largest > 0, "total_bytes": None, "largest": {"name": name, "size": largest}}


def _sentence(answer: Mapping[str, Any], budget: str) -> str:
    largest = answer["largest"]
    if largest is None:
        verb = "fits" if answer["fits"] else "does not fit"
        return f"{verb} into {budget}: a call takes {scaled(answer['total_bytes'], 'B')}"
    if not answer["fits"]:
        return f"not even {largest['name']}=1 fits into {budget}"
    return f"{largest['name']}={largest['size']} is the largest that fits into {budget}"


command = memory
