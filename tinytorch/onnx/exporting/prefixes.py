"""Prefix reductions: CumSum and CumProd, else a Scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from compiler.backends.reference.interpreter import highest, lowest
from compiler.ir.node import Node
from compiler.ir.op import Prefix, Scan
from compiler.ir.types import DType, dtype_of
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.protos import element_type
from tinytorch.onnx.exporting.values import Value, converted, numpy
from tinytorch.onnx.exporting.writer import Writer
from tinytorch.onnx.reading.library import onnx

_SINCE: Final[Mapping[Scan, tuple[str, int]]] = {Scan.SUM: ("CumSum", 14), Scan.PRODUCT: ("CumProd", 26)}


def _followed(state: Any, a: Any, b: Any) -> Any:
    return a * state + b


_STEPS: Final[Mapping[Scan, Callable[..., Any]]] = {
    Scan.SUM: numpy.add,
    Scan.PRODUCT: numpy.multiply,
    Scan.MAX: numpy.maximum,
    Scan.MIN: numpy.minimum,
    Scan.RECURRENCE: _followed,
}
"""The next value, of the one before it and the elements."""


def write_prefix(context: Context, node: Node, *operands: Value) -> Value:
    """The nodes of a prefix reduction."""
    op = node.op
    assert isinstance(op, Prefix)
    given = [converted(x, node.type.dtype, dtype_of(x.dtype)) for x in operands]
    name, since = _SINCE.get(op.scan, ("", 0))
    if name and context.writer.opset >= since:
        axis = context.writer.constant(op.axis, np.dtype(np.int64))
        return context.writer.node(name, *given, axis, reverse=int(op.reverse))
    return _scan(context, op, node, given)


def _first(op: Prefix, dtype: DType) -> Any:
    """The value before there is an element."""
    bounds = {Scan.MAX: lowest, Scan.MIN: highest}
    return bounds[op.scan](dtype) if op.scan in bounds else int(op.scan is Scan.PRODUCT)


def _scan(context: Context, op: Prefix, node: Node, given: list[Value]) -> Value:
    writer, shape = context.writer, node.type.shape
    row = (*shape[: op.axis], *shape[op.axis + 1 :])
    kind = given[0].dtype
    state = context.moves.expanded(writer.constant(_first(op, node.type.dtype), kind), row)
    body = _body(writer, op, kind, len(given), len(row))
    ways = [int(op.reverse)]
    _, found = writer.results(
        "Scan", [state, *given], [kind, kind], body=body, num_scan_inputs=len(given),
        scan_input_axes=[op.axis] * len(given), scan_input_directions=ways * len(given),
        scan_output_axes=[op.axis], scan_output_directions=ways,
    )  # fmt: skip
    return found


def _body(writer: Writer, op: Prefix, kind: np.dtype[Any], count: int, rank: int) -> Any:
    """The graph of one step, whose names nothing outside has."""
    inner = Writer(writer.library, is_body=True)
    names = [writer.fresh(f"{writer.place.name}.{item}") for item in ("state", *"ab"[:count], "next", "out")]
    state, *items = (Value(inner, name, kind) for name in names[:-2])
    inner.place = type(writer.place)(name=f"{writer.place.name}.step")
    value = _STEPS[op.scan](state, *items)
    after, out = (inner.node("Identity", value) for _ in range(2))
    infos = {
        name: onnx.helper.make_tensor_value_info(name, element_type(kind), [None] * rank)
        for name in (state.name, *(item.name for item in items), after.name, out.name)
    }
    return onnx.helper.make_graph(
        inner.nodes, op.name, [infos[state.name], *(infos[item.name] for item in items)],
        [infos[after.name], infos[out.name]],
    )  # fmt: skip
