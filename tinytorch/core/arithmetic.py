"""The operators of a Variable, in terms of a few methods: everything that Python has a sign for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

from tinytorch.core.tensor import Outranking, Tensor


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

    def __pos__(self) -> Self:
        return self

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
