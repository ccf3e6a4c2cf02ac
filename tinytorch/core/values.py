"""Arrays behind nodes: which value a recorded node has, and who else holds it.

    node  --weakly-->  Value  -->  array

A leaf of the course's graphs is an input whose value is bound here; a result that has been computed is bound
here too. The table is weak in its nodes, so what nobody can read any more is freed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary, ref

import numpy as np

from compiler.ir.build import input_node
from compiler.ir.node import Node, Origin
from compiler.ir.types import COMPUTE, DType, TensorType, dtype_of
from tinytorch.values import typed_array

Array: TypeAlias = np.ndarray[Any, Any]


class Value:
    """One array, shared by every node that stands for it, until somebody is about to write it."""

    __slots__ = ("__weakref__", "array", "result")

    def __init__(self, array: Array, result: Node | None = None) -> None:
        self.array = array
        self.result = None if result is None else ref(result)
        """The computed node that has this value, if one has: it can be computed again."""


_VALUES: Final[WeakKeyDictionary[Node, Value]] = WeakKeyDictionary()


def value_of_node(node: Node) -> Value | None:
    """What a node is known to be, if it is known."""
    return _VALUES.get(node)


def bind(node: Node, value: Value) -> Node:
    """Gives a node its value; the node itself."""
    _VALUES[node] = value
    return node


def new_leaf(value: Value, name: str | None = None, origin: Origin | None = None) -> Node:
    """A fresh input that stands for a value."""
    array = value.array
    node = input_node(name or "value", TensorType(dtype_of(array.dtype), array.shape), origin)
    _VALUES[node] = value
    return node


def forget(value: Value) -> None:
    """Unbinds the computed node from its value: whoever reads it next computes it again."""
    result = value.result and value.result()
    if result is not None:
        _VALUES.pop(result, None)


def _references(value: Value) -> int:
    return sys.getrefcount(value.array)


_ALONE: Final = _references(Value(np.zeros(1)))


def is_held(value: Value) -> bool:
    """Whether somebody else has the array (or a view of it) and may write to it."""
    return _references(value) > _ALONE


def _held_as(dtype: np.dtype[Any]) -> DType:
    """The first of our dtypes of its kind that holds all that a dtype holds."""
    kinds = "iu" if dtype.kind in "iu" else dtype.kind
    wider = (item for item in COMPUTE if item.numpy.kind in kinds and np.can_cast(dtype, item.numpy, "safe"))
    return next(wider, None) or dtype_of(dtype)


def own_array(data: Any, beside: Iterable[DType] = ()) -> Array:
    """A dense array of its own of a scalar, a list or an array. Lists and scalars of floats become float32.

    `beside` are dtypes to which they adapt instead. Narrow numbers take the next wider dtype: int8 to uint16
    take int32, uint32 int64, float16 float32. Raises DTypeError for strings, objects, ragged lists and
    uint64, which none of the integers holds.
    """
    dtype = _held_as(cast(Any, data).dtype) if isinstance(data, np.ndarray | np.generic) else None
    return np.array(typed_array(data, dtype, beside), order="C", copy=True)
