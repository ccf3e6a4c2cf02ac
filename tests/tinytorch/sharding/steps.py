"""Training steps of many kinds, in float64, so that two ways to round a sum agree in nearly all digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinytorch as tt

F64 = "float64"


def _dense(inputs: int, outputs: int) -> Any:
    return tt.nn.Dense(inputs, outputs, dtype=F64)


def plain(x: Any, y: Any) -> tuple[Any, Any]:
    net = tt.nn.Sequential(_dense(6, 5), tt.nn.Tanh(), _dense(5, 3), seed=0)
    return net, tt.losses.cross_entropy(net(x), y)


def summed(x: Any, y: Any) -> tuple[Any, Any]:
    net = tt.nn.Sequential(_dense(6, 3), seed=0)
    return net, tt.losses.cross_entropy(net(x), y, reduction="sum")


def masked(x: Any, y: Any) -> tuple[Any, Any]:
    """A mean over the rows that count: another sum, by which the first one's gradients are divided."""
    net = tt.nn.Sequential(_dense(6, 3), seed=0)
    return net, tt.losses.cross_entropy(net(x), y, ignore_index=1)


def dropped(x: Any, y: Any) -> tuple[Any, Any]:
    net = tt.nn.Sequential(_dense(6, 8), tt.nn.Dropout(0.4), _dense(8, 3), tt.nn.Dropout(0.2), seed=0)
    return net, tt.losses.cross_entropy(net(x), y)


def normed(x: Any, y: Any) -> tuple[Any, Any]:
    net = tt.nn.Sequential(_dense(6, 8), tt.nn.BatchNorm1d(8, dtype=F64), tt.nn.ReLU(), _dense(8, 3), seed=0)
    return net, tt.losses.cross_entropy(net(x), y)


def convolved(x: Any, y: Any) -> tuple[Any, Any]:
    net = tt.nn.Sequential(
        tt.nn.Conv1d(1, 4, 3, padding=1, dtype=F64), tt.nn.ReLU(), tt.nn.MaxPool1d(2), tt.nn.Flatten(),
        _dense(12, 3), seed=0,
    )  # fmt: skip
    return net, tt.losses.cross_entropy(net(x.reshape(-1, 1, 6)), y)


def embedded(x: Any, y: Any) -> tuple[Any, Any]:
    """Rows that are added to where indices say, and an axis of rows that others are merged into."""
    net = tt.nn.Sequential(tt.nn.Embedding(3, 4, dtype=F64), seed=0)
    places = tt.where(x > 0, 1, 0).astype("int64")
    found = net(places).reshape(-1, 4)
    return net, (found * found).sum() / 7 + (net(y) ** 2.0).mean()


def clipped(x: Any, y: Any) -> tuple[Any, Any]:
    net = tt.nn.Sequential(_dense(6, 5), tt.nn.LayerNorm(5, dtype=F64), _dense(5, 3), seed=0)
    return net, tt.losses.cross_entropy(net(x), y)


STEPS: tuple[Callable[[Any, Any], tuple[Any, Any]], ...] = (
    plain, summed, masked, dropped, normed, convolved, embedded, clipped,
)  # fmt: skip


def step_of(make: Callable[[Any, Any], tuple[Any, Any]], **options: Any) -> Any:
    """A step that returns its loss and a mean of the labels."""
    x, y = tt.input("x", ("batch", 6), F64), tt.input("y", ("batch",), "int64")
    net, loss = make(x, y)
    optimiser = tt.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    gradients = tt.grad(loss, optimiser.parameters)
    if make is clipped:
        gradients = tt.clip_grad_norm(gradients, 0.5)
    updates = {**tt.nn.state_updates(loss), **optimiser.updates_from(gradients)}
    outputs = {"loss": loss, "labels": y.astype(F64).mean()}
    return tt.compile([x, y], outputs, updates=updates, **options)


def batch(rows: int, seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    return generator.standard_normal((rows, 6)), generator.integers(0, 3, rows)


def values(step: Any) -> dict[str, Any]:
    """Every parameter of a step."""
    names = step.source_graph.names.values
    return {names[node]: tt.value_of(tt.Tensor(node)) for node in step.source_graph.parameters}


def bits(step: Any) -> dict[str, bytes]:
    """Their bytes."""
    return {name: value.tobytes() for name, value in values(step).items()}
