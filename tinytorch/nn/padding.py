"""Padding as layers: PyTorch's names, and its widths, which begin with the last axis.

ZeroPad2d(1)                  1 element at all four sides
ReflectionPad2d((1, 2, 0, 0))     1 at the left, 2 at the right, none above and below
"""

from __future__ import annotations

from typing import Any, ClassVar

from compiler.errors import ArgumentError
from tinytorch.axes import counted, items_of
from tinytorch.nn.module import Module
from tinytorch.nn.settings import shown
from tinytorch.ops.padding import pad
from tinytorch.spatial import images
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number


class _Padding(Module):
    rank: ClassVar[int]
    mode: ClassVar[str]
    value: float = 0.0

    def __init__(self, padding: Any) -> None:
        super().__init__()
        given = [counted("padding", item) for item in items_of(padding)]
        if len(given) not in (1, 2 * self.rank):
            raise ArgumentError(
                f"{type(self).__name__} takes a width, or {2 * self.rank} of them, those of the last axis "
                f"first, not {padding!r}"
            )
        self.padding = padding
        self._widths = given * (2 * self.rank if len(given) == 1 else 1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` with more elements around it."""
        x = images(type(self).__name__, x, self.rank)
        return pad(x, self._widths, self.mode, self.value)

    def __repr__(self) -> str:
        return shown(self)


class ReflectionPad1d(_Padding):
    """The axes as in mirrors that stand on their last elements, before and behind those of rows."""

    rank, mode = 1, "reflect"


class ReflectionPad2d(_Padding):
    """The axes as in mirrors that stand on their last elements, before and behind those of images."""

    rank, mode = 2, "reflect"


class ReflectionPad3d(_Padding):
    """The axes as in mirrors that stand on their last elements, before and behind those of volumes."""

    rank, mode = 3, "reflect"


class ReplicationPad1d(_Padding):
    """The last elements again and again, before and behind those of rows."""

    rank, mode = 1, "replicate"


class ReplicationPad2d(_Padding):
    """The last elements again and again, before and behind those of images."""

    rank, mode = 2, "replicate"


class ReplicationPad3d(_Padding):
    """The last elements again and again, before and behind those of volumes."""

    rank, mode = 3, "replicate"


class CircularPad1d(_Padding):
    """The elements of the other end, before and behind those of rows."""

    rank, mode = 1, "circular"


class CircularPad2d(_Padding):
    """The elements of the other end, before and behind those of images."""

    rank, mode = 2, "circular"


class CircularPad3d(_Padding):
    """The elements of the other end, before and behind those of volumes."""

    rank, mode = 3, "circular"


class ZeroPad1d(_Padding):
    """Zeros, before and behind those of rows."""

    rank, mode = 1, "constant"


class ZeroPad2d(_Padding):
    """Zeros, before and behind those of images."""

    rank, mode = 2, "constant"


class ZeroPad3d(_Padding):
    """Zeros, before and behind those of volumes."""

    rank, mode = 3, "constant"


class _ConstantPadding(_Padding):
    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = float(checked_number("value", value))


class ConstantPad1d(_ConstantPadding):
    """`value` before and behind the elements of rows."""

    rank = 1


class ConstantPad2d(_ConstantPadding):
    """`value` before and behind the elements of images."""

    rank = 2


class ConstantPad3d(_ConstantPadding):
    """`value` before and behind the elements of volumes."""

    rank = 3
