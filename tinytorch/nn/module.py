"""Module: something that holds parameters and maps a tensor to a tensor."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from compiler.ir.op import Parameter
from tinytorch.api import parameter
from tinytorch.nn.initialisers import Initialiser
from tinytorch.tensor import Tensor

Seed: TypeAlias = "int | np.random.Generator | None"
"""An int gives the same values each time, a generator the next ones, None others each time."""


class Module:
    """A layer, or a network of layers. A subclass sets its parts as attributes and defines `forward`.

    Parts are parameters (`tt.parameter`), modules, and lists, tuples and dicts of them. `declare` makes a
    parameter that is drawn when it is first read: by then the module has its place in a network, so that the
    parameter is named after the path to it (`dense1.weight`) and one seed of the network serves all layers.
    Parameters of a layer that has neither a place nor a `name` are just `weight` and `bias`. Parameters may
    share a name: texts and drawings tell them apart as `weight` and `weight~2`.
    """

    def __init__(self, *, name: str | None = None, seed: Seed = None) -> None:
        self._name = name
        self._seed = int(seed.integers(2**63)) if isinstance(seed, np.random.Generator) else seed
        self._place: tuple[Module, str] | None = None
        self._declared: dict[str, tuple[tuple[int, ...], Initialiser, Any]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """The module's value for `x`."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, x: Any) -> Tensor:
        """`forward`."""
        return self.forward(x)

    @property
    def path(self) -> str | None:
        """Where the module is in the outermost one, as names joined by dots; None where it is in none."""
        if self._place is None:
            return self._name
        parent, key = self._place
        return _join(parent.path, self._name or key)

    def declare(
        self, name: str, shape: Sequence[int], initialiser: Initialiser, dtype: Any = "float32"
    ) -> None:
        """A parameter of this module, which becomes its attribute `name` when it is first read."""
        self._declared[name] = (tuple(shape), initialiser, dtype)

    def adopt(self, module: Module, key: str) -> None:
        """Makes a module a part of this one under a key, unless it is part of another already."""
        if module._place is None and module is not self:
            module._place = (self, key)

    def parameters(self) -> list[Tensor]:
        """Every parameter once, in the order in which the parts were set; the same tensors each time."""
        found: dict[Parameter, Tensor] = {}
        for tensor in self._tensors():
            if isinstance(tensor.node.op, Parameter):
                found.setdefault(tensor.node.op, tensor)
        return list(found.values())

    def _tensors(self) -> Iterator[Tensor]:
        declared = [getattr(self, name) for name in self._declared]
        rest = [value for name, value in vars(self).items() if not name.startswith("_")]
        for _, part in _parts("", [*declared, *rest]):
            if isinstance(part, Module):
                yield from part._tensors()
            else:
                yield part

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_"):
            for key, part in _parts(name, value):
                if isinstance(part, Module):
                    self.adopt(part, key)

    def __getattr__(self, name: str) -> Any:
        declared = self.__dict__.get("_declared", {})
        if name not in declared:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        self._draw()
        return self.__dict__[name]

    def _draw(self) -> None:
        """All declared parameters at once, in order, so that their values depend on nothing but the seed."""
        generator = np.random.default_rng(self._entropy())
        for name, (shape, initialiser, dtype) in self._declared.items():
            self.__dict__[name] = parameter(initialiser(shape, generator), _join(self.path, name), dtype)

    def _entropy(self) -> Any:
        """The module's seed, or that of the module it is in together with its place there."""
        keys: list[int] = []
        module = self
        while module._seed is None and module._place is not None:
            module, key = module._place
            keys.append(zlib.crc32(key.encode()))
        return None if module._seed is None else [module._seed, *keys]


def _join(path: str | None, key: str) -> str:
    return f"{path}.{key}" if path else key


def _parts(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The tensors and modules in a value, with the key of each."""
    if isinstance(value, Tensor | Module):
        yield key, value
    elif isinstance(value, Mapping):
        for inner, item in value.items():  # pyright: ignore[reportUnknownVariableType]  # anything may be a key
            yield from _parts(_join(key, str(inner)), item)  # pyright: ignore[reportUnknownArgumentType]  # as above
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  # as above
            yield from _parts(_join(key, str(position)), item)
