"""The rule about functions that are constant over the whole range of their argument."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compiler.ir.formula.atoms import ATOMS
from compiler.ir.op import MapReduce
from compiler.ir.types import DType
from compiler.lint.facts import Facts
from compiler.lint.finding import Code, Remark
from compiler.lint.formulas import interval


def saturated(facts: Facts) -> Iterator[Remark]:
    """Maps of one operand whose value is one number, in their dtype, over the range of the operand."""
    for node, op, known in facts.computed:
        if len(node.operands) != 1 or not known.is_declared or not op.dtype.is_float:
            continue
        given = facts.ranges[node.operands[0]].range
        (position,) = op.positions
        is_flat = given.low < given.high and _rounded(known.low, op.dtype) == _rounded(known.high, op.dtype)
        if is_flat and op.formula.varies_with(position) and _slopes(op):
            value = f"{_rounded(known.low, op.dtype):.5g} everywhere in {op.dtype}"
            yield Remark(
                Code.SATURATED,
                node,
                f"{op.name} of {interval(given)} is {value}: no gradient passes",
                "scale or shift its argument into the part where it varies",
            )


def _rounded(value: float, dtype: DType) -> float:
    with np.errstate(over="ignore"):
        return float(dtype.numpy.type(value))


def _slopes(op: MapReduce) -> bool:
    """Whether a formula's last line has a slope somewhere: a comparison or a rounding has none."""
    result = op.formula.result
    if not isinstance(result, int) or result < len(op.formula.parameters):
        return False
    return not ATOMS[op.formula.line(result).atom].flat
