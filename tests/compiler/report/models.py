"""What reports are made of in tests."""

from functools import cache

import numpy as np

import tinytorch as tt
from compiler.program import Program


def of_testing(name: str, **options: object) -> Program:
    """One of the programs that passes and backends are checked on."""
    case = tt.testing.PROGRAMS[name]()
    return tt.compile(case.inputs, case.outputs, updates=case.updates, **options)


@cache
def three_layers() -> tuple[Program, list[np.ndarray]]:
    """A training step of three layers with Adam, and data for it."""
    x = tt.input("x", shape=("batch", 64))
    labels = tt.input("labels", shape=("batch",), dtype="int64")
    network = tt.nn.Sequential(
        tt.nn.Dense(64, 32), tt.nn.GELU(), tt.nn.Dense(32, 16), tt.nn.GELU(), tt.nn.Dense(16, 10), seed=0
    )
    loss = tt.losses.cross_entropy(network(x), labels).named("loss")
    updates = tt.optim.Adam(network.parameters(), lr=1e-3).updates(loss)
    data = [np.random.default_rng(0).standard_normal((32, 64)).astype(np.float32), np.arange(32) % 10]
    return tt.compile([x, labels], loss, updates=updates), data


class Block(tt.nn.Module):
    """Attention and two layers, each behind a norm and beside the identity."""

    def __init__(self, width: int) -> None:
        self.norm1, self.norm2 = tt.nn.LayerNorm(width), tt.nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (tt.nn.Dense(width, width) for _ in range(4))
        self.up, self.down = tt.nn.Dense(width, 4 * width), tt.nn.Dense(4 * width, width)
        self.scale = width**-0.5

    def forward(self, x: tt.Tensor) -> tt.Tensor:
        y = self.norm1(x)
        weights = tt.softmax(self.query(y) @ self.key(y).swapaxes(-1, -2) * self.scale)
        x = x + self.out(weights @ self.value(y))
        return x + self.down(tt.gelu(self.up(self.norm2(x))))


class Transformer(tt.nn.Module):
    """Blocks between an embedding and a head."""

    def __init__(self, width: int, layers: int) -> None:
        self.embed, self.head = tt.nn.Dense(width, width), tt.nn.Dense(width, 10)
        self.blocks = [Block(width) for _ in range(layers)]

    def forward(self, x: tt.Tensor) -> tt.Tensor:
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


@cache
def transformer(layers: int, backend: str | None = None) -> Program:
    """A training step of a transformer with Adam."""
    x, target = tt.input("x", shape=("batch", 8, 16)), tt.input("target", shape=("batch", 8, 10))
    network = Transformer(16, layers)
    loss = tt.losses.mse(network(x), target).named("loss")
    updates = tt.optim.Adam(network.parameters(), lr=1e-3).updates(loss)
    return tt.compile([x, target], loss, updates=updates, backend=backend)
