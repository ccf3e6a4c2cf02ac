"""The workloads: their data, and what one step computes.

W1   y = x * sigmoid(gelu_tanh(x + b)), x (4000, 1000)
W1g  the gradients of its sum by x and b
W2   784-256-128-10, batch 64, gelu_tanh, softmax cross-entropy of class indices, one SGD step
W3   XOR: 2-8-1, batch 4, tanh and sigmoid, mean squared error, one SGD step
W4   50 layers of width 64, batch 32, gelu_tanh, mean squared error, one SGD step
W5   softmax cross-entropy of (1024, 10000) with dense labels: loss and its gradient by the logits
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

Array = np.ndarray

RATE: Final = 0.01
"""Learning rate of every SGD step."""

NAMES: Final = ("W1", "W1g", "W2", "W3", "W4", "W5")


@dataclass(frozen=True)
class Network:
    """Layers as (weight, bias), a batch and its targets, all float32 (class indices int64)."""

    layers: list[tuple[Array, Array]]
    x: Array
    target: Array


def activation_data() -> tuple[Array, Array]:
    """x (4000, 1000) and b (1000) of W1 and W1g."""
    generator = np.random.default_rng(0)
    return _normal(generator, 4000, 1000), _normal(generator, 1000)


def classifier() -> Network:
    """W2."""
    generator = np.random.default_rng(1)
    layers = _layers(generator, [784, 256, 128, 10])
    return Network(layers, _normal(generator, 64, 784), generator.integers(0, 10, 64))


def xor() -> Network:
    """W3."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    return Network(
        _layers(np.random.default_rng(2), [2, 8, 1]), x, np.array([[0], [1], [1], [0]], np.float32)
    )


def deep() -> Network:
    """W4."""
    generator = np.random.default_rng(3)
    layers = _layers(generator, [64] * 51)
    return Network(layers, _normal(generator, 32, 64), _normal(generator, 32, 64))


def sized(workload: str) -> Network | None:
    """The network of `net-BATCH-WIDTH-DEPTH`: layers of one width, as W4's; None for other names."""
    if not workload.startswith("net-"):
        return None
    batch, width, depth = map(int, workload.split("-")[1:])
    generator = np.random.default_rng(5)
    layers = _layers(generator, [width] * (depth + 1))
    return Network(layers, _normal(generator, batch, width), _normal(generator, batch, width))


def logits_and_labels() -> tuple[Array, Array]:
    """Logits (1024, 10000) and rows of probabilities of W5."""
    generator = np.random.default_rng(4)
    labels = generator.random((1024, 10000), np.float32)
    return _normal(generator, 1024, 10000), labels / labels.sum(axis=1, keepdims=True)


def _normal(generator: np.random.Generator, *shape: int) -> Array:
    return generator.standard_normal(shape, np.float32)


def _layers(generator: np.random.Generator, widths: list[int]) -> list[tuple[Array, Array]]:
    pairs = pairwise(widths)
    return [(_normal(generator, m, n) * np.float32(m**-0.5), np.zeros(n, np.float32)) for m, n in pairs]
