"""JAX: one jitted function a step, parameters donated, everything stays on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from tests.benchmarks import workloads
from tests.benchmarks.networks import in_jax
from tests.benchmarks.networks.models import MODELS
from tests.benchmarks.workloads import RATE, Network


def prepare(workload: str) -> Callable[[], Any]:
    """A step of a workload."""
    if workload in MODELS:
        return in_jax.prepare(MODELS[workload]())
    network = workloads.sized(workload)
    if network is not None:
        return _network(network, [_gelu] * len(network.layers), _mean_square)
    return _PREPARE[workload]()


def _chain(x: Any, b: Any) -> Any:
    return x * jax.nn.sigmoid(jax.nn.gelu(x + b, approximate=True))


def _waiting(function: Callable[..., Any], *data: Any) -> Callable[[], Any]:
    data = tuple(map(jnp.asarray, data))
    return lambda: jax.block_until_ready(function(*data))


def _w1() -> Callable[[], Any]:
    return _waiting(jax.jit(_chain), *workloads.activation_data())


def _w1g() -> Callable[[], Any]:
    return _waiting(jax.jit(jax.grad(lambda x, b: _chain(x, b).sum(), (0, 1))), *workloads.activation_data())


def _network(data: Network, activations: list[Any], loss_of: Callable[..., Any]) -> Callable[[], Any]:
    x, target = jnp.asarray(data.x), jnp.asarray(data.target)
    parameters = jax.tree.map(jnp.asarray, data.layers)

    def loss(parameters: Any, x: Any, target: Any) -> Any:
        value = x
        for (w, b), activation in zip(parameters, activations, strict=True):
            value = activation(value @ w + b)
        return loss_of(value, target)

    def update(parameters: Any, x: Any, target: Any) -> Any:
        found, slopes = jax.value_and_grad(loss)(parameters, x, target)
        return jax.tree.map(lambda p, g: p - RATE * g, parameters, slopes), found

    jitted = jax.jit(update, donate_argnums=0)

    def step() -> Any:
        nonlocal parameters
        parameters, found = jitted(parameters, x, target)
        return jax.block_until_ready(found)

    return step


def _cross_entropy(z: Any, labels: Any) -> Any:
    return -jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], axis=1).mean()


def _mean_square(y: Any, target: Any) -> Any:
    return jnp.mean((y - target) ** 2)


def _w5() -> Callable[[], Any]:
    def loss(z: Any, labels: Any) -> Any:
        return -(labels * jax.nn.log_softmax(z)).sum(axis=1).mean()

    return _waiting(jax.jit(jax.value_and_grad(loss)), *workloads.logits_and_labels())


def _gelu(x: Any) -> Any:
    return jax.nn.gelu(x, approximate=True)


def _same(x: Any) -> Any:
    return x


_PREPARE: dict[str, Callable[[], Callable[[], Any]]] = {
    "W1": _w1,
    "W1g": _w1g,
    "W2": lambda: _network(workloads.classifier(), [_gelu, _gelu, _same], _cross_entropy),
    "W3": lambda: _network(workloads.xor(), [jnp.tanh, jax.nn.sigmoid], _mean_square),
    "W4": lambda: _network(workloads.deep(), [_gelu] * 50, _mean_square),
    "W5": _w5,
}
