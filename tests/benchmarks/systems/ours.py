"""tinytorch with its default backend."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tinytorch as tt
from tests.benchmarks import workloads
from tests.benchmarks.networks import in_ours
from tests.benchmarks.networks.models import MODELS
from tests.benchmarks.workloads import RATE, Network

Options = dict[str, Any]
Call = tuple[Any, tuple[Any, ...]]
"""A program and its arguments."""


def prepare(workload: str, **options: Any) -> Callable[[], Any]:
    """A step of a workload, compiled with the given options of `tt.compile`."""
    program, arguments = build(workload, **options)
    return lambda: program(*arguments)


def build(workload: str, **options: Any) -> Call:
    """The program of a step of a workload, and its arguments."""
    if workload in MODELS:
        return in_ours.build(MODELS[workload](), **options)
    network = workloads.sized(workload)
    if network is not None:
        return _sgd(network, tt.losses.mse, [_gelu] * len(network.layers), options)
    return _BUILD[workload](options)


def _activation(options: Options, *, gradient: bool) -> Call:
    data = workloads.activation_data()
    x, b = tt.input("x", data[0].shape), tt.input("b", data[1].shape)
    y = x * tt.sigmoid(tt.gelu(x + b, approximate="tanh"))
    return tt.compile([x, b], tt.grad(y.sum(), [x, b]) if gradient else y, **options), data


def _sgd(network: Network, loss_of: Callable[..., Any], activations: list[Any], options: Options) -> Call:
    x = tt.input("x", network.x.shape)
    target = tt.input("target", network.target.shape, network.target.dtype)
    parameters = [
        (tt.parameter(w, f"w{k}"), tt.parameter(b, f"b{k}")) for k, (w, b) in enumerate(network.layers)
    ]
    value = x
    for (w, b), activation in zip(parameters, activations, strict=True):
        value = activation(value @ w + b)
    loss = loss_of(value, target)
    flat = [item for pair in parameters for item in pair]
    step = tt.compile([x, target], loss, updates=tt.optim.SGD(flat, lr=RATE).updates(loss), **options)
    return step, (network.x, network.target)


def _same(value: Any) -> Any:
    return value


_gelu = partial(tt.gelu, approximate="tanh")


def _dense_cross_entropy(options: Options) -> Call:
    data = workloads.logits_and_labels()
    logits, labels = tt.input("logits", data[0].shape), tt.input("labels", data[1].shape)
    loss = tt.losses.cross_entropy(logits, labels)
    return tt.compile([logits, labels], [loss, tt.grad(loss, logits)], **options), data


_BUILD: dict[str, Callable[[Options], Call]] = {
    "W1": lambda options: _activation(options, gradient=False),
    "W1g": lambda options: _activation(options, gradient=True),
    "W2": lambda options: _sgd(
        workloads.classifier(), tt.losses.cross_entropy, [_gelu, _gelu, _same], options
    ),
    "W3": lambda options: _sgd(workloads.xor(), tt.losses.mse, [tt.tanh, tt.sigmoid], options),
    "W4": lambda options: _sgd(workloads.deep(), tt.losses.mse, [_gelu] * 50, options),
    "W5": _dense_cross_entropy,
}
