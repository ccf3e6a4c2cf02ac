"""Arithmetic: the operators of Python on tensors, each one atom, one matmul or one cast."""

from __future__ import annotations

from typing import Any, Self, TypeAlias

import numpy as np

from compiler.errors import DTypeError
from compiler.ir.build import apply, cast
from compiler.ir.node import Node
from compiler.ir.types import Scalar, dtype_of
from tinytorch.handle import Handle
from tinytorch.products import matmul_node
from tinytorch.values import constant_of_array

TensorLike: TypeAlias = "Handle | Scalar | np.ndarray[Any, Any] | np.generic"


class Arithmetic(Handle):
    """Operators broadcast as in NumPy and promote as NumPy 2 does; comparisons give bools."""

    __slots__ = ()

    def _binary(self, atom: str, left: Any, right: Any) -> Any:
        if answers_itself(left) or answers_itself(right):
            return NotImplemented
        return self._wrap(apply(atom, as_value(left), as_value(right)))

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
        return self._wrap(matmul_node(self.node, as_node(other)))

    def __rmatmul__(self, other: Any) -> Self:
        return self._wrap(matmul_node(as_node(other), self.node))

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

    def __invert__(self) -> Self:
        return self._wrap(apply("not", self.node))

    def astype(self, dtype: Any) -> Self:
        """The values converted to another dtype."""
        return self._wrap(cast(self.node, dtype_of(dtype)))


def answers_itself(value: Any) -> bool:
    """Whether a stranger answers arithmetic itself: `__array_ufunc__ = None`, NumPy's sign for it."""
    return not isinstance(value, Handle) and getattr(value, "__array_ufunc__", True) is None


def as_value(value: Any) -> Node | Scalar:
    """What an operation takes: a tensor's node, a Python scalar (weakly typed), or a constant of an array."""
    if isinstance(value, bool | int | float) and not isinstance(value, np.generic):
        return value
    return as_node(value)


def as_node(value: Any) -> Node:
    """A tensor's node; a scalar or an array as a constant. Raises DTypeError for anything else."""
    return value.node if isinstance(value, Handle) else constant_of_array(value, None, None)


def check_power(base: Any, exponent: Any) -> None:
    """Integers have powers by non-negative literal integers only. Raises DTypeError."""
    dtypes = [item.dtype for item in (base, exponent) if isinstance(item, Handle)]
    if any(dtype.is_float for dtype in dtypes) or isinstance(base, float) or isinstance(exponent, float):
        return
    if not (isinstance(exponent, int) and exponent >= 0):
        raise DTypeError(
            "an integer tensor has powers by non-negative Python ints; cast it to float32 for others"
        )
