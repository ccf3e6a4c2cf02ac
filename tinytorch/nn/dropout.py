"""Dropout, and what PyTorch makes of it for channels and for selu: masks that are formulas of a counter."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.node import describe
from tinytorch.nn.initialisers import Array, constant
from tinytorch.nn.module import Module, Seed
from tinytorch.ops.activations import SELU_ALPHA, SELU_SCALE
from tinytorch.ops.elementwise import where
from tinytorch.random import bernoulli, fold_in
from tinytorch.state import advance
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number


class Dropout(Module):
    """In training, zeros elements with the probability `p` and scales the others by `1 / (1 - p)`.

    A mask is a formula of the layer's key (drawn from `seed`, or that of the network around it), of its
    counter, which an optimiser's `updates` move on, and of how often the layer was called before: it takes
    no memory, is the same in the backward pass, and is another in each call of a program, each layer and
    each use of a layer. In evaluation the layer is the identity (torch.nn.Dropout; Hinton et al., 2012).
    Key and counter are buffers that are no part of `state_dict()`.
    """

    key: Tensor
    counter: Tensor

    def __init__(self, p: float = 0.5, *, name: str | None = None, seed: Seed = None) -> None:
        super().__init__(name=name, seed=seed)
        self.p = float(checked_number("p", p))
        if not 0 <= self.p <= 1:
            raise ArgumentError(f"a probability lies between 0 and 1, not {p!r}")
        self._calls = 0
        if self.p:
            self.declare_buffer("key", (), _draw_key, "int64", persistent=False)
            self.declare_buffer("counter", (), constant(0), "int64", persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x`, or in training what is left of it."""
        if not self.training or not self.p:
            return x
        self._calls += 1
        key = fold_in(fold_in(self.key, self.counter), self._calls)
        mask = bernoulli(key, 1 - self.p, self._mask_shape(x))
        advance(self.counter, mask, _next)
        return self._masked(x, mask)

    def _mask_shape(self, x: Tensor) -> Any:
        """The shape of a mask, which broadcasts against `x`."""
        return x.shape

    def _masked(self, x: Tensor, mask: Tensor) -> Tensor:
        """What is left of `x` by a mask, of bools, true with the probability `1 - p`."""
        return where(mask, x * (1 / (1 - self.p) if self.p < 1 else 0.0), 0.0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.p:g})"


class _ChannelDropout(Dropout):
    """Zeros whole channels, the second axis of a batch `[n, channels, ...]`, or the first without a batch."""

    spatial = 0

    def _mask_shape(self, x: Tensor) -> Any:
        """One bool for each channel."""
        if x.ndim not in (self.spatial + 1, self.spatial + 2):
            axes = ", ".join("dhw"[3 - self.spatial :])
            raise ShapeError(
                f"{type(self).__name__} takes [n, channels, {axes}] or [channels, {axes}], not "
                f"{describe(x.node)}"
            )
        return (*x.shape[: x.ndim - self.spatial], *[1] * self.spatial)


class Dropout1d(_ChannelDropout):
    """Dropout of whole channels of `[n, channels, length]` (torch.nn.Dropout1d)."""

    spatial = 1


class Dropout2d(_ChannelDropout):
    """Dropout of whole channels of `[n, channels, height, width]` (torch.nn.Dropout2d)."""

    spatial = 2


class Dropout3d(_ChannelDropout):
    """Dropout of whole channels of `[n, channels, depth, height, width]` (torch.nn.Dropout3d)."""

    spatial = 3


class AlphaDropout(Dropout):
    """Dropout that keeps mean 0 and variance 1, for selu: what is dropped takes selu's limit at -inf.

    Klambauer et al., Self-Normalizing Neural Networks (2017); torch.nn.AlphaDropout.
    """

    def _masked(self, x: Tensor, mask: Tensor) -> Tensor:
        """What is kept and the limit, shifted and scaled to the moments that `x` had."""
        if self.p == 1:
            return x * 0.0
        scale = 1 / math.sqrt((1 - self.p) * (1 + self.p * _SELU_LIMIT**2))
        return where(mask, x, _SELU_LIMIT) * scale - scale * self.p * _SELU_LIMIT


_SELU_LIMIT: Final = -SELU_SCALE * SELU_ALPHA


def _draw_key(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    return generator.integers(-(2**63), 2**63, shape, np.int64)


def _next(counter: Tensor, _: Tensor) -> Tensor:
    return counter + 1
