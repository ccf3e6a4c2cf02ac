"""`tinytorch plugins`."""

from __future__ import annotations

from typing import Any

from compiler.plugins import GROUP, Plugin
from tinytorch.builtin import registry
from tinytorch.cli import command as shared
from tinytorch.cli.showing import show_table


@shared.command("tinytorch plugins")
def plugins() -> None:
    """List the plugins that are installed, and what they bring.

    A plugin is found through the entry points of its distribution. One that fails to load is an error that
    names its owner.
    """
    data = [_described(item) for item in registry().plugins]
    kinds = ("passes", "backends", "renderers", "ops")
    rows = [(item["name"], *(_listed(item[kind]) for kind in kinds)) for item in data]
    show_table({"group": GROUP, "plugins": data}, ("plugin", *kinds), rows)


def _described(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "passes": [item.name for item in plugin.passes],
        "backends": [item.name for item in plugin.backends],
        "renderers": [item.name for item in plugin.renderers],
        "ops": [item.name for item in plugin.ops],
    }


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 10 else f"{', '.join(names[:3])} and {len(names) - 3} more"


command = plugins
