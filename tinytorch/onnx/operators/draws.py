"""Random numbers. A program draws the same ones in each call: a graph has no state of its own.

What is drawn follows from the node's seed, or from its name where it has none.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np

from compiler.ir.dims import Extent
from compiler.ir.types import DType
from tinytorch import random
from tinytorch.onnx.calling.operator import Call, operator
from tinytorch.onnx.calling.values import Value, shape_of
from tinytorch.onnx.operators.generators import chosen_dtype
from tinytorch.tensor import Tensor

_LIMITS = "Each call draws the same numbers; a node without a seed draws by its name."
FLOAT = 1
"""TensorProto's number for float32."""


def key_of(call: Call, seed: float | None) -> Tensor:
    """The key of a node's draws."""
    if seed is None:
        return random.key(crc32(call.name.encode()))
    return random.key(int(np.float32(seed).view(np.int32)))


def _normal(key: Tensor, shape: list[Extent], dtype: DType, mean: float, scale: float) -> Tensor:
    return (random.normal(key, shape, dtype.compute) * scale + mean).astype(dtype)


def _uniform(key: Tensor, shape: list[Extent], dtype: DType, low: float, high: float) -> Tensor:
    return random.uniform(key, shape, dtype.compute, low, high).astype(dtype)


@operator("RandomNormal", limits=_LIMITS)
def random_normal(
    *, dtype: int, mean: float, scale: float, seed: float | None = None, shape: list[int], call: Call
) -> Tensor:
    """Normal numbers of a mean and a standard deviation."""
    return _normal(key_of(call, seed), [*shape], chosen_dtype(dtype), mean, scale)


@operator("RandomNormalLike", limits=_LIMITS)
def random_normal_like(
    like: Value, *, dtype: int | None = None, mean: float, scale: float, seed: float | None = None, call: Call
) -> Tensor:
    """Normal numbers in the shape of a value."""
    return _normal(key_of(call, seed), [*shape_of(like)], chosen_dtype(dtype, like), mean, scale)


@operator("RandomUniform", limits=_LIMITS)
def random_uniform(
    *, dtype: int, high: float, low: float, seed: float | None = None, shape: list[int], call: Call
) -> Tensor:
    """Numbers between two bounds, all as likely."""
    return _uniform(key_of(call, seed), [*shape], chosen_dtype(dtype), low, high)


@operator("RandomUniformLike", limits=_LIMITS)
def random_uniform_like(
    like: Value, *, dtype: int | None = None, high: float, low: float, seed: float | None = None, call: Call
) -> Tensor:
    """Numbers between two bounds in the shape of a value."""
    return _uniform(key_of(call, seed), [*shape_of(like)], chosen_dtype(dtype, like), low, high)


@operator("Bernoulli", since=15, limits=_LIMITS)
def bernoulli(p: Tensor, *, dtype: int | None = None, seed: float | None = None, call: Call) -> Tensor:
    """1 with the probability that an element is, and 0 otherwise."""
    return random.bernoulli(key_of(call, seed), p).astype(chosen_dtype(dtype, p))


@operator("Multinomial", since=7, limits=_LIMITS)
def multinomial(
    logits: Tensor, *, dtype: int, sample_size: int, seed: float | None = None, call: Call
) -> Tensor:
    """For each row so many classes, as likely as the logarithms in it say, which need not be normalised."""
    drawn = random.categorical(key_of(call, seed), logits, shape=(sample_size, logits.shape[0]))
    return drawn.T.astype(chosen_dtype(dtype))
