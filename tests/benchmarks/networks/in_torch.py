"""The networks in PyTorch: its own layers, losses and fused optimisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name

from tests.benchmarks.networks.models import BLOCKS, HEADS, LAYERS, RATES, Model

Weights = dict[str, Any]


def prepare(model: Model, wrap: Callable[..., Any]) -> Callable[[], Any]:
    """A training step; `wrap` is applied to the function from weights to the loss."""
    parameters = {name: torch.tensor(w, requires_grad=True) for name, w in model.parameters.items()}
    buffers = {name: torch.tensor(w) for name, w in model.buffers.items()}
    inputs, classes = torch.from_numpy(model.inputs), torch.from_numpy(model.classes)
    network = NETWORKS[model.name]

    @wrap
    def loss(weights: Weights, inputs: Any, classes: Any) -> Any:
        return F.cross_entropy(network(weights, inputs, model.dropout), classes)

    optimiser = _optimiser(model, list(parameters.values()))
    weights = {**parameters, **buffers}

    def step() -> Any:
        optimiser.zero_grad()
        found = loss(weights, inputs, classes)
        found.backward()
        optimiser.step()
        return found.detach()

    return step


def _optimiser(model: Model, parameters: list[Any]) -> Any:
    rate = RATES[model.optimiser]
    if model.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=rate, fused=True)
    momentum = 0.9 if model.optimiser == "momentum" else 0.0
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, fused=True)


def _linear(w: Weights, name: str, x: Any) -> Any:
    return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])


def _lenet(w: Weights, x: Any, _: float) -> Any:
    for name, padding in (("conv1", 2), ("conv2", 0)):
        x = F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=padding)
        x = F.max_pool2d(F.relu(x), 2)
    x = F.relu(_linear(w, "fc1", x.flatten(1)))
    return _linear(w, "fc3", F.relu(_linear(w, "fc2", x)))


def _residual(w: Weights, x: Any, _: float) -> Any:
    def normed(x: Any, block: int, half: int) -> Any:
        x = F.conv2d(x, w[f"block{block}.conv{half}.weight"], padding=1)
        norm = f"block{block}.norm{half}"
        running = (w[f"{norm}.running_mean"], w[f"{norm}.running_var"])
        return F.batch_norm(x, *running, w[f"{norm}.weight"], w[f"{norm}.bias"], training=True)

    for block in range(BLOCKS):
        x = F.relu(x + normed(F.relu(normed(x, block, 1)), block, 2))
    return _linear(w, "head", x.mean((2, 3)))


def _transformer(w: Weights, words: Any, _: float) -> Any:
    def split(x: Any) -> Any:
        return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)

    def normed(x: Any, name: str) -> Any:
        return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"])

    x = F.embedding(words, w["words.weight"]) + w["places.weight"]
    for layer in range(LAYERS):
        name = f"layers.{layer}"
        projected = F.linear(x, w[f"{name}.self_attn.in_proj_weight"], w[f"{name}.self_attn.in_proj_bias"])
        q, k, v = map(split, projected.chunk(3, -1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = normed(x + _linear(w, f"{name}.self_attn.out_proj", mixed), f"{name}.norm1")
        wide = F.relu(_linear(w, f"{name}.linear1", x))
        x = normed(x + _linear(w, f"{name}.linear2", wide), f"{name}.norm2")
    return _linear(w, "head", x).transpose(1, 2)


def _recurrent(w: Weights, x: Any, _: float) -> Any:
    if torch.compiler.is_compiling():
        return _linear(w, "head", _unrolled(w, x))
    zero = x.new_zeros(1, x.shape[1], x.shape[2])
    flat = [w[f"lstm.{kind}_l0"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    # What torch.nn.LSTM calls: biases, one layer, no dropout, training, one direction, time first.
    _, last, _ = torch.lstm(x, (zero, zero), flat, True, 1, 0.0, True, False, False)
    return _linear(w, "head", last[0])


def _unrolled(w: Weights, x: Any) -> Any:
    """The last state, by hand: torch.compile takes no LSTM layer, or leaves it to eager PyTorch."""
    h = c = x.new_zeros(x.shape[1:])
    biases = w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"]
    for given in F.linear(x, w["lstm.weight_ih_l0"], biases):
        i, f, g, o = (given + F.linear(h, w["lstm.weight_hh_l0"])).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return h


def _bag(w: Weights, words: Any, _: float) -> Any:
    return _linear(w, "head", F.embedding_bag(words, w["words.weight"], mode="mean"))


def _dropped(w: Weights, x: Any, dropout: float) -> Any:
    for name in ("fc1", "fc2"):
        x = F.dropout(F.relu(_linear(w, name, x)), dropout)
    return _linear(w, "fc3", x)


NETWORKS: Final[dict[str, Callable[[Weights, Any, float], Any]]] = {
    "W6": _lenet, "W7": _residual, "W8": _transformer, "W9": _recurrent, "W10": _bag, "W11": _dropped,
}  # fmt: skip
