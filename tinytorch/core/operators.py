"""The operators and methods of the course's tensors, recorded on the graph: nothing is computed here."""

from __future__ import annotations

from typing import Any, Self

from compiler.errors import ArgumentError
from compiler.ir.build import apply
from compiler.ir.node import Node
from tinytorch import tensor as symbolic
from tinytorch.arithmetic import TensorLike, check_power
from tinytorch.axes import Axis
from tinytorch.core.operands import Outranking, is_scalar, scalar_node, whole_number


class Operators(symbolic.Tensor):
    """Arithmetic whose Python numbers are values, so that another number is the same program."""

    __slots__ = ()

    def _binary(self, atom: str, left: Any, right: Any) -> Any:
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
        return NotImplemented if isinstance(other, Outranking) else super().__matmul__(self._other(other))

    def __rmatmul__(self, other: Any) -> Self:
        return super().__rmatmul__(self._other(other))

    def __pow__(self, other: TensorLike) -> Any:
        whole = whole_number(other)
        if whole is not None and (self.dtype.is_float or not isinstance(other, float)):
            check_power(self, whole)
            return self._wrap(apply("pow", self.node, whole))
        return NotImplemented if isinstance(other, Outranking) else super().__pow__(other)

    def _pair(self, left: Any, right: Any) -> tuple[Node, Node] | None:
        """Two operands as nodes; a Python scalar takes the dtype that it has beside the other one."""
        if isinstance(left, Outranking) or isinstance(right, Outranking):
            return None
        if is_scalar(left):
            node = self._other(right).node
            return scalar_node(left, node), node
        node = self._other(left).node
        return node, scalar_node(right, node) if is_scalar(right) else self._other(right).node

    def _other(self, value: Any) -> symbolic.Tensor:
        return value if isinstance(value, symbolic.Tensor) else type(self)(value)

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
