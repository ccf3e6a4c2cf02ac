"""What one call of a function of ours made, told by its scope, and whether another call makes the same.

Our functions mark what they make with a scope of their name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from compiler.ir.formula.tape import Const
from compiler.ir.node import Node
from compiler.ir.op import Input, MapReduce
from tinytorch.api import input as tensor_input
from tinytorch.onnx.exporting.plans import Uses
from tinytorch.tensor import Tensor

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Use:
    """What one call of a function made: its nodes, the last of which is the result, and what they read."""

    nodes: Sequence[Node]
    result: Node
    given: tuple[Node, ...]

    @property
    def literals(self) -> list[float]:
        """The numbers in its formulas' arguments."""
        ops = [node.op for node in self.nodes if isinstance(node.op, MapReduce)]
        found = [item.value for op in ops for item in op.arguments if isinstance(item, Const)]
        return list(dict.fromkeys(float(item) for item in found))


def use_of(node: Node, uses: Uses) -> Use | None:
    """The nodes of the same use of a scope, and of those in it, if this one alone is read by others."""
    if uses.result_of(node.origin.opened) is not node:
        return None
    nodes = uses.made_in(node.origin.opened)
    return Use(nodes, node, given_to(nodes))


def given_to(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """What nodes read that are none of them, once."""
    inside = set(nodes)
    return tuple(
        dict.fromkeys(operand for item in nodes for operand in item.operands if operand not in inside)
    )


def stand_ins(nodes: Iterable[Node]) -> list[Tensor]:
    """Inputs of the types of nodes, to call a function with."""
    return [tensor_input(f"x{k}", item.type.shape, item.type.dtype) for k, item in enumerate(nodes)]


def is_same(made: Node, found: Node, known: dict[Node, Node]) -> bool:
    """Whether two nodes are made alike from what is known to be the same."""
    pending = [(made, found)]
    while pending:
        left, right = pending.pop()
        if left in known:
            if known[left] is not right:
                return False
            continue
        is_alike = left.op == right.op and left.type == right.type
        if isinstance(left.op, Input) or not is_alike or len(left.operands) != len(right.operands):
            return False
        known[left] = right
        pending += zip(left.operands, right.operands, strict=True)
    return True
