"""`tinytorch compare`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from tinytorch.asking.compare import VARIANTS, Variant
from tinytorch.asking.compare import compare as compare_variants
from tinytorch.cli import command as shared
from tinytorch.cli.feeding import feed_of
from tinytorch.cli.showing import show_measured, working
from tinytorch.cli.targets import load_target

_KEYS: Final = "passes, without, backend, threads, in_place"


def _variants(
    context: click.Context, _: click.Parameter, given: tuple[str, ...]
) -> dict[str, Variant] | None:
    """`NAME:KEY=VALUE,...` each; names of passes are joined by `+`. None where none is given."""
    found: dict[str, Variant] = {}
    for item in given:
        name, _colon, settings = item.partition(":")
        if not name or name in found:
            raise click.BadParameter(f"{item!r} needs a name of its own before the colon", context)
        found[name] = Variant(**dict(_setting(item, pair, context) for pair in settings.split(",") if pair))
    return found or None


def _setting(item: str, pair: str, context: click.Context) -> tuple[str, Any]:
    key, equals, value = pair.partition("=")
    match key if equals else "":
        case "passes" | "without":
            return key, tuple(filter(None, value.split("+")))
        case "backend":
            return key, value
        case "threads" if value.isascii() and value.isdigit():
            return key, int(value)
        case "in_place" if value in ("yes", "no"):
            return key, value == "yes"
        case _:
            raise click.BadParameter(
                f"{item!r}: {pair!r} is no setting; write KEY=VALUE of {_KEYS}, as in "
                "'one thread:threads=1,without=inplace+simplify' or 'a:in_place=no'",
                context,
            )


@shared.command(
    "tinytorch compare train.py:step --batch 32 --seconds 0.01",
    "tinytorch compare train.py:step --data batch.npz --draw kernels.svg --seconds 0.01",
    "tinytorch compare train.py:step --batch 32 --seconds 0.01 --variant plain:passes= "
    "--variant slim:without=inplace,backend=numpy --page compared.html",
)
@shared.target()
@shared.data_options
@shared.backend_option
@click.option(
    "--variant", "variants", metavar="NAME:KEY=VALUE,...", multiple=True, callback=_variants,
    help=f"One of what is compared; keys are {_KEYS}; passes are joined by +. The first is what others "
    "are compared with. May be given several times.",
)  # fmt: skip
@shared.rounds_option
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), default=0.1, show_default=True,
    help="Of calls for each variant in a turn.",
)  # fmt: skip
@click.option(
    "--draw", "picture", type=shared.DRAWING, metavar="FILE",
    help="Draw the kernels of the first and the last variant side by side.",
)  # fmt: skip
@shared.pictured_options("times, memory and kernels")
def compare(
    target: str, file: str | None, sizes: Mapping[str, int], seed: int, backend: str | None,
    variants: Mapping[str, Variant] | None, rounds: int, seconds: float, picture: str | None,
    page: str | None, plot: str | None,
) -> None:  # fmt: skip
    """Run TARGET unfused, fused, and fused in place; or as you say.

    Compares times, memory and results, and names the first node at which two variants part by more than
    rounding. Parameters have their values again afterwards. Data are those of --data, or random ones of the
    sizes given. Exits with 1 where a variant's value does not follow from the node's operands.
    """
    graph = load_target(target).graph
    feed = feed_of(graph, file, sizes, seed)
    count = len(VARIANTS if variants is None else variants)
    with working(f"comparing, for about {rounds * seconds * count:.1f} s"):
        found = compare_variants(
            graph, data=feed.arrays, variants=variants, backend=backend, rounds=rounds, seconds=seconds
        )
    if picture is not None:
        found.draw(picture)
    show_measured(feed, found, page, plot)
    is_wrong = any(item.parting is not None and item.parting.wrong for item in found)
    click.get_current_context().exit(int(is_wrong))


command = compare
