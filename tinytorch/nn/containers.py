"""Modules that hold others, and what is built around one: lists, dicts, the identity, residuals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from compiler.errors import ArgumentError
from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor


class ModuleList(Module):
    """Modules by position, as a list (torch.nn.ModuleList). A plain list in a module does as well."""

    def __init__(self, modules: Iterable[Module] = (), *, name: str | None = None) -> None:
        super().__init__(name=name)
        self._held: list[Module] = [_checked(item) for item in modules]

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """The modules under their positions."""
        return ((str(position), item) for position, item in enumerate(self._held))

    def append(self, module: Module) -> ModuleList:
        """Adds a module at the end, and returns the list."""
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Adds modules at the end, and returns the list."""
        self._held = [*self._held, *(_checked(item) for item in modules)]
        return self

    def insert(self, index: int, module: Module) -> None:
        """Puts a module before the one at a position."""
        self._held = [*self._held[:index], _checked(module), *self._held[index:]]

    def __getitem__(self, index: int | slice) -> Any:
        return ModuleList(self._held[index]) if isinstance(index, slice) else self._held[index]

    def __setitem__(self, index: int, module: Module) -> None:
        held = [*self._held]
        held[index] = _checked(module)
        self._held = held

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._held)

    def __repr__(self) -> str:
        return f"ModuleList([{', '.join(map(repr, self._held))}])"


class ModuleDict(Module):
    """Modules by name, as a dict (torch.nn.ModuleDict). A plain dict in a module does as well."""

    def __init__(self, modules: Mapping[str, Module] | None = None, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self._held: dict[str, Module] = {key: _checked(item) for key, item in (modules or {}).items()}

    def attributes(self) -> Iterator[tuple[str, Any]]:
        """The modules under their keys."""
        return iter(list(self._held.items()))

    def update(self, modules: Mapping[str, Module]) -> None:
        """Sets several modules."""
        self._held = {**self._held, **{key: _checked(item) for key, item in modules.items()}}

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._held.keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._held.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Names and modules."""
        return self._held.items()

    def __getitem__(self, key: str) -> Module:
        return self._held[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.update({key: module})

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __repr__(self) -> str:
        return f"ModuleDict({self._held!r})"


class Identity(Module):
    """What it is given, whatever it was made with (torch.nn.Identity)."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """`x`."""
        return x


class Residual(Module):
    """`x + inner(x)`; with a `shortcut`, `shortcut(x) + inner(x)`, where the two have other shapes.

    He et al., Deep Residual Learning for Image Recognition (2016).
    """

    def __init__(self, inner: Any, shortcut: Any = None, *, name: str | None = None) -> None:
        super().__init__(name=name)
        for item in (inner, shortcut):
            if item is not None and not callable(item):
                raise ArgumentError(f"a residual is of a module or a function of a tensor, not {item!r}")
        self.inner, self.shortcut = inner, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """The sum of what went through and what went around."""
        around = x if self.shortcut is None else self.shortcut(x)
        return around + self.inner(x)

    def __repr__(self) -> str:
        return f"Residual({self.inner!r}{'' if self.shortcut is None else f', {self.shortcut!r}'})"


def _checked(module: Any) -> Module:
    if not isinstance(module, Module):
        raise ArgumentError(f"only modules are held here, not {module!r}")
    return module
