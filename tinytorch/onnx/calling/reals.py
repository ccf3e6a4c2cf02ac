"""Extents that a model has made floats, as far as they are exact: `Shape`, `Cast`, `Mul` by 0.5, `Floor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from compiler.ir.dims import Dim, Extent, divide_exactly

_FINE: Final = 2**12
"""The largest divisor. What is finer is no share of an extent that was meant."""
_WIDE: Final = 2**24
"""Up to here a float32 holds every integer."""


class Undecided(Exception):  # noqa: N818  # a signal between those who fold and their table
    """Symbols decide, or digits are lost: the value is data, and not known now."""


@dataclass(frozen=True, slots=True)
class Real:
    """extent / divisor, of a floating dtype."""

    extent: Extent
    divisor: int = 1
    dtype: str = "float32"

    __array_ufunc__ = None  # numpy_number * real asks the real

    @classmethod
    def of(cls, value: Real | Extent | float, dtype: str) -> Real:
        """A number or an extent as one. Raises Undecided for a float that is no small fraction."""
        if isinstance(value, Real):
            return value
        if isinstance(value, Dim):
            return cls(value, 1, dtype)
        try:
            top, bottom = float(value).as_integer_ratio()
        except (OverflowError, ValueError):
            raise Undecided from None
        if bottom > _FINE or abs(top) > _WIDE:
            raise Undecided
        return cls(top, bottom, dtype)

    def whole(self) -> Extent | None:
        """The extent that it is; None if it is none."""
        return divide_exactly(self.extent, self.divisor)

    def __float__(self) -> float:
        """The number, where no symbol is left. Raises Undecided."""
        if isinstance(self.extent, Dim):
            raise Undecided
        return self.extent / self.divisor

    def _reduced(self, extent: Extent, divisor: int) -> Real:
        if divisor < 0:
            extent, divisor = -extent, -divisor
        exact = divide_exactly(extent, divisor)
        extent, divisor = (extent, divisor) if exact is None else (exact, 1)
        if divisor > _FINE**2:
            raise Undecided
        return Real(extent, divisor, self.dtype)

    def __add__(self, other: Real | Extent | float) -> Real:
        more = Real.of(other, self.dtype)
        return self._reduced(
            self.extent * more.divisor + more.extent * self.divisor, self.divisor * more.divisor
        )

    __radd__ = __add__

    def __mul__(self, other: Real | Extent | float) -> Real:
        more = Real.of(other, self.dtype)
        return self._reduced(self.extent * more.extent, self.divisor * more.divisor)

    __rmul__ = __mul__

    def __neg__(self) -> Real:
        return Real(-self.extent, self.divisor, self.dtype)

    def __sub__(self, other: Real | Extent | float) -> Real:
        return self + -Real.of(other, self.dtype)

    def __rsub__(self, other: Real | Extent | float) -> Real:
        return -self + other

    def __truediv__(self, other: Real | Extent | float) -> Real:
        less = Real.of(other, self.dtype)
        if isinstance(less.extent, int):
            if not less.extent:
                raise Undecided
            return self._reduced(self.extent * less.divisor, self.divisor * less.extent)
        exact = divide_exactly(self.extent * less.divisor, less.extent)
        if exact is None:
            raise Undecided
        return self._reduced(exact, self.divisor)

    def __rtruediv__(self, other: Real | Extent | float) -> Real:
        return Real.of(other, self.dtype) / self
