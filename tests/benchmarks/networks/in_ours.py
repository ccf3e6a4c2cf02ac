"""The networks in tinytorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import tinytorch as tt
from tests.benchmarks.networks.models import BLOCKS, HEADS, LAYERS, RATES, Model

Weights = dict[str, Any]
Updates = dict[Any, Any]


def build(model: Model, **options: Any) -> tuple[Any, tuple[Any, ...]]:
    """The program of a training step, and its arguments."""
    parameters = {name: tt.parameter(value, name) for name, value in model.parameters.items()}
    state = {name: tt.parameter(value, name) for name, value in model.buffers.items()}
    inputs = tt.input("inputs", model.inputs.shape, model.inputs.dtype)
    classes = tt.input("classes", model.classes.shape, model.classes.dtype)
    updates: Updates = {}
    logits = NETWORKS[model.name]({**parameters, **state}, inputs, updates, model.dropout)
    loss = tt.losses.cross_entropy(logits, classes, axis=-1)
    updates |= _optimiser(model, list(parameters.values())).updates(loss)
    return tt.compile([inputs, classes], loss, updates=updates, **options), (model.inputs, model.classes)


def _optimiser(model: Model, parameters: list[Any]) -> Any:
    rate = RATES[model.optimiser]
    if model.optimiser == "adam":
        return tt.optim.Adam(parameters, lr=rate)
    return tt.optim.SGD(parameters, lr=rate, momentum=0.9 if model.optimiser == "momentum" else 0.0)


def _linear(w: Weights, name: str, x: Any) -> Any:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _convolved(x: Any, weight: Any, padding: int) -> Any:
    padded = tt.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)]) if padding else x
    windows = tt.sliding_window(padded, weight.shape[2:], (2, 3))
    return tt.einsum("nchwij,ocij->nohw", windows, weight)


def _lenet(w: Weights, x: Any, *_: Any) -> Any:
    for name, padding in (("conv1", 2), ("conv2", 0)):
        x = tt.relu(_convolved(x, w[f"{name}.weight"], padding) + w[f"{name}.bias"][:, None, None])
        x = tt.sliding_window(x, (2, 2), (2, 3), step=2).max((4, 5))
    x = tt.relu(_linear(w, "fc1", x.reshape(x.shape[0], -1)))
    return _linear(w, "fc3", tt.relu(_linear(w, "fc2", x)))


def _residual(w: Weights, x: Any, updates: Updates, _: float) -> Any:
    def normed(x: Any, block: int, half: int) -> Any:
        x = _convolved(x, w[f"block{block}.conv{half}.weight"], 1)
        norm = f"block{block}.norm{half}"
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        count = x.shape[0] * x.shape[2] * x.shape[3]
        for what, value in (("mean", mean), ("var", variance * (count / (count - 1)))):
            running = w[f"{norm}.running_{what}"]
            updates[running] = 0.9 * running + 0.1 * value
        scale = w[f"{norm}.weight"] * tt.rsqrt(variance + 1e-5)
        wide = (slice(None), None, None)
        return (x - mean[wide]) * scale[wide] + w[f"{norm}.bias"][wide]

    for block in range(BLOCKS):
        x = tt.relu(x + normed(tt.relu(normed(x, block, 1)), block, 2))
    return _linear(w, "head", x.mean((2, 3)))


def _transformer(w: Weights, words: Any, *_: Any) -> Any:
    def normed(x: Any, name: str) -> Any:
        return tt.layer_norm(x, w[f"{name}.weight"], w[f"{name}.bias"])

    count, length = words.shape
    mask = tt.arange(length)[:, None] >= tt.arange(length)
    x = tt.take(w["words.weight"], words, 0) + w["places.weight"]
    for layer in range(LAYERS):
        name = f"layer{layer}"
        projected = x @ w[f"{name}.attention.in_proj_weight"].T + w[f"{name}.attention.in_proj_bias"]
        width = projected.shape[-1] // 3
        parts = (projected[:, :, at * width : (at + 1) * width] for at in range(3))
        q, k, v = (part.reshape(count, length, HEADS, -1) for part in parts)
        scores = tt.einsum("bthd,bshd->bhts", q, k) * (width // HEADS) ** -0.5
        mixed = tt.einsum("bhts,bshd->bthd", tt.softmax(tt.where(mask, scores, -float("inf"))), v)
        mixed = mixed.reshape(count, length, width)
        x = normed(x + _linear(w, f"{name}.attention.out_proj", mixed), f"{name}.norm1")
        wide = tt.relu(_linear(w, f"{name}.linear1", x))
        x = normed(x + _linear(w, f"{name}.linear2", wide), f"{name}.norm2")
    return _linear(w, "head", x)


def _recurrent(w: Weights, x: Any, *_: Any) -> Any:
    projected = x @ w["lstm.weight_ih_l0"].T + w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"]
    across, width = w["lstm.weight_hh_l0"].T, x.shape[2]
    h = c = tt.zeros(x.shape[1:])
    for step in range(x.shape[0]):
        z = projected[step] + h @ across
        i, f, g, o = (z[:, gate * width : (gate + 1) * width] for gate in range(4))
        c = tt.sigmoid(f) * c + tt.sigmoid(i) * tt.tanh(g)
        h = tt.sigmoid(o) * tt.tanh(c)
    return _linear(w, "head", h)


def _bag(w: Weights, words: Any, *_: Any) -> Any:
    return _linear(w, "head", tt.take(w["words.weight"], words, 0).mean(1))


def _dropped(w: Weights, x: Any, updates: Updates, dropout: float) -> Any:
    counter = tt.parameter([0], "counter")
    updates[counter] = counter + 1
    key = tt.random.fold_in(tt.random.key(0), counter[0])
    for layer, name in enumerate(("fc1", "fc2")):
        x = tt.relu(_linear(w, name, x))
        kept = tt.random.bernoulli(tt.random.fold_in(key, layer), 1 - dropout, x.shape)
        x = tt.where(kept, x / (1 - dropout), 0)
    return _linear(w, "fc3", x)


NETWORKS: Final[dict[str, Callable[[Weights, Any, Updates, float], Any]]] = {
    "W6": _lenet, "W7": _residual, "W8": _transformer, "W9": _recurrent, "W10": _bag, "W11": _dropped,
}  # fmt: skip
