"""`tinytorch draw`."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from compiler.render.colours import COLOURS
from tinytorch import api
from tinytorch.cli import command as shared
from tinytorch.cli.feeding import feed_of
from tinytorch.cli.showing import show, working
from tinytorch.cli.targets import load_target, stem_of


@shared.command(
    "tinytorch draw train.py:step",
    "tinytorch draw train.py:loss loss.svg --detail",
    "tinytorch draw train.py:step near.svg --around loss --radius 1",
)
@shared.target()
@click.argument("out", type=shared.DRAWING, metavar="[OUT]", required=False)
@click.option("--kernels", is_flag=True, help="Draw what is run: a box a kernel, with its members inside.")
@click.option("--detail", is_flag=True, help="Draw every op in a box of its own, and fold nothing.")
@click.option(
    "--open",
    "opened",
    metavar="PART",
    multiple=True,
    help="A part of the model to draw from inside, such as block2.attention. May be given several times.",
)
@click.option("--depth", type=click.IntRange(1), help="Fold to parts of so many names: 1 for the outermost.")
@click.option(
    "--around", metavar="VALUE", help="Draw only what is near a value (or, with --kernels, a kernel)."
)
@click.option(
    "--radius",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="With --around, how many arrows away.",
)
@click.option(
    "--colour",
    type=click.Choice(COLOURS),
    default="role",
    show_default=True,
    help="What fills stand for. With `time` the program is measured, on --data or random numbers.",
)
@shared.data_options
@click.pass_context
def draw(
    context: click.Context,
    target: str,
    out: str | None,
    kernels: bool,
    detail: bool,
    opened: tuple[str, ...],
    depth: int | None,
    around: str | None,
    radius: int,
    colour: str,
    file: str | None,
    sizes: dict[str, int],
    seed: int,
) -> None:
    """Draw TARGET into a file.

    Forward on the left, backward on the right, then the updates. What has more boxes than anybody can read is
    folded: parts of the model are boxes. OUT ends in .svg, .png, .pdf or .dot; without it the file is called
    after the target, with .svg. Where Graphviz is missing the .dot file is written all the same, and
    `tinytorch doctor` says what to install.
    """
    if around is None and context.get_parameter_source("radius") is not ParameterSource.DEFAULT:
        raise click.UsageError("--radius is for --around: give both")
    if detail and (opened or depth is not None):
        raise click.UsageError("--detail folds nothing, and --open and --depth are for folds: choose one")
    found = load_target(target)
    path = Path(out) if out is not None else Path(f"{stem_of(target)}.svg")
    if kernels and detail:
        raise click.UsageError("--detail is for the graph, and --kernels draws kernels: choose one")
    is_timed = colour == "time" or (kernels and bool(file or sizes))
    if (file or sizes) and not is_timed:
        raise click.UsageError("sizes and data are for times: give --colour time or --kernels, too")
    data: dict[str, str] = {}
    program = found.program() if kernels or is_timed else None
    profile = None
    if program is not None and is_timed:
        feed = feed_of(program.source_graph, file, sizes, seed)
        data["data"] = feed.sentence
        with working("measuring"):
            profile = program.profile(*feed.arrays)
    with working(f"drawing {len(found.graph)} nodes"):
        if program is not None:
            written = program.draw(
                path, kernels=kernels, detail=detail, open=opened, depth=depth, around=around, radius=radius,
                colour=colour, profile=profile,
            )  # fmt: skip
        else:
            written = api.draw(
                found.value, path, detail=detail, open=opened, depth=depth, around=around, radius=radius,
                colour=colour,
            )  # fmt: skip
    answer = {"path": str(written.resolve()), "nodes": len(found.graph), **data}
    show(answer, "\n".join([*data.values(), str(written)]))


command = draw
