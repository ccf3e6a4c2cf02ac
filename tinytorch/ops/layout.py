"""Ops that move elements and compute nothing, and those that are written with the indices of elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.build import apply, broadcast, cast
from compiler.ir.dims import Dim, Extent, divide_exactly, extent, shape_of
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Access, Concatenate, Diagonal, Index, MapReduce, Size, Slice
from compiler.ir.types import FLOAT32, INT64, dtype_of, floating, promote
from tinytorch.arithmetic import as_values
from tinytorch.axes import Axis, counted, normalised_axes, normalised_axis
from tinytorch.indexing import check_classes, index_node
from tinytorch.indexing import take as take_node
from tinytorch.scattering import picked
from tinytorch.slices import steps_in
from tinytorch.tensor import Tensor, as_tensor, as_tensors
from tinytorch.values import checked_number


def reshape(x: Any, shape: Sequence[Extent | str]) -> Tensor:
    """The elements in row-major order under another shape; one extent may be -1."""
    return as_tensor(x).reshape(shape)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """The axes in another order; reversed if none is given (numpy.transpose, torch.permute)."""
    return as_tensor(x).transpose(() if axes is None else axes)


def swapaxes(x: Any, first: int, second: int) -> Tensor:
    """Two axes exchanged (torch.transpose)."""
    return as_tensor(x).swapaxes(first, second)


def squeeze(x: Any, axis: Axis = None) -> Tensor:
    """Without the unit axes given, or without all of them. Raises ShapeError for an axis that is not 1."""
    return as_tensor(x).squeeze(axis)


def unsqueeze(x: Any, axis: int) -> Tensor:
    """With a new unit axis before `axis`; -1 puts it last."""
    return as_tensor(x).unsqueeze(axis)


def flatten(x: Any, start: int = 0, end: int = -1) -> Tensor:
    """The axes from `start` to `end` (inclusive) made into one."""
    return as_tensor(x).flatten(start, end)


def broadcast_to(x: Any, shape: Sequence[Extent | str]) -> Tensor:
    """Repeated to a shape as NumPy broadcasts."""
    return as_tensor(x).broadcast_to(shape)


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors one behind the other along an axis, in their common dtype."""
    items = _promoted(tensors, "concatenate")
    place = normalised_axis(axis, items[0].ndim, items[0].node)
    return (
        items[0]
        if len(items) == 1
        else type(items[0])(make_node(Concatenate(place), [t.node for t in items]))
    )


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors along a new axis."""
    return concatenate([item.unsqueeze(axis) for item in _promoted(tensors, "stack")], axis)


def _promoted(tensors: Sequence[Any], what: str) -> list[Tensor]:
    items = as_tensors(*tensors)
    if not items:
        raise ArgumentError(f"{what} needs at least one tensor")
    dtype = promote([item.dtype for item in items])
    return [item.astype(dtype) for item in items]


def split(x: Any, sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Pieces along an axis: so many of equal size, or of the given sizes, which must fit (ShapeError)."""
    x = as_tensor(x)
    place = normalised_axis(axis, x.ndim, x.node)
    whole = x.shape[place]
    is_many = isinstance(sections, Sequence | np.ndarray)
    sizes = (
        list(shape_of(sections)) if is_many else _equal(x, whole, counted("the number of pieces", sections))
    )
    if sum(sizes[1:], sizes[0] if sizes else 0) != whole:
        raise ShapeError(f"pieces of {sizes} do not make up axis {place} of {describe(x.node)}")
    pieces: list[Tensor] = []
    start: Extent = 0
    for size in sizes:
        pieces.append(_piece(x, place, start, size))
        start = start + size
    return pieces


def _equal(x: Tensor, whole: Extent, count: int) -> list[Extent]:
    size = divide_exactly(whole, count) if count > 0 else None
    if size is None:
        raise ShapeError(f"an axis of {whole} has no {count} equal pieces: {describe(x.node)}")
    return [size] * count


def _piece(x: Tensor, axis: int, start: Extent, size: Extent) -> Tensor:
    starts = tuple(start if k == axis else 0 for k in range(x.ndim))
    sizes = tuple(size if k == axis else n for k, n in enumerate(x.shape))
    is_all = sizes == x.shape
    return type(x)(x.node if is_all else make_node(Slice(starts, sizes, (1,) * x.ndim), [x.node]))


def flip(x: Any, axis: Axis = None) -> Tensor:
    """The elements in reverse order along axes, by default all."""
    x = as_tensor(x)
    axes = normalised_axes(axis, x.ndim, x.node)
    return x[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(x.ndim))]


def take(x: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Tensor:
    """Elements along an axis, or of the flattened tensor: `out[a, *i, b] = x[a, indices[*i], b]`.

    Indices that are known when the graph is built (a list, an array, a constant) count from the end if they
    are negative, and raise IndexRangeError if they are outside; others raise IndexRangeError outside `0 ..
    extent - 1` when the program runs. With `mode="wrap"` they go round, with `mode="clip"` they are held
    between 0 and the last place (numpy.take).
    """
    x = as_tensor(x)
    x, axis = (x.reshape([-1]), 0) if axis is None else (x, normalised_axis(axis, x.ndim, x.node))
    index = index_node(indices, x.node, axis) if mode == "raise" else _held(indices, x, axis, mode)
    return type(x)(take_node(x.node, index, axis))


_CLIPPED = parse_formula("clipped_index(i, n) = where(i < 0, 0, where(i < n, i, n - 1))")
_WRAPPED = parse_formula("wrapped_index(i, n) = i - floordiv(i, n) * n")


def _held(indices: Any, x: Tensor, axis: int, mode: str) -> Node:
    """Indices that lie in an axis, whatever they are."""
    formula = {"clip": _CLIPPED, "wrap": _WRAPPED}.get(mode)
    if formula is None:
        raise ArgumentError(f"mode is 'raise', 'wrap' or 'clip', not {mode!r}")
    index = cast(as_tensor(indices).node, INT64)
    return apply(formula, index, Size(x.shape[axis]), dtype=INT64)


def take_along_axis(x: Any, indices: Any, axis: int) -> Tensor:
    """`out[a, i, b] = x[a, indices[a, i, b], b]` with the other axes broadcast (torch.take_along_dim).

    Indices are as in `take`.
    """
    x = as_tensor(x)
    place = normalised_axis(axis, x.ndim, x.node)
    index = index_node(indices, x.node, place)
    if index.type.rank != x.ndim:
        raise ShapeError(f"take_along_axis needs indices with {x.ndim} axes: {describe(index)}")
    data = x.node
    shape = [n if m == 1 else m for n, m in zip(data.type.shape, index.type.shape, strict=True)]
    data = broadcast(data, (*shape[:place], data.type.shape[place], *shape[place + 1 :]))
    index = broadcast(index, (*shape[:place], index.type.shape[place], *shape[place + 1 :]))
    return type(x)(picked(data, index, place))


_IOTA = parse_formula("arange(i, start, step) = start + i * step")
_ONE_HOT = parse_formula("one_hot(x, i) = x == i")
_TRIL = parse_formula("tril(x, i, j, k) = where(j - i <= k, x, 0)")
_TRIU = parse_formula("triu(x, i, j, k) = where(j - i >= k, x, 0)")


def arange(count: Any, stop: Any = None, step: Any = 1, *, start: Any = None, dtype: Any = None) -> Tensor:
    """Numbers in even steps: `arange(stop)`, `arange(start, stop)`, `arange(start, stop, step)`, as in NumPy.

    Or `count` of them: `arange(count, start=0, step=1)`. Each may be symbolic, if the number of steps from
    start to stop is a polynomial. int64 unless `dtype` says otherwise, and float32 where one is a float.
    """
    if stop is None and start is None and isinstance(count, float):
        count, stop = 0.0, count
    if stop is not None:
        if start is not None:
            raise ArgumentError(
                "arange has one start: arange(start, stop, step), or arange(count, start=...)"
            )
        first = float(count) if isinstance(stop, float) else count
        return arange(_count(count, stop, step), start=first, step=step, dtype=dtype)
    start = 0 if start is None else start
    many: Extent | str = count
    loops = (extent(many),)
    first, by = (
        item if isinstance(item, Dim) else checked_number("a start or a step", item) for item in (start, step)
    )
    arguments = tuple(Size(item) if isinstance(item, Dim) else Const(item) for item in (first, by))
    is_whole = not isinstance(first, float) and not isinstance(by, float)
    wanted = INT64 if is_whole else FLOAT32
    wanted = wanted if dtype is None else dtype_of(dtype)
    if is_whole:
        return Tensor(make_node(MapReduce(_IOTA, (Index(0), *arguments), loops, (0,), wanted)))
    places = cast(arange(count).node, floating(wanted))
    return Tensor(apply(_IOTA, places, *arguments, dtype=wanted))


def _count(start: Any, stop: Any, step: Any) -> Extent:
    """How many steps there are from one place to below another. Raises ArgumentError or ShapeError."""
    first, end = (item if isinstance(item, Dim) else checked_number("an end", item) for item in (start, stop))
    by = checked_number("a step", step)
    if by == 0:
        raise ArgumentError("arange takes a step that is not 0")
    if not isinstance(first, Dim) and not isinstance(end, Dim):
        return max(0, math.ceil((end - first) / by))
    found = None
    if isinstance(by, int) and not isinstance(first, float) and not isinstance(end, float):
        found = steps_in(end - first if by > 0 else first - end, abs(by))
    if found is None:
        raise ShapeError(f"arange from {start} to {stop} by {step} has a size that is no polynomial")
    return found


def one_hot(x: Any, num_classes: int, dtype: Any = "int64") -> Tensor:
    """A new last axis that is 1 at the class and 0 elsewhere: `[...]` to `[..., num_classes]`.

    A class outside `0 .. num_classes - 1` raises IndexRangeError, when the program runs or, if it is known
    then, when the graph is built.
    """
    x = as_tensor(x)
    if not x.dtype.is_integer:
        raise DTypeError(f"one_hot takes integer classes, not {describe(x.node)}")
    check_classes(x.node, extent(num_classes))
    checked = take(arange(num_classes), x, axis=0)  # the gather checks its indices
    loops = (*x.shape, extent(num_classes))
    axes = tuple(range(x.ndim))
    op = MapReduce(_ONE_HOT, (Access(axes), Index(x.ndim)), loops, (*axes, x.ndim), dtype_of(dtype))
    return type(x)(make_node(op, [checked.node]))


def tril(x: Any, k: int = 0) -> Tensor:
    """The last two axes with 0 above diagonal `k` (0 is the main one, positive ones are to its right)."""
    return _triangle(_TRIL, x, k)


def triu(x: Any, k: int = 0) -> Tensor:
    """The last two axes with 0 below diagonal `k`."""
    return _triangle(_TRIU, x, k)


def _triangle(formula: Formula, x: Any, k: int) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"a triangle needs two axes: {describe(x.node)}")
    row, column = Index(x.ndim - 2), Index(x.ndim - 1)
    return type(x)(apply(formula, x.node, row, column, *as_values(k), dtype=x.dtype))


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements at which `axis2` is `axis1` plus `offset`, as a new last axis."""
    x = as_tensor(x)
    first, second = normalised_axis(axis1, x.ndim, x.node), normalised_axis(axis2, x.ndim, x.node)
    rows, columns, offset = x.shape[first], x.shape[second], counted("offset", offset)
    if rows != columns or offset:
        x = _square(x, first, second, offset)
    return type(x)(make_node(Diagonal(first, second), [x.node]))


def _square(x: Tensor, first: int, second: int, offset: int) -> Tensor:
    rows, columns = x.shape[first], x.shape[second]
    if not (isinstance(rows, int) and isinstance(columns, int)):
        raise ShapeError(
            f"a diagonal of axes of unequal or shifted symbolic extents has no size: {describe(x.node)}"
        )
    down, right = max(-offset, 0), max(offset, 0)
    size = max(0, min(rows - down, columns - right))
    return _piece(_piece(x, first, min(down, rows), size), second, min(right, columns), size)
