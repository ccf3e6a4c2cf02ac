"""What values are called in a model, and where in a network nodes say they are."""

from __future__ import annotations

from typing import Final

from compiler.ir.graph import Graph
from compiler.ir.naming import unquoted
from compiler.ir.node import Node
from compiler.ir.scope import Path

STATES: Final = "tinytorch.states"
"""The key under which a model says which output is the next value of which input, as JSON."""

PARAMETERS: Final = "tinytorch.parameters"
"""The key under which a model says which initialisers are parameters, and what they are to the network: JSON
from names to roles. The others are constants."""

PRODUCER: Final = "tinytorch"
"""Who a model says has made it."""


def value_names(graph: Graph) -> dict[Node, str]:
    """A name for each value of a graph: its own, with the mark that tells twins apart, else a number.

    So a model that was read and is written again has the names that it had, numbers too.
    """
    texts = {node: unquoted(text.removeprefix("%")) for node, text in graph.names.values.items()}
    found = {node: name + mark for node, (name, mark) in texts.items() if node.name is not None}
    taken = set(found.values())
    number = 0
    for node in graph.nodes:
        if node not in found:
            while str(number) in taken:
                number += 1
            found[node] = str(number)
            number += 1
    return found


def node_paths(graph: Graph) -> dict[Node, str]:
    """Where in a network each node is, as ONNX says it: `/encoder/block.0`; nothing for no scope.

    A scope of ours inside of one that has its name, as of a function that a node became, is not said again.
    """
    paths = {path: _joined(path) for path in graph.scopes.values()}
    return {node: paths[path] for node, path in graph.scopes.items()}


def _joined(path: Path) -> str:
    parts: list[str] = []
    for part in (piece for item in path for piece in item.split("/") if piece):
        if part.isdigit() and parts:
            parts[-1] += f".{part}"
        elif not parts or part != parts[-1].partition(".")[0]:
            parts.append(part)
    return "".join(f"/{part}" for part in parts)
