"""Sequential: layers one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from compiler.errors import ArgumentError
from tinytorch.nn.module import Module, Seed


class Sequential(Module):
    """Layers, or any functions of a tensor, one after the other.

    Layers are named after their kind and number (`dense1`, `dense2`), so their parameters are
    `dense1.weight` and so on, behind `name` if that is given.
    `seed` serves all layers that have no seed of their own.
    """

    def __init__(self, *layers: Any, name: str | None = None, seed: Seed = None) -> None:
        super().__init__(name=name, seed=seed)
        for layer in layers:
            if not callable(layer):
                raise ArgumentError(f"a layer is a module or a function of a tensor, not {layer!r}")
        self.layers: Sequence[Any] = layers

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """The layers under their kinds and numbers, then what else there is."""
        for name, value in self.__dict__.items():
            yield from self._named() if name == "layers" else [(name, value)]

    def torch_key(self, key: str) -> str:
        """The position of a layer: PyTorch numbers all of them, whatever their kinds."""
        return {name: str(position) for position, (name, _) in enumerate(self._named())}.get(key, key)

    def _named(self) -> Iterator[tuple[str, Any]]:
        count: Counter[str] = Counter()
        for layer in self.layers:
            kind = type(layer).__name__.lower()
            count[kind] += 1
            yield f"{kind}{count[kind]}", layer

    def forward(self, *inputs: Any) -> Any:
        """The last layer's value. The first one takes all that is given, each other one a value."""
        if not self.layers:
            return inputs[0] if len(inputs) == 1 else inputs
        first, *others = self.layers
        value = first(*inputs)
        for layer in others:
            value = layer(value)
        return value

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, position: int) -> Any:
        return self.layers[position]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"
