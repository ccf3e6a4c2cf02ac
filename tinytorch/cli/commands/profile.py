"""`tinytorch profile`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from tinytorch.cli import command as shared
from tinytorch.cli.feeding import feed_of
from tinytorch.cli.showing import is_json, show, working
from tinytorch.cli.targets import load_target


@shared.command(
    "tinytorch profile train.py:step --batch 32 --seconds 0.1",
    "tinytorch profile train.py:step --data batch.npz --by scope --seconds 0.1",
)
@shared.target()
@shared.data_options
@shared.backend_option
@shared.passes_option
@shared.group_option
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), default=0.5, show_default=True,
    help="How long calls are made.",
)  # fmt: skip
def profile(
    target: str, file: str | None, sizes: Mapping[str, int], seed: int, backend: str | None,
    without: Sequence[str], by: str, depth: int | None, seconds: float,
) -> None:  # fmt: skip
    """Measure how long each kernel of TARGET takes.

    Its cost stands beside it. A copy of the program is run, so that no parameter of yours changes. Data are
    those of --data, or random ones of the sizes given.
    """
    program = load_target(target).program(backend, without)
    feed = feed_of(program.source_graph, file, sizes, seed)
    with working(f"measuring, for about {seconds:.1f} s"):
        found = program.profile(*feed.arrays, seconds=seconds)
    answer = found if by == "kernel" else found.by_line() if by == "line" else found.by_scope(depth)
    text = "" if is_json() else f"{feed.sentence}\n{answer}"
    show({"data": feed.sentence, **answer.to_dict()}, text)


command = profile
