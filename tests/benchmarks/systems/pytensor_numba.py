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


def prepare(workload: str, mode: str = "NUMBA") -> Callable[[], Any]:
    """A step of a workload, compiled in a mode of PyTensor's."""
    network = workloads.sized(workload)
    if network is not None:
        return _network(network, [_gelu] * len(network.layers), _mean_square, mode)
    return _PREPARE[workload](mode)


def _gelu(x: Any) -> Any:
    half, c, a = np.float32(0.5), np.float32(np.sqrt(2 / np.pi)), np.float32(0.044715)
    return half * x * (np.float32(1) + pt.tanh(c * (x + a * x * x * x)))


def _activation(gradient: bool, mode: str) -> Callable[[], Any]:
    data = workloads.activation_data()
    x, b = pt.fmatrix("x"), pt.fvector("b")
    y = x * pt.sigmoid(_gelu(x + b))
    outputs = pytensor.grad(y.sum(), [x, b]) if gradient else y
    function = pytensor.function([x, b], outputs, mode=mode)
    return lambda: function(*data)


def _network(
    data: Network, activations: list[Any], loss_of: Callable[..., Any], mode: str
) -> Callable[[], Any]:
    x = pt.fmatrix("x")
    target = pt.lvector("target") if data.target.ndim == 1 else pt.fmatrix("target")
    parameters = [pytensor.shared(item) for pair in data.layers for item in pair]
    value = x
    for k, activation in enumerate(activations):
        value = activation(value @ parameters[2 * k] + parameters[2 * k + 1])
    loss = loss_of(value, target)
    slopes = pytensor.grad(loss, parameters)
    updates = [(p, p - np.float32(RATE) * g) for p, g in zip(parameters, slopes, strict=True)]
    function = pytensor.function([x, target], loss, updates=updates, mode=mode)
    return lambda: function(data.x, data.target)


def _cross_entropy(z: Any, labels: Any) -> Any:
    return -pt.special.log_softmax(z, axis=1)[pt.arange(z.shape[0]), labels].mean(dtype="float32")


def _mean_square(y: Any, target: Any) -> Any:
    return ((y - target) ** 2).mean(dtype="float32")


def _w5(mode: str) -> Callable[[], Any]:
    data = workloads.logits_and_labels()
    z, labels = pt.fmatrix("z"), pt.fmatrix("labels")
    loss = -(labels * pt.special.log_softmax(z, axis=1)).sum(axis=1).mean(dtype="float32")
    function = pytensor.function([z, labels], [loss, pytensor.grad(loss, z)], mode=mode)
    return lambda: function(*data)


def _same(x: Any) -> Any:
    return x


_PREPARE: dict[str, Callable[[str], Callable[[], Any]]] = {
    "W1": lambda mode: _activation(False, mode),
    "W1g": lambda mode: _activation(True, mode),
    "W2": lambda mode: _network(workloads.classifier(), [_gelu, _gelu, _same], _cross_entropy, mode),
    "W3": lambda mode: _network(workloads.xor(), [pt.tanh, pt.sigmoid], _mean_square, mode),
    "W4": lambda mode: _network(workloads.deep(), [_gelu] * 50, _mean_square, mode),
    "W5": _w5,
}
