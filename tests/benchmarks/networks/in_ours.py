"""The networks in tinytorch: its own layers, losses and optimisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

import tinytorch as tt
from tests.benchmarks.networks.models import BLOCKS, HEADS, LAYERS, RATES, Array, Model

Weights = dict[str, Any]


def build(model: Model, **options: Any) -> tuple[Any, tuple[Any, ...]]:
    """The program of a training step, and its arguments."""
    inputs = tt.input("inputs", model.inputs.shape, model.inputs.dtype)
    classes = tt.input("classes", model.classes.shape, model.classes.dtype)
    network = _loaded(NETWORKS[model.name](model), model)
    loss = tt.losses.cross_entropy(network(inputs), classes, axis=-1)
    updates = _optimiser(model, network.parameters()).updates(loss)
    return tt.compile([inputs, classes], loss, updates=updates, **options), (model.inputs, model.classes)


def _optimiser(model: Model, parameters: Any) -> Any:
    rate = RATES[model.optimiser]
    if model.optimiser == "adam":
        return tt.optim.Adam(parameters, lr=rate)
    return tt.optim.SGD(parameters, lr=rate, momentum=0.9 if model.optimiser == "momentum" else 0.0)


def _loaded(network: Any, model: Model) -> Any:
    """The network with the model's weights; those of linear layers are `[inputs, outputs]` here."""
    linear = {f"{name}.weight" for name, layer in network.named_modules() if isinstance(layer, tt.nn.Linear)}
    given: dict[str, Array] = {**model.parameters, **model.buffers}
    state = {name: np.ascontiguousarray(w.T) if name in linear else w for name, w in given.items()}
    network.load_state_dict({**network.state_dict(), **state})
    return network


class _LeNet(tt.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = tt.nn.Conv2d(1, 6, 5, padding=2), tt.nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = tt.nn.Linear(400, 120), tt.nn.Linear(120, 84), tt.nn.Linear(84, 10)

    def forward(self, x: Any) -> Any:
        for conv in (self.conv1, self.conv2):
            x = tt.max_pool2d(tt.relu(conv(x)), 2)
        return self.fc3(tt.relu(self.fc2(tt.relu(self.fc1(x.flatten(1))))))


class _Block(tt.nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (
            tt.nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2)
        )
        self.norm1, self.norm2 = tt.nn.BatchNorm2d(channels), tt.nn.BatchNorm2d(channels)

    def forward(self, x: Any) -> Any:
        return tt.relu(x + self.norm2(self.conv2(tt.relu(self.norm1(self.conv1(x))))))


class _Residual(tt.nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block0, self.block1, self.block2 = (_Block(channels) for _ in range(BLOCKS))
        self.head = tt.nn.Linear(channels, 10)

    def forward(self, x: Any) -> Any:
        return self.head(self.block2(self.block1(self.block0(x))).mean((2, 3)))


class _Recurrent(tt.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm, self.head = tt.nn.LSTM(width, width), tt.nn.Linear(width, 10)

    def forward(self, x: Any) -> Any:
        _, (last, _) = self.lstm(x)
        return self.head(last[0])


class _Bag(tt.nn.Module):
    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.words, self.head = tt.nn.EmbeddingBag(words, width), tt.nn.Linear(width, 10)

    def forward(self, words: Any) -> Any:
        return self.head(self.words(words))


class _Dropped(tt.nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.fc1, self.fc2 = tt.nn.Linear(784, width), tt.nn.Linear(width, width)
        self.fc3, self.dropout = tt.nn.Linear(width, 10), tt.nn.Dropout(dropout)

    def forward(self, x: Any) -> Any:
        for layer in (self.fc1, self.fc2):
            x = self.dropout(tt.relu(layer(x)))
        return self.fc3(x)


class _Transformer(tt.nn.Module):
    def __init__(self, words: int, tokens: int, width: int) -> None:
        super().__init__()
        self.words, self.places = tt.nn.Embedding(words, width), tt.nn.Embedding(tokens, width)
        self.layers = [
            tt.nn.TransformerEncoderLayer(width, HEADS, 4 * width, dropout=0.0, batch_first=True)
            for _ in range(LAYERS)
        ]
        self.head = tt.nn.Linear(width, words)

    def forward(self, words: Any) -> Any:
        x = self.words(words) + self.places.weight
        for layer in self.layers:
            x = layer(x, is_causal=True)
        return self.head(x)


def _extents(model: Model, name: str) -> tuple[int, ...]:
    return model.parameters[name].shape


NETWORKS: Final[dict[str, Callable[[Model], tt.nn.Module]]] = {
    "W6": lambda model: _LeNet(),
    "W7": lambda model: _Residual(model.inputs.shape[1]),
    "W8": lambda model: _Transformer(
        len(model.parameters["words.weight"]), *_extents(model, "places.weight")
    ),
    "W9": lambda model: _Recurrent(model.inputs.shape[2]),
    "W10": lambda model: _Bag(*_extents(model, "words.weight")),
    "W11": lambda model: _Dropped(*_extents(model, "fc1.bias"), model.dropout),
}
