"""Plugins and the registry. A plugin is a value; nothing registers itself.

Built-in ops, passes, backends and renderers come through the same door as a stranger's. Strangers are found
through the entry-point group `tinytorch.plugins`, which is read only when something is asked for by a name
nobody has yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast, runtime_checkable

from compiler.backends.contract import Backend
from compiler.errors import PluginError
from compiler.ir.graph import Graph
from compiler.pipeline.contract import Pass, is_pass

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "tinytorch.plugins"
"""The entry-point group. Each entry point is a Plugin."""


@runtime_checkable
class NamedOp(Protocol):
    """What a plugin contributes as an op: a named function of tensors, such as `tt.elementwise` makes."""

    @property
    def name(self) -> str: ...

    def __call__(self, *operands: Any, **parameters: Any) -> Any: ...


@runtime_checkable
class Renderer(Protocol):
    """Turns a graph into text or bytes of a format, for files with a suffix."""

    @property
    def name(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    def render(self, graph: Graph) -> str | bytes: ...


_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "ops": lambda item: isinstance(item, NamedOp),
    "passes": is_pass,
    "backends": lambda item: isinstance(item, Backend),
    "renderers": lambda item: isinstance(item, Renderer),
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """Contributions under one name."""

    name: str
    ops: tuple[NamedOp, ...] = ()
    passes: tuple[Pass, ...] = ()
    backends: tuple[Backend, ...] = ()
    renderers: tuple[Renderer, ...] = ()


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that plugins contribute, by kind and name. Make it with `Registry.of`."""

    plugins: tuple[Plugin, ...]
    entries: Mapping[str, Mapping[str, Any]] = field(repr=False)

    @classmethod
    def of(cls, *plugins: Plugin) -> Registry:
        """The registry of some plugins.

        Raises PluginError for a malformed plugin, and for a clash, naming both owners.
        """
        entries: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
        owners: dict[tuple[str, str], str] = {}
        for place, plugin in enumerate(plugins):
            _check(plugin)
            if any(other.name == plugin.name for other in plugins[:place]):
                raise PluginError(f"two plugins are named {plugin.name!r}")
            for kind, name, item in _contributions(plugin):
                owner = owners.setdefault((kind, name), plugin.name)
                if name in entries[kind]:
                    raise PluginError(
                        f"plugins {owner!r} and {plugin.name!r} both have {name!r} among their {kind}"
                    )
                entries[kind][name] = item
        frozen = {kind: MappingProxyType(found) for kind, found in entries.items()}
        return cls(plugins, MappingProxyType(frozen))

    def find(self, kind: str, name: str) -> Any:
        """What has a name. Raises PluginError with the names there are."""
        known = self.entries[kind]
        if name not in known:
            raise PluginError(
                f"no {kind[:-1] if kind != 'passes' else 'pass'} is named {name!r}; there are: "
                f"{', '.join(known) or 'none'}"
            )
        return known[name]

    def has(self, kind: str, name: str) -> bool:
        """Whether something has a name."""
        return name in self.entries[kind]

    def with_discovered(self) -> Registry:
        """This registry and the plugins of installed distributions.

        Raises PluginError naming one that fails.
        """
        return Registry.of(*self.plugins, *discover())


def discover() -> list[Plugin]:
    """The plugins of installed distributions, sorted by name."""
    from importlib import metadata  # noqa: PLC0415  # a tenth of the import time, and seldom needed

    points = sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return [_load(point) for point in points]


def _load(point: EntryPoint) -> Plugin:
    owner = point.dist.name if point.dist else "an unknown distribution"
    try:
        plugin = point.load()
    except Exception as error:
        raise PluginError(
            f"plugin {point.name!r} of {owner} failed to load: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(plugin, Plugin):
        raise PluginError(f"{point.value} of {owner} is no Plugin but {type(plugin).__name__}")
    _check(plugin, f" of {owner}")
    return plugin


def _check(plugin: Plugin, owner: str = "") -> None:
    if not plugin.name.strip():
        raise PluginError(f"a plugin{owner} has no name")
    for kind, items in _fields(plugin):
        seen: set[str] = set()
        for item in items:
            name = getattr(item, "name", None)
            if not _KINDS[kind](item) or not isinstance(name, str) or not name:
                raise PluginError(
                    f"plugin {plugin.name!r}{owner}: {item!r} is none of its {kind} (see compiler.plugins)"
                )
            if name in seen:
                raise PluginError(f"plugin {plugin.name!r}{owner} has {name!r} twice among its {kind}")
            seen.add(name)


def _fields(plugin: Plugin) -> Iterable[tuple[str, tuple[Any, ...]]]:
    return [(kind, cast("tuple[Any, ...]", getattr(plugin, kind))) for kind in _KINDS]


def _contributions(plugin: Plugin) -> Iterable[tuple[str, str, Any]]:
    return [(kind, item.name, item) for kind, items in _fields(plugin) for item in items]
