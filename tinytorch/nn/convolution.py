"""Convolutional layers, with PyTorch's arguments, parameters and first values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeAlias

from compiler.errors import ArgumentError
from tinytorch.axes import counted
from tinytorch.nn.initialisers import Initialiser, uniform
from tinytorch.nn.module import Module, Seed
from tinytorch.nn.settings import shown
from tinytorch.ops.convolution import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from tinytorch.ops.padding import pad
from tinytorch.spatial import each, pairs
from tinytorch.tensor import Tensor

_Begun: TypeAlias = "tuple[str | Initialiser, str | Initialiser | None]"
"""How weights and biases begin."""

_PADDING_MODES: Final = ("zeros", "reflect", "replicate", "circular")


class _Kernels(Module):
    """What convolutions and their transposes have in common: a kernel for each pair of channels, a bias."""

    rank: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]
    weight: Tensor
    bias: Tensor | None
    in_channels: int
    out_channels: int
    groups: int
    kernel_size: Any

    def _begin(self, shape: tuple[int, int], has_bias: bool, begun: _Begun, dtype: Any) -> None:
        """The parameters. A bias begins within `1 / sqrt(terms)`, as in PyTorch, unless it is said how."""
        taps = each("kernel_size", self.kernel_size, self.rank)
        first, second = shape[0], shape[1] // self.groups
        self.declare("weight", (first, second, *taps), begun[0], dtype)
        if not has_bias:
            self.bias = None
            return
        default = uniform(1 / math.sqrt(max(second * math.prod(taps), 1)))
        self.declare("bias", (self.out_channels,), default if begun[1] is None else begun[1], dtype)

    def _count(self, in_channels: Any, out_channels: Any, groups: Any) -> None:
        self.in_channels = counted("in_channels", in_channels)
        self.out_channels = counted("out_channels", out_channels)
        self.groups = counted("groups", groups)
        counts = (self.in_channels, self.out_channels)
        if self.groups < 1 or any(count < 0 or count % self.groups for count in counts):
            raise ArgumentError(
                f"{type(self).__name__} has counts of channels that are multiples of groups={groups}, not "
                f"{in_channels} and {out_channels}"
            )

    def __repr__(self) -> str:
        return shown(self)


class _Convolution(_Kernels):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        initialiser: str | Initialiser = "torch_linear",
        bias_initialiser: str | Initialiser | None = None,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        self._count(in_channels, out_channels, groups)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        if padding_mode not in _PADDING_MODES:
            raise ArgumentError(f"padding_mode is {', '.join(_PADDING_MODES)}, not {padding_mode!r}")
        self.padding_mode = padding_mode
        self._begin((self.out_channels, self.in_channels), bias, (initialiser, bias_initialiser), dtype)

    def forward(self, x: Tensor) -> Tensor:
        """The convolution of `x`."""
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = self._extended(x), 0
        settings = (self.stride, padding, self.dilation, self.groups)
        return type(self).function(x, self.weight, self.bias, *settings)

    def _extended(self, x: Tensor) -> Tensor:
        steps, dilations = (each("a setting", item, self.rank) for item in (self.stride, self.dilation))
        widths = pairs(self.padding, self.weight.shape[2:], steps, dilations)
        return pad(x, [(0, 0)] * (x.ndim - self.rank) + list(widths), self.padding_mode)


class Conv1d(_Convolution):
    """Convolution of rows: `[n, in_channels, length]` to `[n, out_channels, positions]`; as Conv2d."""

    rank, function = 1, staticmethod(conv1d)


class Conv2d(_Convolution):
    """Convolution of images: `[n, in_channels, h, w]` to `[n, out_channels, p, q]` (torch.nn.Conv2d).

    `weight` is `[out_channels, in_channels / groups, *kernel_size]` and `bias` `[out_channels]`, both begun
    uniformly within `1 / sqrt(in_channels / groups * taps)` unless initialisers are given. Settings are those
    of `tt.conv2d`; with the `padding_mode` reflect, replicate or circular the padding is `tt.pad`'s.
    """

    rank, function = 2, staticmethod(conv2d)


class Conv3d(_Convolution):
    """Convolution of volumes: `[n, in_channels, d, h, w]` to `[n, out_channels, p, q, r]`; as Conv2d."""

    rank, function = 3, staticmethod(conv3d)


class _ConvolutionTranspose(_Kernels):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        *,
        initialiser: str | Initialiser = "torch_linear",
        bias_initialiser: str | Initialiser | None = None,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        self._count(in_channels, out_channels, groups)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.output_padding = output_padding
        self._begin((self.in_channels, self.out_channels), bias, (initialiser, bias_initialiser), dtype)

    def forward(self, x: Tensor) -> Tensor:
        """The transposed convolution of `x`."""
        settings = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return type(self).function(x, self.weight, self.bias, *settings)


class ConvTranspose1d(_ConvolutionTranspose):
    """Rows of kernels added up: `[n, in_channels, length]` to a longer row; as ConvTranspose2d."""

    rank, function = 1, staticmethod(conv_transpose1d)


class ConvTranspose2d(_ConvolutionTranspose):
    """What makes images larger: the adjoint of a Conv2d by its input (torch.nn.ConvTranspose2d).

    `[n, in_channels, h, w]` to `[n, out_channels, h', w']`, as `tt.conv_transpose2d` says. `weight` is
    `[in_channels, out_channels / groups, *kernel_size]`, begun, as `bias` is, uniformly within
    `1 / sqrt(out_channels / groups * taps)`.
    """

    rank, function = 2, staticmethod(conv_transpose2d)


class ConvTranspose3d(_ConvolutionTranspose):
    """Volumes of kernels added up, `[n, in_channels, d, h, w]` to larger ones; as ConvTranspose2d."""

    rank, function = 3, staticmethod(conv_transpose3d)
