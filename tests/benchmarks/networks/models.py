"""The networks that are trained: their weights and data, and what one step of each computes.

W6   LeNet on 28x28, batch 64: two convolutions of 5x5, each with relu and pooling, 400-120-84-10; SGD
W7   six convolutions of 3x3 with batch norm in three residual blocks, 32 channels, 32x32, batch 16; SGD
     with momentum
W8   a transformer of two causal layers, width 64, 4 heads, feed-forward 256, 64 tokens, batch 16; Adam
W9   an LSTM over 32 steps of width 64, batch 32, a classifier of its last state; Adam
W10  the mean of 8 of 10,000 words of width 64, batch 1024, a classifier; Adam, with a dense gradient
W11  784-512-512-10 with dropout of a half, batch 128; Adam

The loss of each is a cross entropy. Weights have PyTorch's names and shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

Array = np.ndarray
Shapes = dict[str, tuple[int, ...]]

RATES: Final = {"sgd": 0.01, "momentum": 0.01, "adam": 0.001}
"""Optimisers, and the learning rate of each. The momentum is 0.9; Adam has the usual settings."""

BLOCKS: Final = 3
LAYERS: Final = 2
HEADS: Final = 4


@dataclass(frozen=True)
class Model:
    """Weights, running statistics, a batch, its classes, and how a step goes down."""

    name: str
    optimiser: str
    parameters: dict[str, Array]
    inputs: Array
    classes: Array
    buffers: dict[str, Array] = field(default_factory=dict)
    dropout: float = 0.0


def lenet(batch: int = 64) -> Model:
    """W6."""
    shapes = {**_conv("conv1", 1, 6, 5), **_conv("conv2", 6, 16, 5)}
    for name, inputs, outputs in (("fc1", 400, 120), ("fc2", 120, 84), ("fc3", 84, 10)):
        shapes |= _linear(name, inputs, outputs)
    return _model("W6", "sgd", shapes, (batch, 1, 28, 28))


def residual(batch: int = 16, channels: int = 32, extent: int = 32) -> Model:
    """W7."""
    shapes: Shapes = {}
    norms = [f"block{block}.norm{half}" for block in range(BLOCKS) for half in (1, 2)]
    for norm in norms:
        conv = norm.replace("norm", "conv")
        shapes |= {f"{conv}.weight": (channels, channels, 3, 3)}
        shapes |= {f"{norm}.weight": (channels,), f"{norm}.bias": (channels,)}
    shapes |= _linear("head", channels, 10)
    buffers = {f"{norm}.running_mean": np.zeros(channels, np.float32) for norm in norms}
    buffers |= {f"{norm}.running_var": np.ones(channels, np.float32) for norm in norms}
    return _model("W7", "momentum", shapes, (batch, channels, extent, extent), buffers=buffers)


def transformer(batch: int = 16, tokens: int = 64, width: int = 64, words: int = 100) -> Model:
    """W8."""
    shapes: Shapes = {"words.weight": (words, width), "places.weight": (tokens, width)}
    for layer in range(LAYERS):
        named = {
            "self_attn.in_proj_weight": (3 * width, width), "self_attn.in_proj_bias": (3 * width,),
            **_linear("self_attn.out_proj", width, width),
            **_linear("linear1", width, 4 * width), **_linear("linear2", 4 * width, width),
            **{f"norm{half}.{what}": (width,) for half in (1, 2) for what in ("weight", "bias")},
        }  # fmt: skip
        shapes |= {f"layers.{layer}.{name}": shape for name, shape in named.items()}
    shapes |= _linear("head", width, words)
    return _model("W8", "adam", shapes, (batch, tokens), words=words, classes=words)


def recurrent(batch: int = 32, steps: int = 32, width: int = 64) -> Model:
    """W9."""
    shapes: Shapes = {f"lstm.weight_{kind}_l0": (4 * width, width) for kind in ("ih", "hh")}
    shapes |= {f"lstm.bias_{kind}_l0": (4 * width,) for kind in ("ih", "hh")}
    return _model("W9", "adam", {**shapes, **_linear("head", width, 10)}, (steps, batch, width))


def bag(batch: int = 1024, words: int = 10_000, width: int = 64) -> Model:
    """W10."""
    shapes: Shapes = {"words.weight": (words, width), **_linear("head", width, 10)}
    return _model("W10", "adam", shapes, (batch, 8), words=words)


def dropped(batch: int = 128, width: int = 512, dropout: float = 0.5) -> Model:
    """W11."""
    shapes: Shapes = {
        **_linear("fc1", 784, width),
        **_linear("fc2", width, width),
        **_linear("fc3", width, 10),
    }
    return _model("W11", "adam", shapes, (batch, 784), dropout=dropout)


MODELS: Final[dict[str, Callable[[], Model]]] = {
    "W6": lenet, "W7": residual, "W8": transformer, "W9": recurrent, "W10": bag, "W11": dropped,
}  # fmt: skip


def _conv(name: str, inputs: int, outputs: int, size: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, size, size), f"{name}.bias": (outputs,)}


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _model(
    name: str, optimiser: str, shapes: Shapes, inputs: tuple[int, ...], *, words: int = 0, classes: int = 10,
    buffers: dict[str, Array] | None = None, dropout: float = 0.0,
) -> Model:  # fmt: skip
    """Weights are divided by the root of their inputs, those of norms are near 1, words are drawn."""
    generator = np.random.default_rng(int(name[1:]))
    parameters = {key: _weight(generator, key, shape) for key, shape in shapes.items()}
    x = generator.integers(0, words, inputs) if words else generator.standard_normal(inputs, np.float32)
    count = inputs if name == "W8" else inputs[1:2] if name == "W9" else inputs[:1]
    targets = generator.integers(0, classes, count)
    return Model(name, optimiser, parameters, np.asarray(x), targets, buffers or {}, dropout)


def _weight(generator: np.random.Generator, name: str, shape: tuple[int, ...]) -> Array:
    drawn = generator.standard_normal(shape, np.float32)
    if "norm" in name:
        return (name.endswith("weight") + 0.1 * drawn).astype(np.float32)
    fan = int(np.prod(shape[1:])) if len(shape) > 1 else 100
    return drawn * np.float32(fan**-0.5)
