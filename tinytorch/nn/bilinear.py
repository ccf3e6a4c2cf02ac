"""Bilinear: the layer that multiplies two inputs."""

from __future__ import annotations

import math
from typing import Any

from compiler.errors import ArgumentError
from tinytorch.axes import counted
from tinytorch.nn.initialisers import uniform
from tinytorch.nn.module import Module, Seed
from tinytorch.ops.contract import bilinear
from tinytorch.tensor import Tensor


class Bilinear(Module):
    """`x^T W_o y + bias_o` for each output o: `[..., n]` and `[..., m]` to `[..., outputs]`.

    `weight` is `[outputs, n, m]` and `bias` `[outputs]`, both begun uniformly within `1 / sqrt(n)`
    (torch.nn.Bilinear).
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        given = {"in1_features": in1_features, "in2_features": in2_features, "out_features": out_features}
        counts = [counted(said, count) for said, count in given.items()]
        if min(counts) < 0 or counts[0] == 0:
            raise ArgumentError(f"Bilinear has counts of features, not {', '.join(map(str, counts))}")
        self.in1_features, self.in2_features, self.out_features = counts
        begin = uniform(1 / math.sqrt(self.in1_features))
        self.declare("weight", (counts[2], counts[0], counts[1]), begin, dtype)
        if not bias:
            self.bias = None
            return
        self.declare("bias", (counts[2],), begin, dtype)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """The bilinear form of both."""
        return bilinear(input1, input2, self.weight, self.bias)

    def __repr__(self) -> str:
        bias = ", bias=False" if self.bias is None else ""
        return f"Bilinear({self.in1_features}, {self.in2_features}, {self.out_features}{bias})"
