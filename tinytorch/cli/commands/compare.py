"""`tinytorch compare`."""

from __future__ import annotations

from collections.abc import Mapping

import click

from compiler.ir.graph import Graph
from tinytorch.cli import command as shared
from tinytorch.cli.feeding import feed_of
from tinytorch.cli.showing import is_json, show, working
from tinytorch.cli.targets import load_target
from tinytorch.compare import VARIANTS
from tinytorch.compare import compare as compare_schedules
from tinytorch.tensor import Tensor


@shared.command(
    "tinytorch compare train.py:step --batch 32 --seconds 0.01",
    "tinytorch compare train.py:step --data batch.npz --draw kernels.svg --seconds 0.01",
)
@shared.target()
@shared.data_options
@shared.backend_option
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Turns of each variant.")
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), default=0.1, show_default=True,
    help="Of calls for each variant in a turn.",
)  # fmt: skip
@click.option(
    "--draw", "picture", type=click.Path(dir_okay=False), metavar="FILE",
    help="Draw the kernels of the first and the last variant side by side.",
)  # fmt: skip
def compare(
    target: str, file: str | None, sizes: Mapping[str, int], seed: int, backend: str | None, rounds: int,
    seconds: float, picture: str | None,
) -> None:  # fmt: skip
    """Run TARGET unfused, fused, and fused in place.

    Compares times, memory and results. Parameters have their values again afterwards. Data are those of
    --data, or random ones of the sizes given.
    """
    graph = load_target(target).graph
    feed = feed_of(graph, file, sizes, seed)
    inputs, outputs, updates = _tensors(graph)
    with working(f"comparing, for about {rounds * seconds * len(VARIANTS):.1f} s"):
        found = compare_schedules(
            inputs, outputs, updates=updates, data=feed.arrays, backend=backend, rounds=rounds,
            seconds=seconds,
        )  # fmt: skip
    if picture is not None:
        found.draw(picture, (found.variants[0].name, found.variants[-1].name))
    text = "" if is_json() else f"{feed.sentence}\n{found}"
    show({"data": feed.sentence, **found.to_dict()}, text)


def _tensors(graph: Graph) -> tuple[list[Tensor], list[Tensor], dict[Tensor, Tensor]]:
    """The inputs, outputs and updates of a graph, as `tt.compare` takes them."""
    return (
        [Tensor(node) for node in graph.inputs],
        [Tensor(node) for node in graph.outputs],
        {Tensor(parameter): Tensor(value) for parameter, value in graph.updates},
    )


command = compare
