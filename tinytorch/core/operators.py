"""The operators and methods of the course's tensors, recorded on the graph: nothing is computed here."""

from __future__ import annotations

from typing import Any, Self

from compiler.errors import ArgumentError
from compiler.ir.build import apply
from compiler.ir.formula.tape import Formula
from compiler.ir.formula.trace import REMAINDER
from compiler.ir.node import Node
from compiler.ir.numbers import number
from tinytorch import tensor as symbolic
from tinytorch.arithmetic import TensorLike, check_power
from tinytorch.axes import Axis
from tinytorch.core.operands import Outranking, exponent_of, operand_node


class Operators(symbolic.Tensor):
    """Arithmetic whose Python numbers are values, so that another number is the same program."""

    __slots__ = ()
    _hints = "core.Tensor"

    def _binary(self, atom: str | Formula, left: Any, right: Any) -> Any:
        pair = self._pair(left, right)
        if pair is None:
            return NotImplemented
        return self._wrap(apply(atom, *pair))

    def compared(self, atom: str, left: Any, right: Any) -> Self:
        """A comparison of two operands, of which one at least is a tensor."""
        return self._binary(atom, left, right)

    # Python asks a subclass first only where it has reflected operators of its own: with these
    # `tt.input * Tensor` is a Tensor, as `Tensor * tt.input` is.

    def __radd__(self, other: TensorLike) -> Any:
        return self._binary("add", other, self)

    def __rsub__(self, other: TensorLike) -> Any:
        return self._binary("sub", other, self)

    def __rmul__(self, other: TensorLike) -> Any:
        return self._binary("mul", other, self)

    def __rtruediv__(self, other: TensorLike) -> Any:
        return self._binary("div", other, self)

    def __rfloordiv__(self, other: TensorLike) -> Any:
        return self._binary("floordiv", other, self)

    def __rmod__(self, other: TensorLike) -> Any:
        return self._binary(REMAINDER, other, self)

    def __rpow__(self, other: TensorLike) -> Any:
        check_power(other, self)
        return self._binary("pow", other, self)

    def __rand__(self, other: TensorLike) -> Any:
        return self._binary("and", other, self)

    def __ror__(self, other: TensorLike) -> Any:
        return self._binary("or", other, self)

    def __rxor__(self, other: TensorLike) -> Any:
        return self._binary("xor", other, self)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Outranking):
            return NotImplemented
        return super().__matmul__(symbolic.Tensor(operand_node(other, self.dtype)))

    def __rmatmul__(self, other: Any) -> Self:
        return super().__rmatmul__(symbolic.Tensor(operand_node(other, self.dtype)))

    def __pow__(self, other: TensorLike) -> Any:
        power = number(other)
        whole = exponent_of(power)
        if whole is not None and (self.dtype.is_float or not isinstance(power, float)):
            check_power(self, whole)
            return self._wrap(apply("pow", self.node, whole))
        return NotImplemented if isinstance(other, Outranking) else super().__pow__(other)

    def _pair(self, left: Any, right: Any) -> tuple[Node, Node] | None:
        """Two operands as nodes; a number takes the dtype that it has beside the other one."""
        if isinstance(left, Outranking) or isinstance(right, Outranking):
            return None
        if isinstance(left, symbolic.Tensor):
            return left.node, operand_node(right, left.dtype)
        return operand_node(left, right.dtype), right.node

    # Shape and reductions, with the course's words

    def reshape(self, *shape: Any) -> Self:
        """The elements in row-major order under another shape; one extent may be -1."""
        return super().reshape(*shape)

    def transpose(self, *dims: Any) -> Self:
        """The dims in another order; reversed if none is given."""
        return super().transpose(*dims)

    def sum(  # pyright: ignore[reportIncompatibleMethodOverride]  # the course says dim
        self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None
    ) -> Self:
        """The sum over dims, or of everything. bool and int32 are summed as int64."""
        return super().sum(one_of(dim, axis), keepdims)

    def mean(  # pyright: ignore[reportIncompatibleMethodOverride]  # the course says dim
        self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None
    ) -> Self:
        """The arithmetic mean over dims, or of everything."""
        return super().mean(one_of(dim, axis), keepdims)

    def max(  # pyright: ignore[reportIncompatibleMethodOverride]  # the course says dim
        self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None
    ) -> Self:
        """The largest element over dims, or of everything; NaN where there is one."""
        return super().max(one_of(dim, axis), keepdims)

    def min(  # pyright: ignore[reportIncompatibleMethodOverride]  # the course says dim
        self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None
    ) -> Self:
        """The smallest element over dims, or of everything; NaN where there is one."""
        return super().min(one_of(dim, axis), keepdims)


def one_of(dim: Axis, axis: Axis) -> Axis:
    """The axes under either name. Raises ArgumentError where both are given."""
    if dim is not None and axis is not None:
        raise ArgumentError("dim and axis are two names of one thing: give one of them")
    return axis if dim is None else dim
