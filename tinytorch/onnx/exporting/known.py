"""What needs no call to be known: places, masks and tables of a graph, which are written as initialisers."""

from __future__ import annotations

import math
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.reference.interpreter import compute
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Call, Constant, Input, MapReduce, Parameter, Size

Array: TypeAlias = np.ndarray[Any, Any]

MOST: Final = 4096
"""Elements up to which an array is written out."""


def known_arrays(graph: Graph) -> dict[Node, Array]:
    """The small arrays that are made of constants and places alone, by the oracle; results stay nodes."""
    found: dict[Node, Array] = {}
    results = set(graph.results)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if not _is_small(node):
                continue
            if isinstance(node.op, Constant):
                found[node] = node.op.buffer.array
            elif _is_made(node) and node not in results and all(item in found for item in node.operands):
                found[node] = compute(node, [found[item] for item in node.operands], {})
    return {node: array for node, array in found.items() if not isinstance(node.op, Constant)}


def _is_small(node: Node) -> bool:
    shape = node.type.shape
    known = [extent for extent in shape if isinstance(extent, int)]
    return len(known) == len(shape) and math.prod(known) <= MOST


def _is_made(node: Node) -> bool:
    """Whether a node follows from its operands alone, and not from a symbol or from a stranger."""
    op = node.op
    if isinstance(op, Input | Parameter | Call):
        return False
    if not isinstance(op, MapReduce):
        return True
    sizes = [item.extent for item in op.arguments if isinstance(item, Size)]
    return all(isinstance(extent, int) for extent in (*sizes, *op.extents))
