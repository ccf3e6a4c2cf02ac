"""`tinytorch ablate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from compiler.errors import ArgumentError
from tinytorch import api
from tinytorch.asking.ablate import ablate as ablate_passes
from tinytorch.cli import command as shared
from tinytorch.cli.feeding import feed_of
from tinytorch.cli.showing import show_measured, working
from tinytorch.cli.targets import load_target


@shared.command(
    "tinytorch ablate train.py:step --batch 32 --rounds 1 --seconds 0.001",
    "tinytorch ablate train.py:step --data batch.npz --without simplify --page worth.html --rounds 1 "
    "--seconds 0.001",
)
@shared.target()
@shared.data_options
@shared.backend_option
@shared.passes_option
@shared.rounds_option
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), default=0.03, show_default=True,
    help="Of calls for each variant in a turn; there are two for each pass.",
)  # fmt: skip
@shared.pictured_options("what each pass saves")
def ablate(
    target: str, file: str | None, sizes: Mapping[str, int], seed: int, backend: str | None,
    without: Sequence[str], rounds: int, seconds: float, page: str | None, plot: str | None,
) -> None:  # fmt: skip
    """Say what each pass is worth on TARGET.

    In time, memory and kernels: one pass taken away from all at a time, and one alone. Parameters have their
    values again afterwards. Data are those of --data, or random ones of the sizes given.
    """
    graph = load_target(target).graph
    feed = feed_of(graph, file, sizes, seed)
    if "all" in without:
        raise ArgumentError("without all passes there is none to take away")
    passes = api.default_passes(without=without)
    turns = rounds * (2 * len(passes) + 2)
    with working(f"measuring, for about {turns * seconds:.1f} s"):
        found = ablate_passes(
            graph, data=feed.arrays, passes=passes, backend=backend, rounds=rounds, seconds=seconds
        )
    show_measured(feed, found, page, plot)


command = ablate
