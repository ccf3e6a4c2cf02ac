"""Layers that are a function of a tensor with settings, and have no parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor

_OF_ALL: Final = ("self", "name", "seed", "dtype", "initialiser", "bias_initialiser")
"""What layers take that is no setting of theirs."""


class Setting(Module):
    """A layer without parameters: a function of a tensor, whose settings it takes and has as attributes.

    A subclass names the function. `takes` are the settings in another order than that of the function.
    """

    function: ClassVar[Callable[..., Any]]
    takes: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "function" not in vars(cls):
            return  # one that was derived from a layer
        _, *settings = inspect.signature(cls.function).parameters.values()
        known = {item.name: item for item in settings}
        cls.takes = cls.takes or tuple(known)
        start = _constructor([known[name] for name in cls.takes])
        start.__qualname__ = f"{cls.__qualname__}.__init__"
        type.__setattr__(cls, "__init__", start)

    def forward(self, x: Tensor) -> Any:
        """The function of `x`."""
        return type(self).function(x, **{name: getattr(self, name) for name in self.takes})

    def __repr__(self) -> str:
        return shown(self)


def _constructor(settings: Sequence[inspect.Parameter]) -> Callable[..., None]:
    """One with the signature of a layer's settings, which become its attributes."""
    signature = inspect.Signature([inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY), *settings])

    def start(*given: Any, **named: Any) -> None:
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        layer = bound.arguments.pop("self")
        Module.__init__(layer)
        for name, value in bound.arguments.items():
            setattr(layer, name, value)

    vars(start)["__signature__"] = signature
    return start


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
