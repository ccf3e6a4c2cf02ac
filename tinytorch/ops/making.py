"""Tensors that are made of nothing but a shape: full of one number, of steps, of a diagonal, and grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.build import constant_node
from compiler.ir.dims import Extent, extent, shape_of
from compiler.ir.node import describe
from compiler.ir.types import FLOAT32, DType, Weak, dtype_of, promote
from tinytorch.axes import counted
from tinytorch.ops.elementwise import where
from tinytorch.ops.layout import arange
from tinytorch.tensor import Tensor, as_tensor, as_tensors
from tinytorch.values import checked_number


def full(shape: Sequence[Extent | str], value: Any, *, dtype: Any = None) -> Tensor:
    """One number everywhere, of a shape that may be symbolic, in the dtype that a constant of it has."""
    plain = checked_number("the value", value)
    kind = promote([Weak(type(plain))]) if dtype is None else dtype_of(dtype)
    return Tensor(constant_node(plain, kind)).broadcast_to(shape_of(shape))


def zeros(shape: Sequence[Extent | str], *, dtype: Any = "float32") -> Tensor:
    """0 everywhere, of a shape that may be symbolic."""
    return full(shape, 0, dtype=dtype)


def ones(shape: Sequence[Extent | str], *, dtype: Any = "float32") -> Tensor:
    """1 everywhere, of a shape that may be symbolic."""
    return full(shape, 1, dtype=dtype)


def full_like(x: Any, value: Any, *, dtype: Any = None) -> Tensor:
    """One number everywhere, with the shape of x, and its dtype unless another is given."""
    x = as_tensor(x)
    return full(x.shape, value, dtype=x.dtype if dtype is None else dtype)


def zeros_like(x: Any, *, dtype: Any = None) -> Tensor:
    """0 everywhere, with the shape of x, and its dtype unless another is given."""
    return full_like(x, 0, dtype=dtype)


def ones_like(x: Any, *, dtype: Any = None) -> Tensor:
    """1 everywhere, with the shape of x, and its dtype unless another is given."""
    return full_like(x, 1, dtype=dtype)


def eye(
    rows: Extent | str, columns: Extent | str | None = None, *, k: int = 0, dtype: Any = "float32"
) -> Tensor:
    """1 on diagonal `k` (0 is the main one, positive ones are to its right), and 0 elsewhere."""
    across = arange(rows if columns is None else columns)
    down = arange(rows, start=counted("k", k)).unsqueeze(1)
    return (down == across).astype(dtype_of(dtype))


def linspace(start: Any, stop: Any, count: int, *, dtype: Any = None) -> Tensor:
    """`count` numbers at even distances from `start` to `stop`, both among them (torch.linspace).

    The second half is counted from the end, which is met exactly. Ends are numbers or tensors of no axes.
    float32 unless `dtype` says otherwise.
    """
    size = counted("the count", count)
    if size < 0:
        raise ArgumentError(f"linspace makes a count of numbers, not {size}")
    kind = FLOAT32 if dtype is None else dtype_of(dtype)
    work = kind.compute if kind.is_float else DType.FLOAT64
    low, high = (_end(item, work) for item in (start, stop))
    step = (high - low) / max(size - 1, 1)
    place = arange(size)
    fore = place.astype(work) * step + low
    back = high - (size - 1 - place).astype(work) * step
    return where(2 * place < size, fore, back).astype(kind)


def _end(value: Any, dtype: DType) -> Any:
    """A float, or a tensor of a dtype. Raises ArgumentError, and ShapeError for a tensor with axes."""
    if not isinstance(value, Tensor):
        return float(checked_number("an end", value))
    if value.ndim:
        raise ShapeError(f"an end of linspace has no axes: {describe(value.node)}")
    return value.astype(dtype)


def meshgrid(*vectors: Any, indexing: Literal["ij", "xy"] = "ij") -> list[Tensor]:
    """For each vector a tensor of all combinations, in which it runs along its own axis.

    `indexing="ij"` (PyTorch's default) has the axes in the order of the vectors; `"xy"` (NumPy's) exchanges
    the first two.
    """
    if indexing not in ("ij", "xy"):
        raise ArgumentError(f"meshgrid has indexing='ij' and 'xy', not {indexing!r}")
    items = as_tensors(*vectors)
    for item in items:
        if item.ndim > 1:
            raise ShapeError(f"meshgrid takes vectors: {describe(item.node)}")
    extents = [item.size for item in items]
    order = [1, 0, *range(2, len(items))] if indexing == "xy" and len(items) > 1 else list(range(len(items)))
    shape = [extents[place] for place in order]
    return [
        item.reshape([extent(extents[k]) if place == k else 1 for place in order]).broadcast_to(shape)
        for k, item in enumerate(items)
    ]
