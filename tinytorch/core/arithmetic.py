"""The operators of a Variable and its methods of shape, in terms of a few: all that Python has a sign for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

from tinytorch import tensor as symbolic
from tinytorch.axes import Axis
from tinytorch.core.operands import Outranking
from tinytorch.core.operators import one_of
from tinytorch.core.tensor import Tensor


class Arithmetic(Outranking, ABC):
    """Operators on either side; `==` is element-wise and hash is identity."""

    __slots__ = ()
    __array_ufunc__ = None

    @abstractmethod
    def binary(self, atom: str, left: Any, right: Any) -> Self:
        """An atom of two operands, of which one at least is a variable."""

    @abstractmethod
    def power(self, exponent: Any) -> Self:
        """`self ** exponent`."""

    @abstractmethod
    def product(self, left: Any, right: Any) -> Self:
        """`left @ right`."""

    @abstractmethod
    def compared(self, atom: str, other: Any) -> Tensor:
        """A comparison, as a tensor of bools."""

    @abstractmethod
    def map(self, name: str, function: Callable[[symbolic.Tensor], symbolic.Tensor]) -> Self:
        """A function of this variable as a `tt` tensor, recorded under a name."""

    def __add__(self, other: Any) -> Self:
        return self.binary("add", self, other)

    def __radd__(self, other: Any) -> Self:
        return self.binary("add", other, self)

    def __sub__(self, other: Any) -> Self:
        return self.binary("sub", self, other)

    def __rsub__(self, other: Any) -> Self:
        return self.binary("sub", other, self)

    def __mul__(self, other: Any) -> Self:
        return self.binary("mul", self, other)

    def __rmul__(self, other: Any) -> Self:
        return self.binary("mul", other, self)

    def __truediv__(self, other: Any) -> Self:
        return self.binary("div", self, other)

    def __rtruediv__(self, other: Any) -> Self:
        return self.binary("div", other, self)

    def __pow__(self, other: Any) -> Self:
        return self.power(other)

    def __rpow__(self, other: Any) -> Self:
        return self.binary("pow", other, self)

    def __neg__(self) -> Self:
        return self.binary("mul", self, -1)

    def __abs__(self) -> Self:
        return self.map("abs", lambda x: abs(x))

    def __pos__(self) -> Self:
        return self.map("positive", lambda x: +x)

    def __matmul__(self, other: Any) -> Self:
        return self.product(self, other)

    def __rmatmul__(self, other: Any) -> Self:
        return self.product(other, self)

    def __lt__(self, other: Any) -> Tensor:
        return self.compared("lt", other)

    def __le__(self, other: Any) -> Tensor:
        return self.compared("le", other)

    def __gt__(self, other: Any) -> Tensor:
        return self.compared("gt", other)

    def __ge__(self, other: Any) -> Tensor:
        return self.compared("ge", other)

    def __eq__(self, other: object) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]  # element-wise
        return self.compared("eq", other)

    def __ne__(self, other: object) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]  # element-wise
        return self.compared("ne", other)

    __hash__ = object.__hash__

    def sum(self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None) -> Self:
        """The sum over dims, or of everything."""
        return self.map("sum", lambda x: x.sum(one_of(dim, axis), keepdims))

    def mean(self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None) -> Self:
        """The arithmetic mean over dims, or of everything."""
        return self.map("mean", lambda x: x.mean(one_of(dim, axis), keepdims))

    def max(self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None) -> Self:
        """The largest element over dims; tied elements share the gradient."""
        return self.map("max", lambda x: x.max(one_of(dim, axis), keepdims))

    def min(self, dim: Axis = None, keepdims: bool = False, *, axis: Axis = None) -> Self:
        """The smallest element over dims; tied elements share the gradient."""
        return self.map("min", lambda x: x.min(one_of(dim, axis), keepdims))

    def reshape(self, *shape: Any) -> Self:
        """The elements under another shape."""
        return self.map("reshape", lambda x: x.reshape(*shape))

    def transpose(self, *dims: Any) -> Self:
        """The dims in another order; reversed if none is given."""
        return self.map("transpose", lambda x: x.transpose(*dims))

    @property
    def T(self) -> Self:  # noqa: N802  # NumPy's name
        """The dims in reverse order."""
        return self.transpose()

    def __getitem__(self, key: Any) -> Self:
        return self.map("getitem", lambda x: x[key])
