"""Indices that count from the end where they are negative, as those of ONNX do and ours do not."""

from __future__ import annotations

from typing import Final

from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const
from compiler.ir.node import Node
from compiler.ir.op import Access, Gather, MapReduce, Size
from tinytorch.onnx.exporting.layouts import write_layout
from tinytorch.onnx.exporting.plans import Plan, Uses

_FROM_END: Final = parse_formula("from_end(i, n) = where(i < 0, i + n, i)")


def plan_gather(node: Node, uses: Uses) -> Plan | None:
    """A Gather at indices that were made to count from the end, which the operator sees to itself."""
    op = node.op
    if not isinstance(op, Gather):
        return None
    data, index = node.operands
    extent = data.type.shape[op.axis]
    made = index.op
    if not isinstance(made, MapReduce) or made.formula.lines != _FROM_END.lines or len(made.arguments) != 2:
        return None
    given, count = made.arguments
    said = count.value if isinstance(count, Const) else count.extent if isinstance(count, Size) else None
    loops = tuple(range(index.type.rank))
    is_whole = isinstance(given, Access) and given.axes == loops == made.output
    if not is_whole or said != extent or index.operands[0].type != index.type:
        return None
    return Plan((data, index.operands[0]), lambda context, values: write_layout(context, node, *values))
