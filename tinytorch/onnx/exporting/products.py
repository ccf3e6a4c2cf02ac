"""Matrix products with a bias, which are Gemm; means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.ir.dims import product
from compiler.ir.formula.tape import Const
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer, Size
from compiler.ir.types import FLOAT32, FLOAT64
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.plans import Plan, Uses, added, products_of
from tinytorch.onnx.exporting.reductions import write_contraction, write_reduction
from tinytorch.onnx.exporting.values import Value

_KERNELS = (FLOAT32, FLOAT64)


def plan_gemm(node: Node, uses: Uses) -> Plan | None:
    """A matrix times a matrix, either of them perhaps transposed, plus what broadcasts to the result."""
    both = added(node)
    if both is None or node.type.rank != 2 or node.type.dtype not in _KERNELS:
        return None
    left, right = both
    found = products_of(left) if uses.is_inner(left) else None
    if found is None or any(item.type.dtype is not found.op.dtype for item in found.operands):
        return None
    ways = _ways(found.op)
    if ways is None:
        return None
    (first, second), turned = ways

    def write(context: Context, values: Sequence[Value]) -> Value:
        pairs = zip("AB", turned, strict=True)
        names: dict[str, Any] = {f"trans{name}": 1 for name, is_turned in pairs if is_turned}
        return context.writer.node("Gemm", values[first], values[second], values[2], **names)

    return Plan((*found.operands, right), write)


def _ways(op: MapReduce) -> tuple[tuple[int, int], tuple[bool, bool]] | None:
    """Which operand is the left one, and which are transposed."""
    if op.kept != 2 or len(op.extents) != 3 or op.output != (0, 1):
        return None
    for first, second in ((0, 1), (1, 0)):
        left, right = op.accesses[first].axes, op.accesses[second].axes
        if left in ((0, 2), (2, 0)) and right in ((2, 1), (1, 2)):
            return (first, second), (left == (2, 0), right == (1, 2))
    return None


def plan_product(node: Node, uses: Uses) -> Plan | None:
    """A sum of products, of operands as they are stored."""
    found = products_of(node)
    if found is None:
        return None
    return Plan(found.operands, lambda context, values: write_contraction(context, found.op, *values))


def plan_mean(node: Node, uses: Uses) -> Plan | None:
    """A sum divided by how many are added."""
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or len(op.arguments) != 2:
        return None
    atom, divisor = op.formula.atom, op.arguments[1]
    if atom is None or atom.name != "div" or node.type.dtype not in _KERNELS or len(node.operands) != 1:
        return None
    total = node.operands[0]
    inner = total.op
    if not isinstance(inner, MapReduce) or inner.reducer is not Reducer.SUM or len(total.operands) != 1:
        return None
    count = (
        divisor.extent if isinstance(divisor, Size) else divisor.value if isinstance(divisor, Const) else None
    )
    is_whole = count != 0 and count == product(inner.extents[inner.kept :])
    if total.type != node.type or not uses.is_inner(total) or not is_whole:
        return None
    return Plan(
        total.operands,
        lambda context, values: write_reduction(context, total, *values, operator="ReduceMean"),
    )
