"""Operators of the standard that are many nodes of ours: softmax, layer normalisation, pools.

Our functions mark what they make with a scope of their name. Which settings one was called with is read from
its nodes, and it is called with them again: where that makes the same nodes, it is that.
"""

from __future__ import annotations

from compiler.ir.node import Node
from tinytorch.onnx.exporting.plans import Plan, Uses


def plan_composite(node: Node, uses: Uses) -> Plan | None:
    """One operator for the result of a function of ours."""
    return None
