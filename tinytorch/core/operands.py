"""What stands beside a tensor or a variable in arithmetic: Python numbers, and what outranks them."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.errors import DTypeError
from compiler.ir.node import Node
from compiler.ir.types import Operand, Scalar, Weak, promote
from tinytorch.core.values import Value, new_leaf


class Outranking:
    """What answers arithmetic with a tensor itself, whichever side it stands on: a Variable."""

    __slots__ = ()


def is_scalar(value: Any) -> bool:
    """Whether a value is a Python number, which has no dtype of its own."""
    return isinstance(value, bool | int | float) and not isinstance(value, np.generic)


def scalar_node(value: Scalar, beside: Node) -> Node:
    """A Python number as a leaf, in the dtype that it has beside a node."""
    operands: list[Operand] = [beside.type.dtype, Weak(type(value))]
    try:
        return new_leaf(Value(np.array(value, promote(operands).numpy)))
    except OverflowError:
        raise DTypeError(f"{value} does not fit into {beside.type.dtype}") from None


def whole_number(value: Any) -> int | None:
    """The integer that a Python number is, if it is one."""
    if not is_scalar(value) or isinstance(value, bool):
        return None
    return int(value) if isinstance(value, int) or value.is_integer() else None
