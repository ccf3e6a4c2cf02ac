"""Dense: the affine layer."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any

from compiler.errors import ArgumentError
from tinytorch.axes import counted
from tinytorch.nn.initialisers import Initialiser, uniform
from tinytorch.nn.module import Module, Seed
from tinytorch.tensor import Tensor


class Dense(Module):
    """`x @ weight + bias` on the last axis: `[..., inputs]` to `[..., outputs]` (torch.nn.Linear).

    `weight` is `[inputs, outputs]`, begun as `initialiser` says (a name or a function); `bias` is
    `[outputs]`, begun uniformly within `1 / sqrt(inputs)` as in PyTorch, or as `bias_initialiser` says.
    """

    torch_axes = MappingProxyType({"weight": (1, 0)})
    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        inputs: int,
        outputs: int,
        bias: bool = True,
        *,
        initialiser: str | Initialiser = "torch_linear",
        bias_initialiser: str | Initialiser | None = None,
        seed: Seed = None,
        name: str | None = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        inputs, outputs = counted("a count of inputs", inputs), counted("a count of outputs", outputs)
        if inputs < 0 or outputs < 0:
            raise ArgumentError(f"a layer has counts of inputs and outputs, not {inputs} and {outputs}")
        self.inputs, self.outputs = inputs, outputs
        self.declare("weight", (inputs, outputs), initialiser, dtype)
        if not bias:
            self.bias = None
            return
        default = uniform(1 / math.sqrt(max(inputs, 1)))
        self.declare("bias", (outputs,), default if bias_initialiser is None else bias_initialiser, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """`x @ weight + bias`."""
        product = x @ self.weight
        return product if self.bias is None else product + self.bias

    def __repr__(self) -> str:
        return f"Dense({self.inputs}, {self.outputs}{', bias=False' if self.bias is None else ''})"
