"""`tinytorch report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from tinytorch.cli import command as shared
from tinytorch.cli.feeding import feed_of
from tinytorch.cli.showing import show, working
from tinytorch.cli.targets import load_target, stem_of


@shared.command(
    "tinytorch report train.py:step", "tinytorch report train.py:step step.html --batch 32 --seconds 0.1"
)
@shared.target()
@click.argument("out", type=shared.PAGE, metavar="[OUT]", required=False)
@shared.data_options
@shared.backend_option
@shared.passes_option
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True,
    help="How long calls are made, where there are data.",
)  # fmt: skip
def report(
    target: str, out: str | None, file: str | None, sizes: Mapping[str, int], seed: int,
    backend: str | None, without: Sequence[str], seconds: float,
) -> None:  # fmt: skip
    """Write a page about TARGET: graph, passes, kernels, memory, code.

    One file that needs no network. With data, or sizes for random ones, the page has times too. Without OUT
    it is called after the target, with .html.
    """
    program = load_target(target).program(backend, without)
    path = Path(out) if out is not None else Path(f"{stem_of(target)}.html")
    is_measured = file is not None or bool(sizes)
    feed = feed_of(program.source_graph, file, sizes, seed) if is_measured else None
    with working(f"measuring, for about {seconds:.1f} s" if is_measured else "writing the page"):
        written = program.report(path, data=None if feed is None else feed.arrays, seconds=seconds)
    said = {"path": str(written.resolve()), "data": None if feed is None else feed.sentence}
    show(said, written)


command = report
