"""What a Variable answers as the tensor that it holds would."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self, cast

from compiler.ir.types import DType
from tinytorch.core.tensor import Tensor
from tinytorch.core.values import Array


class Holder(ABC):
    """Something with a tensor: its type, its values, and what Python makes of them."""

    __slots__ = ()

    @property
    @abstractmethod
    def data(self) -> Tensor:
        """The tensor."""

    @abstractmethod
    def __getitem__(self, key: Any) -> Self:
        """A part of it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents."""
        return cast("tuple[int, ...]", self.data.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.data.dtype

    def numpy(self) -> Array:
        """The array, as `data.data`."""
        return self.data.data

    def tolist(self) -> Any:
        """The values as Python numbers in nested lists."""
        return self.data.tolist()

    def item(self) -> Any:
        """The one value as a Python number."""
        return self.data.item()

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.data.__array__(dtype, copy)

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Self]:
        return (self[position] for position in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.data)
