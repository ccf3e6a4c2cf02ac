"""`tinytorch draw`."""

from __future__ import annotations

from pathlib import Path

import click

from tinytorch import api
from tinytorch.cli import command as shared
from tinytorch.cli.showing import show, working
from tinytorch.cli.targets import load_target, stem_of


@shared.command("tinytorch draw train.py:step", "tinytorch draw train.py:loss loss.svg --detail")
@shared.target()
@click.argument("out", type=click.Path(dir_okay=False), metavar="[OUT]", required=False)
@click.option("--kernels", is_flag=True, help="Draw what is run: a box a kernel, with its members inside.")
@click.option("--detail", is_flag=True, help="Draw every op of an update in a box of its own.")
def draw(target: str, out: str | None, kernels: bool, detail: bool) -> None:
    """Draw TARGET into a file.

    Forward on the left, backward on the right, then the updates. OUT ends in .svg, .png, .pdf or .dot;
    without it the file is called after the target, with .svg. Where Graphviz is missing the .dot file is
    written all the same, and `tinytorch doctor` says what to install.
    """
    found = load_target(target)
    path = Path(out) if out is not None else Path(f"{stem_of(target)}.svg")
    if kernels and detail:
        raise click.UsageError("--detail is for the graph, and --kernels draws kernels: choose one")
    program = found.program() if kernels else None
    with working(f"drawing {len(found.graph)} nodes"):
        if program is not None:
            written = program.draw(path, kernels=True)
        else:
            written = api.draw(found.value, path, detail=detail)
    show({"path": str(written.resolve()), "nodes": len(found.graph)}, written)


command = draw
