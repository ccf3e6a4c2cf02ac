"""Sequential: layers one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from compiler.errors import ArgumentError
from tinytorch.nn.module import Module, Seed
from tinytorch.tensor import Tensor


class Sequential(Module):
    """Layers, or any functions of a tensor, one after the other.

    Layers are named after their kind and number (`dense1`, `dense2`), so their parameters are
    `dense1.weight` and so on, behind `name` if that is given.
    `seed` serves all layers that have no seed of their own.
    """

    def __init__(self, *layers: Any, name: str | None = None, seed: Seed = None) -> None:
        super().__init__(name=name, seed=seed)
        count: Counter[str] = Counter()
        for layer in layers:
            kind = type(layer).__name__.lower()
            count[kind] += 1
            if not callable(layer):
                raise ArgumentError(f"a layer is a module or a function of a tensor, not {layer!r}")
            if isinstance(layer, Module):
                self.adopt(layer, f"{kind}{count[kind]}")
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        """The last layer's value."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, position: int) -> Any:
        return self.layers[position]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"
