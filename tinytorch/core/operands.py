"""What stands beside a tensor or a variable in arithmetic: numbers, and what outranks them."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.errors import DTypeError
from compiler.ir.dims import Dim
from compiler.ir.node import Node
from compiler.ir.numbers import Scalar, number
from compiler.ir.op import Size
from compiler.ir.types import DType, Weak, promote
from tinytorch import tensor as symbolic
from tinytorch.arithmetic import node_beside
from tinytorch.core.values import Value, new_leaf, own_array


class Outranking:
    """What answers arithmetic with a tensor itself, whichever side it stands on: a Variable."""

    __slots__ = ()


def operand_node(value: Any, beside: DType) -> Node:
    """What stands beside a dtype as a node: a number and a list have the dtype that they have there."""
    if isinstance(value, symbolic.Tensor):
        return value.node
    if isinstance(value, Dim):
        return node_beside(Size(value), [beside])
    plain = number(value)
    if plain is None:
        return new_leaf(Value(own_array(value, [beside])))
    try:
        return new_leaf(Value(np.array(plain, promote([beside, Weak(type(plain))]).numpy)))
    except OverflowError:
        raise DTypeError(f"{plain} does not fit into {beside}") from None


def exponent_of(value: Scalar | None) -> int | None:
    """The integer that a number is, if it is one."""
    if value is None or isinstance(value, bool):
        return None
    return int(value) if isinstance(value, int) or value.is_integer() else None
