"""PyTorch, eager, with its autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # the usual name

from tests.benchmarks import workloads
from tests.benchmarks.networks import in_torch
from tests.benchmarks.networks.models import MODELS
from tests.benchmarks.workloads import RATE, Network


def prepare(workload: str, wrap: Callable[..., Any] = lambda function: function) -> Callable[[], Any]:
    """A step of a workload; `wrap` is applied to the function of tensors (torch.compile does)."""
    if workload in MODELS:
        return in_torch.prepare(MODELS[workload](), wrap)
    network = workloads.sized(workload)
    if network is not None:
        return _network(network, [_gelu] * len(network.layers), F.mse_loss, wrap)
    return _PREPARE[workload](wrap)


def _chain(x: Any, b: Any) -> Any:
    return x * torch.sigmoid(F.gelu(x + b, approximate="tanh"))


def _w1(wrap: Callable[..., Any]) -> Callable[[], Any]:
    x, b = map(torch.from_numpy, workloads.activation_data())
    chain = wrap(_chain)

    def step() -> Any:
        with torch.no_grad():
            return chain(x, b)

    return step


def _w1g(wrap: Callable[..., Any]) -> Callable[[], Any]:
    x, b = (torch.from_numpy(item).requires_grad_() for item in workloads.activation_data())
    total = wrap(lambda x, b: _chain(x, b).sum())
    return lambda: torch.autograd.grad(total(x, b), (x, b))


def _network(
    data: Network, activations: list[Any], loss_of: Any, wrap: Callable[..., Any]
) -> Callable[[], Any]:
    parameters = [torch.from_numpy(item).requires_grad_() for pair in data.layers for item in pair]
    x, target = torch.from_numpy(data.x), torch.from_numpy(data.target)

    @wrap
    def loss(x: Any, target: Any, *parameters: Any) -> Any:
        value = x
        for k, activation in enumerate(activations):
            value = torch.addmm(parameters[2 * k + 1], value, parameters[2 * k])
            value = activation(value)
        return loss_of(value, target)

    def step() -> Any:
        found = loss(x, target, *parameters)
        slopes = torch.autograd.grad(found, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, slopes, alpha=-RATE)
        return found.detach()

    return step


def _gelu(x: Any) -> Any:
    return F.gelu(x, approximate="tanh")


def _same(x: Any) -> Any:
    return x


def _w5(wrap: Callable[..., Any]) -> Callable[[], Any]:
    logits, labels = map(torch.from_numpy, workloads.logits_and_labels())
    logits.requires_grad_()
    loss = wrap(lambda logits, labels: F.cross_entropy(logits, labels))

    def step() -> Any:
        found = loss(logits, labels)
        return found.detach(), torch.autograd.grad(found, logits)[0]

    return step


_PREPARE: dict[str, Callable[[Any], Callable[[], Any]]] = {
    "W1": _w1,
    "W1g": _w1g,
    "W2": lambda wrap: _network(workloads.classifier(), [_gelu, _gelu, _same], F.cross_entropy, wrap),
    "W3": lambda wrap: _network(workloads.xor(), [torch.tanh, torch.sigmoid], F.mse_loss, wrap),
    "W4": lambda wrap: _network(workloads.deep(), [_gelu] * 50, F.mse_loss, wrap),
    "W5": _w5,
}
