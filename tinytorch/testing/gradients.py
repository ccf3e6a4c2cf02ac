"""Gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compiler.errors import ArgumentError
from tinytorch import api
from tinytorch.tensor import Tensor
from tinytorch.testing.failure import CheckFailed


def check_gradient(
    function: Callable[..., Tensor],
    *arrays: Any,
    order: int = 1,
    step: float = 1e-6,
    tolerance: float = 1e-5,
    seed: int = 0,
    gradient: Callable[[Tensor, Sequence[Tensor]], Sequence[Tensor]] | None = None,
) -> None:
    """Compares the gradient of a function of tensors with central differences of its values, in float64.

    `function` maps tensors of the shapes of `arrays` to a tensor of any shape; what is differentiated is its
    product with a random cotangent, by every array, along random directions. `order=2` does the same to the
    gradient. The difference of a directional derivative may be `tolerance` of its size (or of 1). `gradient`
    replaces `tt.grad`, for a rule under test. Raises CheckFailed naming the argument; a rule that is wrong by
    0.1% is caught.
    """
    if order < 1:
        raise ArgumentError(f"a gradient is of order 1 or more, not {order}")
    values = [np.asarray(array, dtype=np.float64) for array in arrays]
    generator = np.random.default_rng(seed)
    inputs = [api.input(f"x{k}", value.shape, "float64") for k, value in enumerate(values)]
    loss = _weighted_sum(function(*inputs), generator)
    derive = gradient or _gradient
    for _ in range(order - 1):
        slopes = derive(loss, inputs)
        parts = [_weighted_sum(slope, generator) for slope in slopes]
        loss = parts[0]
        for part in parts[1:]:
            loss = loss + part
    program = api.compile(inputs, {"loss": loss, **{f"g{k}": g for k, g in enumerate(derive(loss, inputs))}})
    for position, value in enumerate(values):
        _check_direction(program, values, position, generator.standard_normal(value.shape), step, tolerance)


def _gradient(loss: Tensor, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    return api.grad(loss, list(inputs), allow_unused=True)


def _weighted_sum(value: Tensor, generator: np.random.Generator) -> Tensor:
    if not all(isinstance(extent, int) for extent in value.shape):
        raise CheckFailed(f"the function's result has symbolic extents: {value!r}")
    weights = generator.standard_normal([extent for extent in value.shape if isinstance(extent, int)])
    return (value.astype("float64") * api.constant(np.asarray(weights))).sum()


def _check_direction(
    program: Callable[..., Any],
    values: list[Any],
    position: int,
    direction: Any,
    step: float,
    tolerance: float,
) -> None:
    def loss_at(distance: float) -> float:
        moved = [value + distance * direction if k == position else value for k, value in enumerate(values)]
        return float(program(*moved)["loss"])

    measured = (loss_at(step) - loss_at(-step)) / (2 * step)
    derived = float(np.sum(program(*values)[f"g{position}"] * direction))
    if not abs(measured - derived) <= tolerance * max(1.0, abs(measured)):
        raise CheckFailed(
            f"the gradient by argument {position} is {derived:.9g} along a random direction, "
            f"and the function's slope there is {measured:.9g}"
        )
