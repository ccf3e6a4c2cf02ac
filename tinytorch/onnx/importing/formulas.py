"""Functions of a model that stand for formulas of ours: one op again, with the formula's own slopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.ir.build import apply
from compiler.ir.formula.tape import Const
from tinytorch.onnx.calling.values import Value, tensor_of
from tinytorch.onnx.exporting.formulas import formula_of
from tinytorch.onnx.exporting.writer import DOMAIN
from tinytorch.tensor import Tensor


def formula_applied(function: Any, inputs: Sequence[Value]) -> list[Value] | None:
    """What a function (FunctionProto) that `tt.onnx.save` wrote for a formula makes of inputs, as one op.

    None for any other function, and for one that says it and has other nodes.
    """
    if function.domain != DOMAIN:
        return None
    tensors = [tensor_of(value) for value in inputs]
    found = formula_of(function, [item.dtype for item in tensors])
    if found is None:
        return None
    values = [item if isinstance(item, Const) else tensors[item].node for item in found.arguments]
    return [Tensor(apply(found.formula, *values, dtype=found.dtype))]
