"""Dropout: the identity, or in training with masks that are others in each call."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from compiler.ir.build import parameter_node
from compiler.ir.op import Role
from tinytorch.onnx.calling.operator import Call, Known, operator
from tinytorch.ops.elementwise import where
from tinytorch.ops.making import ones
from tinytorch.random import bernoulli, fold_in, key
from tinytorch.state import advance
from tinytorch.tensor import Tensor


@operator("Dropout", since=12)
def dropout(
    data: Tensor, ratio: Known | None = None, training_mode: Known | None = None, *, seed: int | None = None,
    call: Call,
) -> Any:  # fmt: skip
    """In training zeros with the probability `ratio`, and the others divided by 1 - ratio; and the mask.

    A mask follows from `seed` (or the name of the node) and a counter, which an optimiser's updates move.
    """
    p = 0.5 if ratio is None else float(ratio)
    if training_mode is None or not training_mode or p == 0:
        return (data, ones(data.shape, dtype="bool")) if call.wants(1) else data
    counter = Tensor(parameter_node(np.zeros((), np.int64), f"{call.name}_counter", role=Role.STATE))
    start = zlib.crc32(call.name.encode()) if seed is None else seed
    mask = bernoulli(fold_in(key(start), counter), 1 - p, data.shape)
    advance(counter, mask, _next)
    found = where(mask, data * (1 / (1 - p) if p < 1 else 0.0), 0.0)
    return (found, mask)[: max(1, len(call.outputs))]


def _next(counter: Tensor, _: Tensor) -> Tensor:
    return counter + 1


@operator("Dropout", since=10)
def dropout_10(data: Tensor, *, ratio: float, call: Call) -> Any:
    """The identity: training has been said otherwise since opset 12."""
    return (data, ones(data.shape, dtype="bool")) if call.wants(1) else data


@operator("Dropout", since=6)
def dropout_6(data: Tensor, *, ratio: float, is_test: int = 1, call: Call) -> Any:
    """The same, with a mask of the dtype of the data."""
    return (data, ones(data.shape, dtype=data.dtype)) if call.wants(1) else data
