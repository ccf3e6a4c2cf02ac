"""Constants of a graph, perhaps with their elements moved: what they are before the first call."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.backends.reference.interpreter import compute
from compiler.ir.node import Node
from compiler.ir.op import Constant, Layout


def is_constant(node: Node) -> bool:
    """Whether a node is known when the program is compiled, and no extent is a call's."""
    while isinstance(node.op, Layout) and len(node.operands) == 1:
        if not all(isinstance(extent, int) for extent in node.type.shape):
            return False
        node = node.operands[0]
    return isinstance(node.op, Constant) and node.op.buffer.is_bound


def constant_value(node: Node) -> np.ndarray[Any, Any]:
    """The elements of such a constant, through what moves them."""
    moves: list[Node] = []
    while not isinstance(node.op, Constant):
        moves.append(node)
        node = node.operands[0]
    value = node.op.buffer.array
    for move in reversed(moves):
        value = compute(move, [value], {})
    return value
