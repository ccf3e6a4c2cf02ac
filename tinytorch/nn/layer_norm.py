"""LayerNorm, and what normalises groups of channels or by the root of the mean square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.errors import ArgumentError
from tinytorch.axes import counted, items_of
from tinytorch.nn.initialisers import constant
from tinytorch.nn.module import Module
from tinytorch.ops.normalise import group_norm, layer_norm, rms_norm
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number


class LayerNorm(Module):
    """Layer normalisation over the trailing axes of the given shape (torch.nn.LayerNorm).

    `weight` begins as ones and `bias` as zeros, both of that shape, if `affine`, and `bias`.
    """

    weight: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        shape: int | Sequence[int],
        *,
        eps: float = 1e-5,
        affine: bool = True,
        bias: bool = True,
        name: str | None = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name)
        self.shape = tuple(counted("an extent", item) for item in items_of(shape))
        self.eps = checked_number("eps", eps)
        if not affine:
            self.weight = self.bias = None
            return
        self.declare("weight", self.shape, constant(1.0), dtype)
        if bias:
            self.declare("bias", self.shape, constant(0.0), dtype)
        else:
            self.bias = None

    def forward(self, x: Tensor) -> Tensor:
        """The normalised `x`."""
        axes = tuple(range(-len(self.shape), 0))
        return layer_norm(x, self.weight, self.bias, axis=axes, eps=self.eps)

    def __repr__(self) -> str:
        return f"LayerNorm({self.shape[0] if len(self.shape) == 1 else self.shape})"


class RMSNorm(Module):
    """`weight * x / sqrt(mean(x^2) + eps)` over the trailing axes of the given shape (torch.nn.RMSNorm).

    `eps` is the smallest number of the dtype above 1, less 1, unless it is given, as in PyTorch. Zhang and
    Sennrich, Root Mean Square Layer Normalization (2019).
    """

    weight: Tensor | None

    def __init__(
        self,
        shape: int | Sequence[int],
        eps: float | None = None,
        affine: bool = True,
        *,
        name: str | None = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name)
        self.shape = tuple(counted("an extent", item) for item in items_of(shape))
        self.eps = None if eps is None else checked_number("eps", eps)
        self.weight = None
        if affine:
            self.declare("weight", self.shape, constant(1.0), dtype)

    def forward(self, x: Tensor) -> Tensor:
        """The normalised `x`."""
        return rms_norm(x, self.weight, axis=tuple(range(-len(self.shape), 0)), eps=self.eps)

    def __repr__(self) -> str:
        return f"RMSNorm({self.shape[0] if len(self.shape) == 1 else self.shape})"


class GroupNorm(Module):
    """Normalises groups of channels of `[n, channels, ...]`, each sample by itself (torch.nn.GroupNorm).

    `weight` and `bias` are one number for each channel, if `affine`. Wu and He, Group Normalization (2018).
    """

    weight: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        name: str | None = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name)
        self.num_groups = counted("a count of groups", num_groups)
        self.num_channels = counted("a count of channels", num_channels)
        if self.num_groups < 1 or self.num_channels % self.num_groups:
            raise ArgumentError(f"{num_channels} channels are no {num_groups} groups of equal size")
        self.eps = checked_number("eps", eps)
        self.weight = self.bias = None
        if affine:
            self.declare("weight", (self.num_channels,), constant(1.0), dtype)
            self.declare("bias", (self.num_channels,), constant(0.0), dtype)

    def forward(self, x: Tensor) -> Tensor:
        """The normalised `x`."""
        return group_norm(x, self.num_groups, self.weight, self.bias, eps=self.eps)

    def __repr__(self) -> str:
        return f"GroupNorm({self.num_groups}, {self.num_channels})"
