"""Tensors laid beside each other and cut apart, by NumPy's names for the ways that have one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.build import broadcast_shape
from compiler.ir.dims import Extent
from compiler.ir.node import describe
from tinytorch.axes import counted, items_of, normalised_axis, resolved_shape
from tinytorch.ops.layout import concatenate, flip, split, stack
from tinytorch.ops.making import meshgrid
from tinytorch.ops.padding import pad
from tinytorch.tensor import Tensor, as_tensor, as_tensors


def atleast_1d(x: Any) -> Tensor:
    """x, and a number as a vector of one."""
    x = as_tensor(x)
    return x if x.ndim else x.reshape([1])


def atleast_2d(x: Any) -> Tensor:
    """x with two axes or more: a vector is a row."""
    x = atleast_1d(x)
    return x if x.ndim > 1 else x.unsqueeze(0)


def atleast_3d(x: Any) -> Tensor:
    """x with three axes or more: a vector of n is (1, n, 1), a matrix gets a last axis of 1, as in NumPy."""
    x = atleast_2d(x)
    return x if x.ndim > 2 else x.unsqueeze(2)


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Joined along the second axis; vectors along their only one."""
    items = [atleast_1d(item) for item in _joined(tensors, "hstack")]
    return concatenate(items, 0 if items[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Joined along the first axis; vectors are rows."""
    return concatenate([atleast_2d(item) for item in _joined(tensors, "vstack")], 0)


def dstack(tensors: Sequence[Any]) -> Tensor:
    """Joined along the third axis, after `atleast_3d`."""
    return concatenate([atleast_3d(item) for item in _joined(tensors, "dstack")], 2)


def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Joined along the second axis; vectors are columns."""
    items = _joined(tensors, "column_stack")
    return concatenate([item if item.ndim > 1 else item.reshape([item.size, 1]) for item in items], 1)


def block_diag(*matrices: Any) -> Tensor:
    """A matrix with these along its diagonal, and 0 elsewhere; a vector is a row (torch.block_diag)."""
    items = [atleast_2d(item) for item in as_tensors(*matrices)]
    if not items:
        raise ArgumentError("block_diag takes one matrix or more")
    for item in items:
        if item.ndim > 2:
            raise ShapeError(f"block_diag takes matrices: {describe(item.node)}")
    ends = list(accumulate((item.shape[1] for item in items), initial=0))
    spaces = zip(items, ends, ends[1:], strict=False)
    return concatenate([pad(item, [(0, 0), (before, ends[-1] - end)]) for item, before, end in spaces], 0)


def broadcast_arrays(*tensors: Any) -> list[Tensor]:
    """Each repeated to the shape that they have together (torch.broadcast_tensors)."""
    items = [as_tensor(item) for item in tensors]
    shape = broadcast_shape("broadcast_arrays", [item.node for item in items])
    return [item.broadcast_to(shape) for item in items]


def array_split(x: Any, sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Pieces along an axis: so many, of which the first ones may be longer by one, or cut at these places.

    torch.tensor_split. An axis of a symbolic extent is cut at places alone.
    """
    x = as_tensor(x)
    place = normalised_axis(axis, x.ndim, x.node)
    extent = x.shape[place]
    if len(items_of(sections)) == 1 and not isinstance(sections, Sequence):
        number = counted("the number of pieces", sections)
        if number < 1:
            raise ArgumentError(f"array_split makes one piece or more, not {sections!r}")
        if not isinstance(extent, int):
            return split(x, number, place)
        whole, more = divmod(extent, number)
        return split(x, [whole + (k < more) for k in range(number)], place)
    cuts = [counted("a place", item) for item in items_of(sections)]
    key = [slice(None)] * place
    ends = zip([0, *cuts], [*cuts, None], strict=True)
    return [x[(*key, slice(start, stop))] for start, stop in ends]


def unflatten(x: Any, axis: int, shape: Sequence[Extent | str]) -> Tensor:
    """One axis as several, in row-major order; one of their extents may be -1."""
    x = as_tensor(x)
    place = normalised_axis(axis, x.ndim, x.node)
    return x.reshape(resolved_shape(x.node, [*x.shape[:place], *items_of(shape), *x.shape[place + 1 :]]))


def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Turned by `k` right angles, in the plane of two axes, from the first towards the second."""
    x, turns = as_tensor(x), counted("k", k) % 4
    places = [normalised_axis(item, x.ndim, x.node) for item in items_of(axes)]
    if len(places) != 2 or places[0] == places[1]:
        raise ShapeError(f"rot90 turns in the plane of two axes, not {axes!r}: {describe(x.node)}")
    first, second = places
    if turns == 2:
        return flip(x, (first, second))
    turned = flip(x, second) if turns == 1 else flip(x, first)
    return turned.swapaxes(first, second) if turns else x


def cartesian_prod(*vectors: Any) -> Tensor:
    """All combinations of the elements of vectors, a row each; of one vector, itself."""
    items = as_tensors(*vectors)
    if not items:
        raise ArgumentError("cartesian_prod takes one vector or more")
    for item in items:
        if item.ndim != 1:
            raise ShapeError(f"cartesian_prod takes vectors: {describe(item.node)}")
    if len(items) == 1:
        return items[0]
    return stack([grid.reshape([grid.size]) for grid in meshgrid(*items)], 1)


def _joined(tensors: Any, what: str) -> list[Tensor]:
    """Operands that meet. Raises ArgumentError for none, and for one tensor in the place of several."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, Sequence) or not tensors:
        raise ArgumentError(f"{what} takes a sequence of one tensor or more, not {tensors!r}")
    return as_tensors(*tensors)
