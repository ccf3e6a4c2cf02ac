"""Layers of the course: Dense (also called Linear), Sequential, and what collects their parameters.

network = [Dense(3, 4), ReLU(), Dense(4, 1), Sigmoid()]
for layer in network:
x = layer(x)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, cast

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from tinytorch.core.autograd import Variable, collect_parameters
from tinytorch.core.tensor import Tensor
from tinytorch.nn.initialisers import Initialiser, find_initialiser
from tinytorch.nn.module import Seed


class Module:
    """Something with parameters (attributes that are Variables, modules, or lists and dicts of them)."""

    def forward(self, x: Any) -> Any:
        """The module's value for `x`."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, x: Any) -> Any:
        return self.forward(x)

    def parameters(self) -> list[Variable]:
        """Every variable that requires a gradient, once, in the order in which they were set."""
        return collect_parameters(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _is_extent(size: Any) -> bool:
    return isinstance(size, int | np.integer) and not isinstance(size, bool) and bool(size > 0)


class Dense(Module):
    """`x @ weights + bias`: `[batch, input_size]` to `[batch, output_size]`.

    `weights` is `[input_size, output_size]`, begun as `initialiser` says (a name of `tt.nn.INITIALISERS` or a
    function of a shape and a generator); `bias` is `[output_size]`, begun with zeros. `seed` makes them the
    same each time. A Variable gives a Variable, a Tensor a Tensor.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        use_bias: bool = True,
        *,
        initialiser: str | Initialiser = "xavier_uniform",
        seed: Seed = None,
    ) -> None:
        if not (_is_extent(input_size) and _is_extent(output_size)):
            raise ArgumentError(f"a layer has inputs and outputs, not {input_size} and {output_size}")
        self.input_size, self.output_size, self.use_bias = input_size, output_size, use_bias
        drawn = find_initialiser(initialiser)((input_size, output_size), np.random.default_rng(seed))
        self.weights = Variable(np.asarray(drawn, np.float32))
        self.bias = Variable(np.zeros(output_size, np.float32)) if use_bias else None

    def forward(self, x: Any) -> Any:
        """`x @ weights + bias`. Raises ShapeError where the last dim of `x` is not `input_size`."""
        given = x if isinstance(x, Tensor | Variable) else Tensor(x)
        if not given.shape or given.shape[-1] != self.input_size:
            raise ShapeError(f"{self!r} takes [..., {self.input_size}], not {list(given.shape)}")
        if isinstance(given, Tensor):
            product = given @ self.weights.data
            return product if self.bias is None else product + self.bias.data
        product = given @ self.weights
        return product if self.bias is None else product + self.bias

    def __repr__(self) -> str:
        return f"Dense({self.input_size}, {self.output_size}{'' if self.use_bias else ', use_bias=False'})"


Linear: Final = Dense


class Sequential(Module):
    """Layers, or functions, one after the other; given one by one or as a list."""

    def __init__(self, *layers: Any) -> None:
        is_list = len(layers) == 1 and isinstance(layers[0], list | tuple)
        self.layers: list[Any] = list(cast("list[Any]", layers[0])) if is_list else list(layers)

    def forward(self, x: Any) -> Any:
        """The last layer's value."""
        for layer in self.layers:
            x = layer(x)
        return x

    def add(self, layer: Any) -> None:
        """Puts another layer behind the last."""
        self.layers.append(layer)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, position: int) -> Any:
        return self.layers[position]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


class Flatten(Module):
    """All dims but the first made into one."""

    def forward(self, x: Any) -> Any:
        """`x` as `[batch, features]`. Raises ShapeError for a scalar, which has no batch."""
        if not x.shape:
            raise ShapeError("Flatten takes [batch, ...], not a scalar")
        count = math.prod(x.shape[1:])
        return x.reshape(x.shape[0], count)
