"""Layers that are a function of a tensor with settings, and have no parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Final

from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor

_OF_ALL: Final = ("self", "name", "seed", "dtype", "initialiser", "bias_initialiser")
"""What layers take that is no setting of theirs."""


class Setting(Module):
    """A layer without parameters. Its settings are attributes, and keywords of its function."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        for name, value in settings.items():
            setattr(self, name, value)
        self._settings = tuple(settings)

    def forward(self, x: Tensor) -> Any:
        """The function of `x`."""
        return type(self).function(x, **{name: getattr(self, name) for name in self._settings})

    def __repr__(self) -> str:
        return shown(self)


def shown(layer: Module) -> str:
    """A layer as it could be written: what must be given, and what is not as it would be without."""
    parts: list[str] = []
    for name, parameter in inspect.signature(type(layer).__init__).parameters.items():
        if name in _OF_ALL:
            continue
        value = getattr(layer, name)
        if name == "bias":
            value = value is not None
        if parameter.default is inspect.Parameter.empty:
            parts.append(repr(value))
        elif value != parameter.default:
            parts.append(f"{name}={value!r}")
    return f"{type(layer).__name__}({', '.join(parts)})"
