"""The networks in JAX: one jitted function a step, all state donated, optimisers by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import jax
import jax.numpy as jnp
from jax import lax

from tests.benchmarks.networks.models import BLOCKS, HEADS, LAYERS, RATES, Model

Weights = dict[str, Any]


def prepare(model: Model) -> Callable[[], Any]:
    """A training step."""
    inputs, classes = jnp.asarray(model.inputs), jnp.asarray(model.classes)
    network, descend = NETWORKS[model.name], DESCENTS[model.optimiser]

    def loss(parameters: Weights, buffers: Weights, key: Any, inputs: Any, classes: Any) -> Any:
        logits, buffers = network(parameters, buffers, inputs, key, model.dropout)
        logs = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(logs, classes[..., None], axis=-1).mean(), buffers

    def update(state: Any, inputs: Any, classes: Any) -> Any:
        parameters, buffers, moments, key = state
        key, drawn = jax.random.split(key)
        slope = jax.value_and_grad(loss, has_aux=True)
        (found, buffers), slopes = slope(parameters, buffers, drawn, inputs, classes)
        parameters, moments = descend(parameters, slopes, moments)
        return (parameters, buffers, moments, key), found

    jitted = jax.jit(update, donate_argnums=0)
    parameters = jax.tree.map(jnp.array, model.parameters)
    moments = (jnp.zeros((), jnp.int32), *(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)))
    state = (parameters, jax.tree.map(jnp.array, model.buffers), moments, jax.random.key(0))

    def step() -> Any:
        nonlocal state
        state, found = jitted(state, inputs, classes)
        return jax.block_until_ready(found)

    return step


def _sgd(parameters: Weights, slopes: Weights, moments: Any) -> Any:
    return jax.tree.map(lambda p, g: p - RATES["sgd"] * g, parameters, slopes), moments


def _momentum(parameters: Weights, slopes: Weights, moments: Any) -> Any:
    count, buffers, unused = moments
    buffers = jax.tree.map(lambda b, g: 0.9 * b + g, buffers, slopes)
    parameters = jax.tree.map(lambda p, b: p - RATES["momentum"] * b, parameters, buffers)
    return parameters, (count, buffers, unused)


def _adam(parameters: Weights, slopes: Weights, moments: Any) -> Any:
    count, means, squares = moments
    count = count + 1
    size = RATES["adam"] / (1 - 0.9**count)
    root = jnp.sqrt(1 - 0.999**count)
    means = jax.tree.map(lambda m, g: m + (1 - 0.9) * (g - m), means, slopes)
    squares = jax.tree.map(lambda v, g: 0.999 * v + (1 - 0.999) * (g * g), squares, slopes)
    parameters = jax.tree.map(
        lambda p, m, v: p - size * (m / (jnp.sqrt(v) / root + 1e-8)), parameters, means, squares
    )
    return parameters, (count, means, squares)


DESCENTS: Final = {"sgd": _sgd, "momentum": _momentum, "adam": _adam}


def _linear(w: Weights, name: str, x: Any) -> Any:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _convolved(x: Any, weight: Any, padding: int) -> Any:
    sides = [(padding, padding)] * 2
    return lax.conv_general_dilated(x, weight, (1, 1), sides, dimension_numbers=("NCHW", "OIHW", "NCHW"))


def _lenet(w: Weights, buffers: Weights, x: Any, *_: Any) -> Any:
    for name, padding in (("conv1", 2), ("conv2", 0)):
        x = jax.nn.relu(_convolved(x, w[f"{name}.weight"], padding) + w[f"{name}.bias"][:, None, None])
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    x = jax.nn.relu(_linear(w, "fc1", x.reshape(len(x), -1)))
    return _linear(w, "fc3", jax.nn.relu(_linear(w, "fc2", x))), buffers


def _residual(w: Weights, buffers: Weights, x: Any, *_: Any) -> Any:
    running = dict(buffers)

    def normed(x: Any, block: int, half: int) -> Any:
        x = _convolved(x, w[f"block{block}.conv{half}.weight"], 1)
        norm = f"block{block}.norm{half}"
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
        count = x.size / x.shape[1]
        for what, value in (("mean", mean), ("var", variance * (count / (count - 1)))):
            name = f"{norm}.running_{what}"
            running[name] = 0.9 * buffers[name] + 0.1 * lax.stop_gradient(value)
        scale = w[f"{norm}.weight"] * lax.rsqrt(variance + 1e-5)
        wide = (slice(None), None, None)
        return (x - mean[wide]) * scale[wide] + w[f"{norm}.bias"][wide]

    for block in range(BLOCKS):
        x = jax.nn.relu(x + normed(jax.nn.relu(normed(x, block, 1)), block, 2))
    return _linear(w, "head", x.mean((2, 3))), running


def _transformer(w: Weights, buffers: Weights, words: Any, *_: Any) -> Any:
    def split(x: Any) -> Any:
        return x.reshape(*x.shape[:2], HEADS, -1)

    def normed(x: Any, name: str) -> Any:
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * lax.rsqrt(variance + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["words.weight"][words] + w["places.weight"]
    for layer in range(LAYERS):
        name = f"layers.{layer}"
        projected = x @ w[f"{name}.self_attn.in_proj_weight"].T + w[f"{name}.self_attn.in_proj_bias"]
        q, k, v = map(split, jnp.split(projected, 3, -1))
        mixed = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape)
        x = normed(x + _linear(w, f"{name}.self_attn.out_proj", mixed), f"{name}.norm1")
        wide = jax.nn.relu(_linear(w, f"{name}.linear1", x))
        x = normed(x + _linear(w, f"{name}.linear2", wide), f"{name}.norm2")
    return _linear(w, "head", x), buffers


def _recurrent(w: Weights, buffers: Weights, x: Any, *_: Any) -> Any:
    projected = x @ w["lstm.weight_ih_l0"].T + (w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"])
    across = w["lstm.weight_hh_l0"].T

    def step(carry: Any, given: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(given + h @ across, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zero = jnp.zeros(x.shape[1:])
    (last, _), _ = lax.scan(step, (zero, zero), projected)
    return _linear(w, "head", last), buffers


def _bag(w: Weights, buffers: Weights, words: Any, *_: Any) -> Any:
    return _linear(w, "head", w["words.weight"][words].mean(1)), buffers


def _dropped(w: Weights, buffers: Weights, x: Any, key: Any, dropout: float) -> Any:
    for name in ("fc1", "fc2"):
        key, drawn = jax.random.split(key)
        x = jax.nn.relu(_linear(w, name, x))
        x = jnp.where(jax.random.bernoulli(drawn, 1 - dropout, x.shape), x / (1 - dropout), 0)
    return _linear(w, "fc3", x), buffers


NETWORKS: Final[dict[str, Callable[..., Any]]] = {
    "W6": _lenet, "W7": _residual, "W8": _transformer, "W9": _recurrent, "W10": _bag, "W11": _dropped,
}  # fmt: skip
