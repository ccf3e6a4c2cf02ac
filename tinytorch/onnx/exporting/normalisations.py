"""A batch's normalisation by known statistics, which is BatchNormalization."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.formula.tape import Const
from compiler.ir.node import Node
from compiler.ir.op import MapReduce
from compiler.ir.types import FLOAT32, FLOAT64
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.plans import Plan, Uses, atom_of, vector_along
from tinytorch.onnx.exporting.values import Value
from tinytorch.ops.elementwise import rsqrt

_CHANNELS = 1
"""The axis that the operator normalises."""


def plan_batch_norm(node: Node, uses: Uses) -> Plan | None:
    """`(x - mean) * rsqrt(var + eps) * weight + bias`, with one number of each for a channel."""
    if node.type.rank < 2 or node.type.dtype not in (FLOAT32, FLOAT64):
        return None
    steps = _right_sides(node, ("add", "mul", "mul", "sub"), uses)
    if steps is None:
        return None
    (bias, weight, scale, mean), x = steps
    if not isinstance(scale.op, MapReduce) or scale.op.formula != rsqrt.formula:
        return None
    found = scale.operands[0]
    if atom_of(found) != "add" or not isinstance(found.op, MapReduce) or len(found.operands) != 1:
        return None
    eps = next((item.value for item in found.op.arguments if isinstance(item, Const)), None)
    vectors = [vector_along(item, node, _CHANNELS) for item in (weight, bias, mean, found.operands[0])]
    given = [item for item in vectors if item is not None]
    if eps is None or len(given) != len(vectors) or x.type != node.type:
        return None

    def write(context: Context, values: Sequence[Value]) -> Value:
        return context.writer.node("BatchNormalization", *values, epsilon=float(eps))

    return Plan((x, *given), write)


def _right_sides(node: Node, atoms: Sequence[str], uses: Uses) -> tuple[list[Node], Node] | None:
    """The right operands of a chain of atoms, from its end on, and what is left."""
    found: list[Node] = []
    for depth, atom in enumerate(atoms):
        if atom_of(node) != atom or len(node.operands) != 2 or (depth and not uses.is_inner(node)):
            return None
        node, right = node.operands
        found.append(right)
    return found, node
