"""PyTensor in its numba mode, parameters as shared variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from tests.benchmarks import workloads
from tests.benchmarks.workloads import RATE, Network

pytensor.config.floatX = "float32"


def prepare(workload: str) -> Callable[[], Any]:
    """A step of a workload."""
    network = workloads.sized(workload)
    if network is not None:
        return _network(network, [_gelu] * len(network.layers), _mean_square)
    return _PREPARE[workload]()


def _gelu(x: Any) -> Any:
    half, c, a = np.float32(0.5), np.float32(np.sqrt(2 / np.pi)), np.float32(0.044715)
    return half * x * (np.float32(1) + pt.tanh(c * (x + a * x * x * x)))


def _activation(gradient: bool) -> Callable[[], Any]:
    data = workloads.activation_data()
    x, b = pt.fmatrix("x"), pt.fvector("b")
    y = x * pt.sigmoid(_gelu(x + b))
    outputs = pytensor.grad(y.sum(), [x, b]) if gradient else y
    function = pytensor.function([x, b], outputs, mode="NUMBA")
    return lambda: function(*data)


def _network(data: Network, activations: list[Any], loss_of: Callable[..., Any]) -> Callable[[], Any]:
    x = pt.fmatrix("x")
    target = pt.lvector("target") if data.target.ndim == 1 else pt.fmatrix("target")
    parameters = [pytensor.shared(item) for pair in data.layers for item in pair]
    value = x
    for k, activation in enumerate(activations):
        value = activation(value @ parameters[2 * k] + parameters[2 * k + 1])
    loss = loss_of(value, target)
    slopes = pytensor.grad(loss, parameters)
    updates = [(p, p - np.float32(RATE) * g) for p, g in zip(parameters, slopes, strict=True)]
    function = pytensor.function([x, target], loss, updates=updates, mode="NUMBA")
    return lambda: function(data.x, data.target)


def _cross_entropy(z: Any, labels: Any) -> Any:
    return -pt.special.log_softmax(z, axis=1)[pt.arange(z.shape[0]), labels].mean(dtype="float32")


def _mean_square(y: Any, target: Any) -> Any:
    return ((y - target) ** 2).mean(dtype="float32")


def _w5() -> Callable[[], Any]:
    data = workloads.logits_and_labels()
    z, labels = pt.fmatrix("z"), pt.fmatrix("labels")
    loss = -(labels * pt.special.log_softmax(z, axis=1)).sum(axis=1).mean(dtype="float32")
    function = pytensor.function([z, labels], [loss, pytensor.grad(loss, z)], mode="NUMBA")
    return lambda: function(*data)


def _same(x: Any) -> Any:
    return x


_PREPARE: dict[str, Callable[[], Callable[[], Any]]] = {
    "W1": lambda: _activation(False),
    "W1g": lambda: _activation(True),
    "W2": lambda: _network(workloads.classifier(), [_gelu, _gelu, _same], _cross_entropy),
    "W3": lambda: _network(workloads.xor(), [pt.tanh, pt.sigmoid], _mean_square),
    "W4": lambda: _network(workloads.deep(), [_gelu] * 50, _mean_square),
    "W5": _w5,
}
