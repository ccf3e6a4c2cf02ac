"""Arithmetic: the operators of Python on tensors, each one atom, one matmul or one cast."""

from __future__ import annotations

import typing
from typing import Any, Self, TypeAlias

import numpy as np

from compiler.errors import DTypeError
from compiler.ir.build import IDENTITY, Value, apply, cast
from compiler.ir.dims import Dim
from compiler.ir.formula.tape import Formula
from compiler.ir.formula.trace import REMAINDER
from compiler.ir.node import Node
from compiler.ir.numbers import Scalar, number
from compiler.ir.op import Size
from compiler.ir.types import DType, Weak, dtype_of, promote
from tinytorch.handle import Handle
from tinytorch.products import matmul_node
from tinytorch.values import constant_of_array

TensorLike: TypeAlias = "Handle | Dim | Scalar | np.ndarray[Any, Any] | np.generic"


class Arithmetic(Handle):
    """Operators broadcast as in NumPy and promote as in PyTorch; comparisons give bools."""

    __slots__ = ()

    def _binary(self, atom: str | Formula, left: Any, right: Any) -> Any:
        if answers_itself(left) or answers_itself(right):
            return NotImplemented
        return self._wrap(apply(atom, *as_values(left, right)))

    def __add__(self, other: TensorLike) -> Self:
        return self._binary("add", self, other)

    def __radd__(self, other: TensorLike) -> Self:
        return self._binary("add", other, self)

    def __sub__(self, other: TensorLike) -> Self:
        return self._binary("sub", self, other)

    def __rsub__(self, other: TensorLike) -> Self:
        return self._binary("sub", other, self)

    def __mul__(self, other: TensorLike) -> Self:
        return self._binary("mul", self, other)

    def __rmul__(self, other: TensorLike) -> Self:
        return self._binary("mul", other, self)

    def __truediv__(self, other: TensorLike) -> Self:
        return self._binary("div", self, other)

    def __rtruediv__(self, other: TensorLike) -> Self:
        return self._binary("div", other, self)

    def __floordiv__(self, other: TensorLike) -> Self:
        return self._binary("floordiv", self, other)

    def __rfloordiv__(self, other: TensorLike) -> Self:
        return self._binary("floordiv", other, self)

    def __mod__(self, other: TensorLike) -> Self:
        return self._binary(REMAINDER, self, other)

    def __rmod__(self, other: TensorLike) -> Self:
        return self._binary(REMAINDER, other, self)

    def __divmod__(self, other: TensorLike) -> tuple[Self, Self]:
        return self._binary("floordiv", self, other), self._binary(REMAINDER, self, other)

    def __rdivmod__(self, other: TensorLike) -> tuple[Self, Self]:
        return self._binary("floordiv", other, self), self._binary(REMAINDER, other, self)

    def __pow__(self, other: TensorLike) -> Self:
        check_power(self, other)
        return self._binary("pow", self, other)

    def __rpow__(self, other: TensorLike) -> Self:
        check_power(other, self)
        return self._binary("pow", other, self)

    def __neg__(self) -> Self:
        return self._wrap(apply("neg", self.node))

    def __pos__(self) -> Self:
        return self._wrap(self.node)

    def __abs__(self) -> Self:
        return self._wrap(apply("abs", self.node))

    def __matmul__(self, other: TensorLike) -> Any:
        if answers_itself(other):
            return NotImplemented
        return self._wrap(matmul_node(*as_nodes(self, other)))

    def __rmatmul__(self, other: Any) -> Self:
        return self._wrap(matmul_node(*as_nodes(other, self)))

    def __lt__(self, other: TensorLike) -> Self:
        return self._binary("lt", self, other)

    def __le__(self, other: TensorLike) -> Self:
        return self._binary("le", self, other)

    def __gt__(self, other: TensorLike) -> Self:
        return self._binary("gt", self, other)

    def __ge__(self, other: TensorLike) -> Self:
        return self._binary("ge", self, other)

    def __eq__(self, other: object) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]  # element-wise
        return self._binary("eq", self, other)

    def __ne__(self, other: object) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]  # element-wise
        return self._binary("ne", self, other)

    __hash__ = object.__hash__

    def __and__(self, other: TensorLike) -> Self:
        return self._binary("and", self, other)

    def __or__(self, other: TensorLike) -> Self:
        return self._binary("or", self, other)

    def __xor__(self, other: TensorLike) -> Self:
        return self._binary("xor", self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lshift__(self, other: TensorLike) -> Self:
        return self._binary("lshift", self, other)

    def __rlshift__(self, other: TensorLike) -> Self:
        return self._binary("lshift", other, self)

    def __rshift__(self, other: TensorLike) -> Self:
        return self._binary("rshift", self, other)

    def __rrshift__(self, other: TensorLike) -> Self:
        return self._binary("rshift", other, self)

    def __invert__(self) -> Self:
        return self._wrap(apply("not", self.node))

    def astype(self, dtype: Any) -> Self:
        """The values converted to another dtype."""
        return self._wrap(cast(self.node, dtype_of(dtype)))


def answers_itself(value: Any) -> bool:
    """Whether a stranger answers arithmetic itself: `__array_ufunc__ = None`, NumPy's sign for it."""
    return not isinstance(value, Handle | Dim) and getattr(value, "__array_ufunc__", True) is None


def as_values(*given: Any) -> list[Value]:
    """What an operation takes of each: a tensor's node, a number or an extent, weakly typed; a constant.

    An array keeps its dtype; a list has none of its own, like the numbers in it, and takes the one that they
    have beside the others. Raises DTypeError for anything else.
    """
    found = [_as_value(item) for item in given]
    if None not in found:
        return typing.cast("list[Value]", found)
    dtypes = [item.type.dtype for item in found if isinstance(item, Node)]
    return [
        constant_of_array(value, None, None, dtypes) if item is None else item
        for value, item in zip(given, found, strict=True)
    ]


def _as_value(value: Any) -> Value | None:
    """None for what has no dtype of its own and is no scalar: a list."""
    if isinstance(value, Handle):
        return value.node
    if isinstance(value, Dim):
        return Size(value)
    plain = number(value)
    if plain is not None:
        return plain
    return constant_of_array(value, None, None) if hasattr(value, "dtype") else None


def as_nodes(*given: Any) -> list[Node]:
    """As `as_values`, with numbers and extents as nodes, in the dtype that they have beside the others."""
    values = as_values(*given)
    dtypes = [item.type.dtype for item in values if isinstance(item, Node)]
    return [item if isinstance(item, Node) else node_beside(item, dtypes) for item in values]


def node_beside(value: Any, dtypes: list[DType]) -> Node:
    """A number, an extent or a list as a node, in the dtype that it has beside others."""
    if isinstance(value, Size):
        return apply(IDENTITY, value, dtype=promote([*dtypes, Weak(int)]))
    return constant_of_array(value, None, None, dtypes)


def as_node(value: Any) -> Node:
    """A tensor's node; a number, an extent (int64), a list or an array as one. Raises DTypeError."""
    return as_nodes(value)[0]


def check_power(base: Any, exponent: Any) -> None:
    """Integers have powers by integers, and no negative ones that are known. Raises DTypeError."""
    dtypes = [item.dtype for item in (base, exponent) if isinstance(item, Handle)]
    power = number(exponent)
    if any(dtype.is_float for dtype in dtypes) or isinstance(number(base), float) or isinstance(power, float):
        return
    if isinstance(power, int) and power < 0:
        raise DTypeError("an integer tensor has no negative powers; cast it to float32 for such")


def of_extents(atom: str, left: Any, right: Any) -> Node | None:
    """The value of an atom one of whose operands is an extent; None where the other answers itself."""
    for item in (left, right):
        if not (isinstance(item, Dim | list | tuple | np.ndarray) or number(item) is not None):
            return None
    if atom == "pow":
        check_power(left, right)
    return apply(atom, *as_values(left, right))
