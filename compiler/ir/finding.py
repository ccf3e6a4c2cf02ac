"""Values by whatever a person has of them: a tensor, a node, a name or a number from any view of a program.

A graph knows those that it was made from. A name means the value that had it first, and `image` follows a
value to what stands for it now.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final

from compiler.errors import ArgumentError
from compiler.ir.naming import Text, quoted, reference
from compiler.ir.node import Node

_NEAR: Final = 4
"""How many names an error offers."""


def stages(graph: Text) -> tuple[Text, ...]:
    """The graphs from which a graph was made, the first one first, and the graph."""
    found = [graph]
    while found[-1].lineage is not None:
        found.append(found[-1].lineage.before)
    return tuple(reversed(found))


def find_value(graph: Text, what: Any) -> Node:
    """The node of a graph, or of one that it was made from, that something stands for.

    `what` is a node, something that has one (a tensor), a name as any view prints it (`%h`, `h`, `%34`), or a
    number. Raises ArgumentError, with names that are near, for what is not there.
    """
    node = getattr(what, "node", what)
    if isinstance(node, Node):
        if any(node in set(stage.nodes) for stage in stages(graph)):
            return node
        raise ArgumentError(
            f"{what!r} is no part of this program; give a tensor that it was compiled from, or a name or "
            f"number of its texts and pictures"
        )
    text = _as_text(what)
    called = _called(graph)
    for spelling in (text, f"%{text}", f"%{quoted(text)}"):
        if spelling in called:
            return called[spelling]
    raise ArgumentError(f"no value of this program is called {what!r}{_hint(text, called)}")


def stage_of(graph: Text, node: Node) -> Text:
    """The first of the graphs that has a node; the graph itself where none has."""
    return next((stage for stage in stages(graph) if node in set(stage.nodes)), graph)


def image(graph: Text, node: Node) -> Node | None:
    """What stands for a value in a graph: itself where it is still there; None where nothing does."""
    path = trail(graph, node)
    return path[-1] if path and path[-1] in set(graph.nodes) else None


def trail(graph: Text, node: Node) -> tuple[Node, ...]:
    """What a value has been, from the first graph that has it to where it is now, or was last."""
    found: list[Node] = []
    for stage in stages(graph):
        here = set(stage.nodes)
        if not found and node in here:
            found = [node]
        elif found and found[-1] not in here:
            after = None if stage.lineage is None else stage.lineage.became.get(found[-1])
            if after is None:
                break
            found.append(after)
    return tuple(found)


def images(graph: Text, since: Text | None = None) -> dict[Node, Node]:
    """What stands in a graph for each node of the first of those that it was made from. One walk a stage.

    With `since`, one of those, what stands for its nodes; nothing where the graph was not made from it.
    """
    made_from = stages(graph)
    begin = 0 if since is None else next((k for k, item in enumerate(made_from) if item is since), None)
    if begin is None:
        return {}
    first, *later = made_from[begin:]
    found = {node: node for node in first.nodes}
    for stage in later:
        here = set(stage.nodes)
        became: Mapping[Node, Node] = {} if stage.lineage is None else stage.lineage.became
        moved = {old: now if now in here else became.get(now) for old, now in found.items()}
        found = {old: now for old, now in moved.items() if now is not None and now in here}
    return found


def _as_text(what: Any) -> str:
    if isinstance(what, str):
        return what
    try:
        return f"%{operator.index(what)}"
    except TypeError:
        raise ArgumentError(
            f"{what!r} is no part of this program; give a tensor, a node, or a name or number of its texts"
        ) from None


def _called(graph: Text) -> dict[str, Node]:
    """The first node of each name, and for a value that no other is called like it its bare name too."""
    found: dict[str, Node] = {}
    for stage in stages(graph):
        values = stage.names.values
        for node in stage.nodes:
            found.setdefault(values[node], node)
    for text, node in tuple(found.items()):
        found.setdefault(reference(text), node)
    return found


def _hint(text: str, called: Iterable[str]) -> str:
    """The names that are near, or some that there are."""
    from difflib import get_close_matches  # noqa: PLC0415  # only an error needs it

    texts = [item for item in called if item.startswith("%")]
    named = [item for item in texts if not item[1:].isdigit()]
    bare = text.removeprefix("%")
    near = [] if bare.isdigit() else get_close_matches(f"%{bare}", named, _NEAR)
    if near:
        return f"; near it: {', '.join(near)}"
    numbers = [int(item[1:]) for item in texts if item[1:].isdigit()]
    some = ", ".join([*named[:_NEAR], *(["..."] if len(named) > _NEAR else [])])
    counted = f"numbers up to %{max(numbers)}" if numbers else ""
    return f"; there are {' and '.join(filter(None, [some, counted]))}" if texts else ""
