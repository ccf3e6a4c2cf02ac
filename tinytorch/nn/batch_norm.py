"""Batch and instance normalisation, with running statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compiler.errors import ShapeError
from compiler.ir.node import describe
from tinytorch.axes import counted
from tinytorch.nn.initialisers import constant
from tinytorch.nn.module import Module
from tinytorch.ops.elementwise import maximum, rsqrt
from tinytorch.state import advance
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number


class _Norm(Module):
    """Normalises each channel, the axis before `spatial` others, over `_axes`; keeps running statistics."""

    spatial: tuple[int, ...] = ()
    """How many axes may follow the channels."""
    needs_batch = True
    counts_batches = True
    """Whether `num_batches_tracked` counts. PyTorch has one in instance norms too, which stays 0."""

    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        name: str | None = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name)
        self.num_features = counted("a count of channels", num_features)
        self.eps = checked_number("eps", eps)
        self.momentum = None if momentum is None else checked_number("momentum", momentum)
        self.weight = self.bias = self.running_mean = self.running_var = self.num_batches_tracked = None
        if affine:
            self.declare("weight", (num_features,), constant(1.0), dtype)
            self.declare("bias", (num_features,), constant(0.0), dtype)
        if track_running_stats:
            self.declare_buffer("running_mean", (num_features,), constant(0.0), dtype)
            self.declare_buffer("running_var", (num_features,), constant(1.0), dtype)
            self.declare_buffer("num_batches_tracked", (), constant(0), "int64")

    def forward(self, x: Tensor) -> Tensor:
        """`x` of the same shape, each channel with mean 0 and variance 1, then times `weight` plus `bias`."""
        channel = self._channel(x)
        if self.training or self.running_mean is None or self.running_var is None:
            mean, variance = self._observed(x, channel)
        else:
            mean, variance = (_along(s, x, channel) for s in (self.running_mean, self.running_var))
        result = (x - mean) * rsqrt(variance + self.eps)
        if self.weight is None or self.bias is None:
            return result
        return result * _along(self.weight, x, channel) + _along(self.bias, x, channel)

    def _axes(self, x: Tensor, channel: int) -> tuple[int, ...]:
        """The axes over which a mean is taken."""
        raise NotImplementedError

    def _observed(self, x: Tensor, channel: int) -> tuple[Tensor, Tensor]:
        """The mean and the variance, divided by n, which running statistics advance by."""
        axes = self._axes(x, channel)
        mean = x.mean(axes, keepdims=True)
        centred = x - mean
        variance = (centred * centred).mean(axes, keepdims=True)
        if self.training and self.running_mean is not None and self.running_var is not None:
            count: Any = 1
            for axis in axes:
                count = count * x.shape[axis]
            assert self.num_batches_tracked is not None
            if self.counts_batches:
                advance(self.num_batches_tracked, mean, _one_more)
            advance(self.running_mean, mean, self._rule(channel))
            advance(self.running_var, variance, self._rule(channel, count))
        return mean, variance

    def _rule(self, channel: int, count: Any = None) -> Callable[[Tensor, Tensor], Tensor]:
        """The exponential average, or without momentum that of all batches.

        With a count of values what is observed is a variance, which is divided by one less of them; of a
        single value, which a call may have where extents are symbols, it is 0.
        """
        tracked, momentum = self.num_batches_tracked, self.momentum
        assert tracked is not None

        def rule(current: Tensor, observed: Tensor) -> Tensor:
            others = tuple(axis for axis in range(observed.ndim) if axis != channel)
            new = observed.mean(others)
            if count is not None:
                new = new * count / (max(count - 1, 1) if isinstance(count, int) else maximum(count - 1, 1))
            if momentum is not None:
                share = momentum
            else:
                share = 1 / (tracked + 1).astype(current.dtype) if self.counts_batches else 0.0
            return (current + (new - current) * share).astype(current.dtype)

        return rule

    def _channel(self, x: Tensor) -> int:
        """The channels' axis. Raises ShapeError for a tensor of other axes, or other channels."""
        title = type(self).__name__
        for spatial in self.spatial:
            if x.ndim == spatial + 2 or (x.ndim == spatial + 1 and not self.needs_batch):
                channel = x.ndim - spatial - 1
                if x.shape[channel] != self.num_features:
                    raise ShapeError(
                        f"{title} of {self.num_features} channels finds {x.shape[channel]} in axis {channel} "
                        f"of {describe(x.node)}"
                    )
                return channel
        axes = " or ".join(
            "[n, channels" + "".join(f", {axis}" for axis in "dhw"[3 - spatial :]) + "]"
            for spatial in self.spatial
        )
        raise ShapeError(f"{title} takes {axes}, not {describe(x.node)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_features})"


class _BatchNorm(_Norm):
    """Over everything but the channels."""

    def _axes(self, x: Tensor, channel: int) -> tuple[int, ...]:
        axes = tuple(axis for axis in range(x.ndim) if axis != channel)
        if all(x.shape[axis] == 1 for axis in axes):
            raise ShapeError(
                f"in training {type(self).__name__} needs more than one value for each channel: "
                f"{describe(x.node)}\n  fix: a larger batch, or net.eval()"
            )
        return axes


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of `[n, channels]` or `[n, channels, length]` (torch.nn.BatchNorm1d).

    In training by the mean and variance of the batch, which running statistics follow with `momentum` (None:
    the average of all batches); an optimiser's `updates` carry these on. In evaluation by the running
    statistics. Ioffe and Szegedy, Batch Normalization (2015).
    """

    spatial = (0, 1)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of `[n, channels, height, width]` (torch.nn.BatchNorm2d), as `BatchNorm1d`."""

    spatial = (2,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of `[n, channels, depth, height, width]` (torch.nn.BatchNorm3d)."""

    spatial = (3,)


class _InstanceNorm(_Norm):
    """Over the spatial axes of each sample; by default without weights and running statistics."""

    needs_batch = False
    counts_batches = False

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        name: str | None = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, name=name, dtype=dtype)

    def _axes(self, x: Tensor, channel: int) -> tuple[int, ...]:
        return tuple(range(channel + 1, x.ndim))


class InstanceNorm1d(_InstanceNorm):
    """Normalises each channel of each sample of `[n, channels, length]` (torch.nn.InstanceNorm1d).

    Ulyanov et al., Instance Normalization (2016).
    """

    spatial = (1,)


class InstanceNorm2d(_InstanceNorm):
    """Normalises each channel of each sample of `[n, channels, height, width]` (torch.nn.InstanceNorm2d)."""

    spatial = (2,)


class InstanceNorm3d(_InstanceNorm):
    """Normalises each channel of each sample of `[n, channels, d, h, w]` (torch.nn.InstanceNorm3d)."""

    spatial = (3,)


def _along(statistic: Tensor, x: Tensor, channel: int) -> Tensor:
    """Something of each channel, which broadcasts against `x`."""
    return statistic.reshape(-1, *[1] * (x.ndim - channel - 1))


def _one_more(tracked: Tensor, _: Tensor) -> Tensor:
    return tracked + 1
