"""A digits classifier, trained on real data and drawn: what `python -m tinytorch demo` does."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import tinytorch as tt
from tinytorch.data import load_digits

BATCH = 64
RATE = 5e-3
"""The learning rate of the first epoch; it falls along a cosine to 0."""
NOISE = 0.25
"""Standard deviation of what is added to images in training, so that shapes are learnt and not pixels."""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line. Returns the exit status."""
    options = _options(arguments)
    console = Console()
    train, test = split_digits(options.seed)
    model = Classifier(options.seed, options.backend)
    console.print(
        f"{len(train[0])} digits to learn from, {len(test[0])} held out; backend: {model.step.backend}"
    )
    start = time.perf_counter()
    _train(model, train, options.epochs, options.seed, console)
    console.print(f"trained in {time.perf_counter() - start:.1f} s; on the held-out digits:")
    accuracy = model.accuracy(*test)
    console.print(f"  [bold]{accuracy:.1%}[/bold] of {len(test[0])} right")
    _draw(model, options.out, console)
    console.print("the loss and its gradients for one batch, under three schedules:")
    console.print(str(model.compared(train)), soft_wrap=True)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tinytorch", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="train a digits classifier and draw its training step")
    demo.add_argument("--epochs", type=int, default=60)
    demo.add_argument("--seed", type=int, default=0)
    demo.add_argument("--backend", default=None, help="the default unless given")
    demo.add_argument("--out", type=Path, default=Path("digits_step.svg"), help="where the drawing goes")
    return parser.parse_args(arguments)


def split_digits(seed: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images and labels, shuffled: four fifths to learn from, one fifth held out."""
    images, labels = load_digits()
    order = np.random.default_rng(seed).permutation(len(images))
    held_out = len(order) // 5
    test, train = order[:held_out], order[held_out:]
    return (images[train], labels[train]), (images[test], labels[test])


class Classifier:
    """A network of three dense layers, its training step and its predictions, compiled."""

    def __init__(self, seed: int = 0, backend: str | None = None) -> None:
        images = tt.input("images", shape=("batch", 64))
        labels = tt.input("labels", shape=("batch",), dtype="int64")
        rate = tt.input("rate")
        self.network = tt.nn.Sequential(
            tt.nn.Dense(64, 128),
            tt.nn.GELU(),
            tt.nn.Dense(128, 64),
            tt.nn.GELU(),
            tt.nn.Dense(64, 10),
            seed=seed,
        )
        logits = self.network(images).named("logits")
        self.inputs = [images, labels]
        self.loss = tt.losses.cross_entropy(logits, labels).named("loss")
        optimiser = tt.optim.AdamW(self.network.parameters(), lr=rate, weight_decay=0.1)
        updates = optimiser.updates(self.loss)
        self.step = tt.compile([images, labels, rate], self.loss, updates=updates, backend=backend)
        self.predict = tt.compile([images], tt.argmax(logits, axis=1), backend=backend)

    def compared(self, data: tuple[np.ndarray, np.ndarray]) -> tt.Comparison:
        """The loss of one batch and its gradients: unfused, fused, and fused in place."""
        outputs = [self.loss, *tt.grad(self.loss, self.network.parameters())]
        batch = [array[:BATCH] for array in data]
        return tt.compare(self.inputs, outputs, data=batch, seconds=0.03)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The share of images that are classified rightly."""
        predicted: np.ndarray = self.predict(images)
        return float((predicted == labels).mean())


def _train(
    model: Classifier, data: tuple[np.ndarray, np.ndarray], epochs: int, seed: int, console: Console
) -> None:
    images, labels = data
    generator = np.random.default_rng(seed)
    columns = (
        TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]:.4f}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("training", total=epochs, loss=float("nan"))
        for epoch in range(epochs):
            noisy = images + NOISE * generator.standard_normal(images.shape, np.float32)
            rate = np.float32(RATE * (1 + math.cos(math.pi * epoch / epochs)) / 2)
            parts = np.array_split(generator.permutation(len(images)), len(images) // BATCH)
            losses = [float(model.step(noisy[part], labels[part], rate)) for part in parts]
            progress.update(bar, advance=1, loss=float(np.mean(losses)))


def _draw(model: Classifier, path: Path, console: Console) -> None:
    try:
        written = model.step.draw(path)
    except tt.DrawingError as error:
        console.print(f"the training step was not drawn: {error}")
        return
    console.print(f"the training step, forward and backward in one picture: {Path(written).resolve()}")
