"""What a person who knows NumPy would write: vectorised, with the backward pass by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks import workloads
from tests.benchmarks.workloads import RATE, Array, Network

_C = np.float32(np.sqrt(2 / np.pi))
_A = np.float32(0.044715)


def prepare(workload: str) -> Callable[[], Any]:
    """A step of a workload."""
    network = workloads.sized(workload)
    if network is not None:
        return _gelu_network(network, True, _mean_square)
    return _PREPARE[workload]()


def _gelu(x: Array) -> tuple[Array, Array]:
    """The value, and the tanh that its slope needs."""
    t = np.tanh(_C * (x + _A * x * x * x))
    return np.float32(0.5) * x * (1 + t), t


def _gelu_slope(x: Array, t: Array) -> Array:
    return np.float32(0.5) * (1 + t) + np.float32(0.5) * x * (1 - t * t) * _C * (1 + 3 * _A * x * x)


def _w1() -> Callable[[], Any]:
    x, b = workloads.activation_data()

    def step() -> Array:
        value, _ = _gelu(x + b)
        return x / (1 + np.exp(-value))

    return step


def _w1g() -> Callable[[], Any]:
    x, b = workloads.activation_data()

    def step() -> tuple[Array, Array]:
        h = x + b
        value, t = _gelu(h)
        s = 1 / (1 + np.exp(-value))
        dh = x * s * (1 - s) * _gelu_slope(h, t)
        return s + dh, dh.sum(axis=0)

    return step


def _descend(layers: list[tuple[Array, Array]], slopes: list[tuple[Array, Array]]) -> None:
    for (w, b), (dw, db) in zip(layers, slopes, strict=True):
        w -= RATE * dw
        b -= RATE * db


def _gelu_network(
    network: Network, last: bool, loss_of: Callable[..., tuple[Any, Array]]
) -> Callable[[], Any]:
    """Dense layers with gelu between (and behind the last, if asked)."""

    def step() -> Any:
        value, trace = network.x, []
        for k, (w, b) in enumerate(network.layers):
            h = value @ w + b
            is_curved = last or k + 1 < len(network.layers)
            out, t = _gelu(h) if is_curved else (h, None)
            trace.append((value, h, t))
            value = out
        loss, g = loss_of(value, network.target)
        slopes = []
        for (w, _), (before, h, t) in zip(reversed(network.layers), reversed(trace), strict=True):
            g = g if t is None else g * _gelu_slope(h, t)
            slopes.append((before.T @ g, g.sum(axis=0)))
            g = g @ w.T
        _descend(network.layers, slopes[::-1])
        return loss

    return step


def _cross_entropy(z: Array, labels: Array) -> tuple[Any, Array]:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    rows = np.arange(len(z))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / np.float32(len(z))


def _mean_square(y: Array, target: Array) -> tuple[Any, Array]:
    d = y - target
    return (d * d).mean(), d * np.float32(2 / d.size)


def _w3() -> Callable[[], Any]:
    network = workloads.xor()
    (w1, b1), (w2, b2) = network.layers
    x, target = network.x, network.target

    def step() -> Any:
        h = np.tanh(x @ w1 + b1)
        y = 1 / (1 + np.exp(-(h @ w2 + b2)))
        loss, g = _mean_square(y, target)
        g = g * y * (1 - y)
        dw2, db2 = h.T @ g, g.sum(axis=0)
        gh = (g @ w2.T) * (1 - h * h)
        _descend(network.layers, [(x.T @ gh, gh.sum(axis=0)), (dw2, db2)])
        return loss

    return step


def _w5() -> Callable[[], Any]:
    z, labels = workloads.logits_and_labels()

    def step() -> tuple[Any, Array]:
        shifted = z - z.max(axis=1, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(axis=1, keepdims=True)
        loss = -(labels * (shifted - np.log(total))).sum(axis=1).mean()
        return loss, (e / total * labels.sum(axis=1, keepdims=True) - labels) / np.float32(len(z))

    return step


_PREPARE: dict[str, Callable[[], Callable[[], Any]]] = {
    "W1": _w1,
    "W1g": _w1g,
    "W2": lambda: _gelu_network(workloads.classifier(), False, _cross_entropy),
    "W3": _w3,
    "W4": lambda: _gelu_network(workloads.deep(), True, _mean_square),
    "W5": _w5,
}
