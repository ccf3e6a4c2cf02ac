"""The built-in plugin: every pass, backend and renderer in one visible list, like a stranger's."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, cast

from compiler.backends.contract import Backend
from compiler.backends.llvm.backend import Llvm
from compiler.backends.numpy.backend import NumPy
from compiler.backends.reference import Reference
from compiler.errors import PluginError
from compiler.pipeline.contract import Pass, is_pass
from compiler.plugins import Plugin, Registry
from compiler.render.drawing import RENDERERS
from passes import REWRITES, SCHEDULING

BUILTIN: Final = Plugin(
    "tinytorch",
    passes=(*REWRITES, *SCHEDULING),
    backends=(Llvm(), NumPy(), Reference()),
    renderers=RENDERERS,
)
"""Everything that comes with tinytorch."""

REGISTRY: Final = Registry.of(BUILTIN)
"""The registry without strangers; `registry()` is the one with them."""


@cache
def registry() -> Registry:
    """The built-ins and the plugins of installed distributions, read when first asked."""
    return REGISTRY.with_discovered()


def find(kind: str, name: str) -> Any:
    """A contribution by name; strangers are read only where no built-in has the name. Raises PluginError."""
    return REGISTRY.find(kind, name) if REGISTRY.has(kind, name) else registry().find(kind, name)


def find_pass(item: str | Pass) -> Pass:
    """A pass by name, or the pass itself."""
    if isinstance(item, str):
        return find("passes", item)
    if not is_pass(item):
        raise PluginError(f"{item!r} is no pass: it has neither `rewrite` nor `schedule`")
    return item


def find_backend(item: str | Backend | None) -> Backend:
    """A backend by name, the backend itself, or the default."""
    if item is None:
        return default_backend()
    if isinstance(item, str):
        return find("backends", item)
    if not isinstance(cast(object, item), Backend):
        raise PluginError(f"{item!r} is no backend: it has no `build`, or no `target`")
    return item


def default_backend() -> Backend:
    """The native backend where it runs, else NumPy's."""
    native: Llvm = REGISTRY.find("backends", "llvm")
    return native if native.is_available else REGISTRY.find("backends", "numpy")
