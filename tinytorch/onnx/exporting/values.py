"""Values of a model that is being written, with which NumPy's functions can be called.

`np.where(x > 0, x, np.log1p(y))` of such values writes nodes: the mathematics of an operator is said once, in
NumPy's language, and is the same for arrays and for ONNX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np

from compiler.ir.dims import Shape
from compiler.ir.types import DType

numpy: Any = np
"""NumPy, whose annotations do not know that its functions are given values."""


class Unsayable(Exception):  # noqa: N818  # a signal of the exporter; users see UnsupportedOperatorError
    """ONNX has no words for something; the text says why."""


class Nodes(Protocol):
    """What writes nodes."""

    @property
    def opset(self) -> int: ...
    def constant(self, value: Any, kind: np.dtype[Any]) -> Value: ...
    def integers(self, *values: int) -> Value: ...
    def operand(self, item: Any, kind: np.dtype[Any]) -> Value: ...
    def node(self, operator: str, *inputs: Value | None, kind: Any = None, **attributes: Any) -> Value: ...
    def call(self, name: str, body: Callable[..., Any], inputs: Sequence[Value]) -> Value: ...
    def apply(self, function: Any, inputs: Sequence[Any]) -> Value: ...


class Value(np.lib.mixins.NDArrayOperatorsMixin):
    """The result of a node, an input, or an initialiser: a name and a dtype (NumPy's)."""

    __slots__ = ("dtype", "flat", "name", "nodes")

    def __init__(self, nodes: Nodes, name: str, dtype: np.dtype[Any]) -> None:
        self.nodes = nodes
        self.name = name
        self.dtype = dtype
        self.flat: tuple[Value, Shape] | None = None
        """The value of which this one has the elements in their order, and its shape."""

    def __repr__(self) -> str:
        return f"<{self.name}: {self.dtype}>"

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **named: Any) -> Any:
        if method != "__call__" or named:
            return NotImplemented
        return self.nodes.apply(function, inputs)

    def __array_function__(self, function: Any, types: Any, inputs: Any, named: Any) -> Any:
        found = _FUNCTIONS.get(function)
        return NotImplemented if found is None else found(self, *inputs, **named)

    def astype(self, kind: Any, copy: bool = True) -> Value:
        """The value in another dtype."""
        wanted = np.dtype(kind)
        return self if wanted == self.dtype else self.nodes.node("Cast", self, kind=wanted, to=wanted)


def converted(value: Value, dtype: DType, given: DType) -> Value:
    """A value in a dtype of ours: to and from storage dtypes by way of the dtypes that compute for them."""
    if given is dtype:
        return value
    if given.is_storage or dtype.is_storage:
        value = value.astype(given.compute.numpy).astype(dtype.compute.numpy)
    return value.astype(dtype.numpy)


def _where(this: Value, condition: Any, a: Any, b: Any) -> Value:
    return this.nodes.apply(np.where, (condition, a, b))


def _full_like(this: Value, x: Value, value: Any) -> Value:
    return this.nodes.constant(value, x.dtype)


def _zeros_like(this: Value, x: Value) -> Value:
    return _full_like(this, x, 0)


def _ones_like(this: Value, x: Value) -> Value:
    return _full_like(this, x, 1)


def _broadcast(this: Value, *arrays: Any) -> tuple[Any, ...]:
    return arrays


def _common(this: Value, *items: Any) -> np.dtype[Any]:
    return np.result_type(*(item.dtype if isinstance(item, Value) else item for item in items))


_FUNCTIONS: Final[dict[Any, Callable[..., Any]]] = {
    np.where: _where,
    np.full_like: _full_like,
    np.zeros_like: _zeros_like,
    np.ones_like: _ones_like,
    np.broadcast_arrays: _broadcast,
    np.result_type: _common,
}
"""What else than ufuncs is called of values. Constants have no axes: they broadcast."""
