"""`tinytorch demo`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from compiler.errors import DrawingError
from tinytorch.cli import command as shared
from tinytorch.cli.showing import is_json, show
from tinytorch.demo import Classifier, split_digits, train
from tinytorch.progress import Progress, reporting


@shared.command("tinytorch demo --epochs 2 --out step.svg")
@click.option("--epochs", type=click.IntRange(1), default=60, show_default=True, help="Passes over the data.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Of the weights, the noise and the order."
)
@shared.backend_option
@click.option(
    "--out", type=shared.DRAWING, default="digits_step.svg",
    show_default=True, help="Where the drawing goes.",
)  # fmt: skip
def demo(epochs: int, seed: int, backend: str | None, out: str) -> None:
    """Train a classifier of digits, draw it, and compare schedules.

    The data come with tinytorch; nothing is downloaded.
    """
    console = Console(stderr=is_json(), highlight=False)
    training, test = split_digits(seed)
    model = Classifier(seed, backend)
    console.print(
        f"{len(training[0])} digits to learn from, {len(test[0])} held out; backend: {model.step.backend}"
    )
    start = time.perf_counter()
    _train(model, training, epochs, seed)
    seconds, accuracy = time.perf_counter() - start, model.accuracy(*test)
    console.print(f"trained in {seconds:.1f} s; on the held-out digits:")
    console.print(f"  [bold]{accuracy:.1%}[/bold] of {len(test[0])} right")
    drawing = _draw(model, Path(out), console)
    console.print("the loss and its gradients for one batch, under three schedules:")
    compared = model.compared(training)
    data = {
        "backend": model.step.backend, "seconds": seconds, "accuracy": accuracy,
        "drawing": None if drawing is None else str(drawing), **compared.to_dict(),
    }  # fmt: skip
    show(data, "" if is_json() else compared)


def _train(model: Classifier, data: Any, epochs: int, seed: int) -> None:
    with reporting(None, "training") as report:
        for epoch, loss in enumerate(train(model, data, epochs, seed), 1):
            if report is not None:
                report(Progress(epoch, epochs, f"loss {loss:.4f}"))


def _draw(model: Classifier, path: Path, console: Console) -> Path | None:
    try:
        written = model.step.draw(path).resolve()
    except DrawingError as error:
        console.print(f"the training step was not drawn: {error}", soft_wrap=True)
        return None
    console.print(f"the training step, forward and backward in one picture: {written}", soft_wrap=True)
    return written


command = demo
