"""The value of an op and its first two gradients, by ours and by torch, from the same arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinytorch import api
from tinytorch.tensor import Tensor

Arrays = list[np.ndarray[Any, Any]]


def operands(case: Sequence[Any], dtype: str) -> Arrays:
    """The case's operands, floating ones in the dtype."""
    arrays = [np.asarray(item) for item in case]
    return [item.astype(dtype) if item.dtype.kind == "f" else item for item in arrays]


def ours(function: Callable[..., Tensor], arrays: Arrays, orders: int = 2) -> Arrays:
    """Value, then the gradients by each floating operand, of first and then of second order."""
    inputs = [api.input(f"x{k}", array.shape, array.dtype) for k, array in enumerate(arrays)]
    value = function(*inputs)
    results, floats = [value], [item for item in inputs if item.dtype.is_float]
    for order in range(orders if value.dtype.is_float and floats else 0):
        rows = results[-len(floats) :] if order else [value]
        loss = sum((weighted(row, k) for k, row in enumerate(rows[1:], 1)), weighted(rows[0], 0))
        results += api.grad(loss, floats, allow_unused=True)
    found = api.compile(inputs, results, passes=(), backend="reference")(*arrays)
    return list(found)


def weighted(value: Tensor, seed: int) -> Tensor:
    """A scalar that depends on every element differently."""
    return (value * api.constant(weights(value.shape, seed).astype(value.dtype.numpy))).sum()


def weights(shape: Sequence[Any], seed: int) -> np.ndarray[Any, Any]:
    """Fixed numbers between 0.5 and 1.5."""
    return 0.5 + np.random.default_rng(seed).uniform(size=tuple(shape))


def of_torch(function: Callable[..., Any], arrays: Arrays, orders: int = 2) -> Arrays:
    """The same by torch."""
    import torch

    tensors = [torch.tensor(array) for array in arrays]
    floats = [item.requires_grad_() for item in tensors if item.is_floating_point()]
    value = function(*tensors)
    results = [value]
    for order in range(orders if value.is_floating_point() and floats else 0):
        rows = results[-len(floats) :] if order else [value]
        parts = [
            (row * torch.tensor(weights(row.shape, k)).to(row.dtype)).sum() for k, row in enumerate(rows)
        ]
        loss = sum(parts[1:], parts[0])
        if not loss.requires_grad:
            results += [torch.zeros_like(item) for item in floats]
            continue
        results += torch.autograd.grad(
            loss, floats, create_graph=True, allow_unused=True, materialize_grads=True
        )
    return [item.detach().numpy(force=True) for item in results]
