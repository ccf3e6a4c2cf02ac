"""How each node is written: by what is recognised in it, else by its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from compiler.ir.node import Node
from compiler.ir.op import Call, Layout, MapReduce, Prefix, Reducer
from tinytorch.onnx.exporting.attention import plan_attention
from tinytorch.onnx.exporting.calls import write_call
from tinytorch.onnx.exporting.composites import plan_composite
from tinytorch.onnx.exporting.context import Context, Write
from tinytorch.onnx.exporting.indices import plan_gather
from tinytorch.onnx.exporting.layers import plan_convolution
from tinytorch.onnx.exporting.layouts import write_layout
from tinytorch.onnx.exporting.maps import write_map
from tinytorch.onnx.exporting.normalisations import plan_batch_norm
from tinytorch.onnx.exporting.plans import Plan, Uses
from tinytorch.onnx.exporting.prefixes import write_prefix
from tinytorch.onnx.exporting.products import plan_gemm, plan_mean, plan_product
from tinytorch.onnx.exporting.recurrent import plan_recurrent
from tinytorch.onnx.exporting.reductions import write_reduction
from tinytorch.onnx.exporting.values import Value

_PLANS: Final[tuple[Callable[[Node, Uses], Plan | None], ...]] = (
    plan_composite,
    plan_attention,
    plan_recurrent,
    plan_convolution,
    plan_batch_norm,
    plan_gemm,
    plan_product,
    plan_gather,
    plan_mean,
)
"""What is recognised, the first that is."""


def plan_of(node: Node, uses: Uses) -> Plan:
    """How a node that is no leaf is written."""
    if 0 in node.type.shape:
        return Plan((), lambda context, values: _empty(context, node))
    for recognise in _PLANS:
        found = recognise(node, uses)
        if found is not None:
            return found
    write = _write_of(node)
    return Plan(node.operands, lambda context, values: write(context, node, *values))


def _empty(context: Context, node: Node) -> Value:
    """An array without elements, which is the same whatever it is made of."""
    return context.moves.filled(0, node.type.dtype.numpy, node.type.shape)


def _write_of(node: Node) -> Write:
    match node.op:
        case MapReduce(reducer=Reducer.NONE):
            return write_map
        case MapReduce():
            return write_reduction
        case Prefix():
            return write_prefix
        case Layout():
            return write_layout
        case Call():
            return write_call
        case _:
            raise TypeError(f"{node!r} is a leaf")
