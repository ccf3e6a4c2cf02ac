"""What values are called in a model, and where in a network nodes say they are."""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.ir.naming import unquoted
from compiler.ir.node import Node
from compiler.ir.scope import Path


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


def path_of(scopes: Path) -> str:
    """Scopes as ONNX names them: `/encoder/block.0`."""
    parts: list[str] = []
    for part in (piece for item in scopes for piece in item.split("/") if piece):
        if part.isdigit() and parts:
            parts[-1] += f".{part}"
        else:
            parts.append(part)
    return "".join(f"/{part}" for part in parts)
