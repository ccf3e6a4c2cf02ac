"""Runs a graph on the oracle, and says whether other values are equal to the oracle's.

Equal means: float64 within 1e-12 and float32 within 1e-5 of the largest finite magnitude among the values
that a result is made from, NaN and infinities in the same places, and bools and integers exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.backends.reference import run
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.numbers import is_floating
from compiler.ir.op import Constant, Parameter

Array = np.ndarray[Any, Any]
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 1e-5, "float64": 1e-12}


@dataclass(frozen=True)
class Answer:
    """The values of a graph's outputs, then of its updates, with how far others may lie from them."""

    values: list[Array]
    margins: list[float]


def oracle(graph: Graph, arguments: Sequence[Array], sizes: Mapping[str, int]) -> Answer:
    """The answer of the reference backend; parameters are read and not written."""
    leaves = dict(zip(graph.inputs, arguments, strict=True))
    for node in graph.nodes:
        if isinstance(node.op, Parameter | Constant):
            leaves[node] = node.op.buffer.array
    values = run(graph, leaves, sizes)
    margin = _margins(graph, values)
    return Answer([values[node] for node in graph.results], [margin[node] for node in graph.results])


def _margins(graph: Graph, values: Mapping[Node, Array]) -> dict[Node, float]:
    largest: dict[Node, float] = {}
    coarsest: dict[Node, float] = {}
    for node in graph.nodes:
        largest[node] = max([_magnitude(values[node]), *(largest[operand] for operand in node.operands)])
        own = TOLERANCE.get(node.type.dtype.value, 0.0)
        coarsest[node] = max([own, *(coarsest[operand] for operand in node.operands)])
    return {node: largest[node] * coarsest[node] for node in graph.nodes}


def _magnitude(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    return float(finite.max()) if finite.size else 0.0


def difference(expected: Answer, found: Sequence[Array], *, finite_only: bool = False) -> str:
    """What is wrong with values, or nothing.

    `finite_only` leaves out places where the oracle is not finite: there a stabler form may be.
    """
    if len(found) != len(expected.values):
        return f"{len(found)} results instead of {len(expected.values)}"
    for place, (want, got, margin) in enumerate(zip(expected.values, found, expected.margins, strict=True)):
        remark = _one(want, got, margin, finite_only)
        if remark:
            return f"result {place}: {remark}"
    return ""


def _one(want: Array, got: Array, margin: float, finite_only: bool) -> str:
    if want.dtype != got.dtype or want.shape != got.shape:
        return f"{got.dtype}{list(got.shape)} instead of {want.dtype}{list(want.shape)}"
    if not is_floating(want.dtype):
        return "" if np.array_equal(want, got) else f"{got} instead of {want}"
    special = ~np.isfinite(want)
    if not finite_only and not np.array_equal(want[special], got[special], equal_nan=True):
        return f"{got} instead of {want}, NaN or infinity in another place"
    away = np.abs(got.astype(np.float64)[~special] - want.astype(np.float64)[~special])
    if not np.all(away <= margin):  # NaN is not
        return f"{got} instead of {want}, which is {np.max(away)} away where {margin} is allowed"
    return ""
