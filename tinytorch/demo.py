"""A digits classifier, trained on real data: what `tinytorch demo` shows."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

import tinytorch as tt
from tinytorch.data import load_digits

BATCH = 64
RATE = 5e-3
"""The learning rate of the first epoch; it falls along a cosine to 0."""
NOISE = 0.25
"""Standard deviation of what is added to images in training, so that shapes are learnt and not pixels."""


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
        outputs: list[tt.Tensor] = [self.loss, *tt.grad(self.loss, self.network.parameters())]
        batch = [array[:BATCH] for array in data]
        return tt.compare(self.inputs, outputs, data=batch, seconds=0.03)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The share of images that are classified rightly."""
        predicted: np.ndarray = self.predict(images)
        return float((predicted == labels).mean())


def train(model: Classifier, data: tuple[np.ndarray, np.ndarray], epochs: int, seed: int) -> Iterator[float]:
    """Trains for some epochs, and gives the mean loss of each when it is done."""
    images, labels = data
    generator = np.random.default_rng(seed)
    for epoch in range(epochs):
        noisy = images + NOISE * generator.standard_normal(images.shape, np.float32)
        rate = np.float32(RATE * (1 + math.cos(math.pi * epoch / epochs)) / 2)
        parts = np.array_split(generator.permutation(len(images)), len(images) // BATCH)
        yield float(np.mean([float(model.step(noisy[part], labels[part], rate)) for part in parts]))
