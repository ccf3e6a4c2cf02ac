"""LayerNorm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinytorch.axes import counted, items_of
from tinytorch.nn.initialisers import constant
from tinytorch.nn.module import Module
from tinytorch.ops.normalise import layer_norm
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number


class LayerNorm(Module):
    """Layer normalisation over the trailing axes of the given shape (torch.nn.LayerNorm).

    `weight` begins as ones and `bias` as zeros, both of that shape, if `affine`.
    """

    weight: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        shape: int | Sequence[int],
        *,
        eps: float = 1e-5,
        affine: bool = True,
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
        self.declare("bias", self.shape, constant(0.0), dtype)

    def forward(self, x: Tensor) -> Tensor:
        """The normalised `x`."""
        axes = tuple(range(-len(self.shape), 0))
        return layer_norm(x, self.weight, self.bias, axis=axes, eps=self.eps)

    def __repr__(self) -> str:
        return f"LayerNorm({self.shape[0] if len(self.shape) == 1 else self.shape})"
