"""Flatten: all axes but the first made into one."""

from __future__ import annotations

from tinytorch.axes import counted
from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor


class Flatten(Module):
    """The axes from `start` to `end` (inclusive) made into one (torch.nn.Flatten)."""

    def __init__(self, start: int = 1, end: int = -1) -> None:
        super().__init__()
        self.start, self.end = counted("start", start), counted("end", end)

    def forward(self, x: Tensor) -> Tensor:
        """`x` with fewer axes."""
        return x.flatten(self.start, self.end)

    def __repr__(self) -> str:
        return "Flatten()" if (self.start, self.end) == (1, -1) else f"Flatten({self.start}, {self.end})"
