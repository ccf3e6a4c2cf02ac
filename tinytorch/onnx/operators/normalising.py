"""Normalisations: by the statistics of a batch, of a sample, of a group of channels, of a neighbourhood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.operator import Call, State, operator
from tinytorch.onnx.calling.values import Unsupported
from tinytorch.ops.elementwise import pow, rsqrt, sqrt, where
from tinytorch.ops.normalise import group_norm, layer_norm, rms_norm
from tinytorch.ops.norms import vector_norm
from tinytorch.ops.padding import pad
from tinytorch.ops.windows import sliding_window
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor


@operator("BatchNormalization", since=14)
def batch_normalization(
    x: Tensor, scale: Tensor, b: Tensor, input_mean: State, input_var: State, *, epsilon: float,
    momentum: float, training_mode: int, call: Call,
) -> Any:  # fmt: skip
    """(x - mean) / sqrt(var + epsilon) * scale + b for each channel.

    Of the running statistics, or in training of the batch (its variance divided by n), which the running
    ones then move towards: they are outputs.
    """
    if not training_mode:
        return _normalised(x, scale, b, input_mean, input_var, epsilon)
    axes = (0, *range(2, x.ndim))
    mean, variance = _statistics(x, axes)
    found = _normalised(x, scale, b, mean, variance, epsilon)
    rows = ((input_mean, mean), (input_var, variance))
    moved = [(old * momentum + new * (1 - momentum)).astype(old.dtype) for old, new in rows]
    return (found, *moved)[: max(1, len(call.outputs))]


@operator("BatchNormalization", since=6, limits="In training since opset 14 only.")
def batch_normalization_6(
    x: Tensor, scale: Tensor, b: Tensor, mean: State, var: State, *, epsilon: float, momentum: float,
    spatial: int = 1, is_test: int = 1, call: Call,
) -> Tensor:  # fmt: skip
    """The same by running statistics; more outputs meant training, by rules that changed."""
    if any(call.wants(position) for position in range(1, 5)):
        raise Unsupported(f"training, with a momentum of {momentum}, in an opset before 14")
    if spatial:
        return _normalised(x, scale, b, mean, var, epsilon)
    return _scaled(x - mean, scale, b, var + epsilon)


def _statistics(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    wide = x.astype(x.dtype.compute)
    mean = wide.mean(axes, keepdims=True)
    centred = wide - mean
    return mean.squeeze(axes), (centred * centred).mean(axes)


@rounded_once
def _normalised(x: Tensor, scale: Tensor, b: Tensor, mean: Tensor, var: Tensor, epsilon: float) -> Tensor:
    per_channel = [-1, *[1] * (x.ndim - 2)]
    scale, b, mean, var = (item.reshape(per_channel) for item in (scale, b, mean, var))
    return _scaled(x - mean, scale, b, var + epsilon)


def _scaled(centred: Tensor, scale: Tensor, b: Tensor, variance: Tensor) -> Tensor:
    return centred * rsqrt(variance) * scale + b


@operator("InstanceNormalization", since=6)
def instance_normalization(input: Tensor, scale: Tensor, b: Tensor, *, epsilon: float) -> Tensor:
    """Each channel of each sample by its own mean and variance."""
    return _of_channels(input, scale, b, tuple(range(2, input.ndim)), epsilon)


@rounded_once
def _of_channels(x: Tensor, scale: Tensor, b: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    per_channel = [-1, *[1] * (x.ndim - 2)]
    return layer_norm(x, axis=axes, eps=epsilon) * scale.reshape(per_channel) + b.reshape(per_channel)


@operator("GroupNormalization", since=21)
def group_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, *, num_groups: int, epsilon: float, stash_type: int
) -> Tensor:
    """Each group of channels of each sample by its own mean and variance; one scale a channel.

    Statistics are computed in float32 or wider, whatever `stash_type` allows.
    """
    _check_stash(stash_type)
    return group_norm(x, num_groups, scale, bias, eps=epsilon)


@operator("GroupNormalization", since=18)
def group_normalization_18(
    x: Tensor, scale: Tensor, bias: Tensor, *, num_groups: int, epsilon: float
) -> Tensor:
    """The same, with one scale a group."""
    apart = x.reshape([x.shape[0], num_groups, -1, *x.shape[2:]])
    return _of_channels(apart, scale, bias, tuple(range(2, apart.ndim)), epsilon).reshape(x.shape)


def _check_stash(stash_type: int) -> None:
    if stash_type not in (1, 10, 11, 16):  # float32, float16, float64, bfloat16
        raise Unsupported(f"stash_type={stash_type} is no floating dtype of ours")


@operator("LayerNormalization", since=17)
def layer_normalization(
    x: Tensor, scale: Tensor, b: Tensor | None = None, *, axis: int, epsilon: float, stash_type: int,
    call: Call,
) -> Any:  # fmt: skip
    """(x - mean) / sqrt(var + epsilon) * scale + b over the axes from one on.

    Statistics are computed in float32 or wider, whatever `stash_type` allows.
    """
    _check_stash(stash_type)
    axes = _from(x, axis)
    found = layer_norm(x, scale, b, axis=axes, eps=epsilon)
    if not (call.wants(1) or call.wants(2)):
        return found
    wide = x.astype(x.dtype.compute)
    mean = wide.mean(axes, keepdims=True)
    centred = wide - mean
    deviation = rsqrt((centred * centred).mean(axes, keepdims=True) + epsilon)
    stashed = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}[stash_type]
    return found, mean.astype(stashed), deviation.astype(stashed)


@operator("RMSNormalization", since=23)
def rms_normalization(x: Tensor, scale: Tensor, *, axis: int, epsilon: float, stash_type: int) -> Tensor:
    """x / sqrt(mean(x^2) + epsilon) * scale over the axes from one on."""
    _check_stash(stash_type)
    return rms_norm(x, scale, axis=_from(x, axis), eps=epsilon)


def _from(x: Tensor, axis: int) -> tuple[int, ...]:
    return tuple(range(normalised_axis(axis, x.ndim, x.node), x.ndim))


@operator("LRN", since=1)
@rounded_once
def local_response_normalization(x: Tensor, *, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    """x / (bias + alpha / size * sum of squares of `size` channels around it) ^ beta"""
    low, high = (size - 1) // 2, size // 2
    beside = [(0, 0)] * (x.ndim - 2)
    squares = sliding_window(pad(x * x, [(0, 0), (low, high), *beside]), size, 1).sum(-1)
    return x * pow(bias + squares * (alpha / size), -beta)


@operator("MeanVarianceNormalization", since=9)
@rounded_once
def mean_variance_normalization(x: Tensor, *, axes: Sequence[int]) -> Tensor:
    """(x - mean) / (standard deviation + 1e-9), without the cancellation that the standard's body has."""
    centred = x - x.mean(tuple(axes), keepdims=True)
    return centred / (sqrt((centred * centred).mean(tuple(axes), keepdims=True)) + 1e-9)


@operator("LpNormalization", since=1)
@rounded_once
def lp_normalization(x: Tensor, *, axis: int, p: int) -> Tensor:
    """x, divided by its p-norm along an axis; 0 where that is 0."""
    norm = vector_norm(x, p, axis, keepdims=True)
    return where(norm == 0, 0, x / where(norm == 0, 1, norm))
