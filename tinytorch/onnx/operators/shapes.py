"""Shapes: asked for, and changed. Extents stay symbolic where they are."""

from __future__ import annotations

import numpy as np

from compiler.ir.dims import Dim, Extent, product
from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.checks import of_rank
from tinytorch.onnx.calling.operator import Extents, operator
from tinytorch.onnx.calling.values import Array, Unsupported, Value, shape_of
from tinytorch.ops.layout import tril, triu
from tinytorch.tensor import Tensor


def as_extents(extents: list[Extent] | tuple[Extent, ...]) -> Array:
    """Extents as a value that is known."""
    return np.array(extents, dtype=object if any(isinstance(item, Dim) for item in extents) else np.int64)


@operator("Shape", since=1)
def shape(data: Value, *, start: int = 0, end: int | None = None) -> Array:
    """The extents of a value, which are known."""
    return as_extents(shape_of(data)[start:end])


@operator("Size", since=1)
def size(data: Value) -> Array:
    """The number of elements of a value, which is known."""
    return as_extents([product(shape_of(data))]).reshape(())


@operator("Identity", since=1)
def identity(data: Value) -> Value:
    """The value itself, whatever it is."""
    return data


@operator("Reshape", since=5)
def reshape(data: Tensor, extents: Extents, *, allowzero: int = 0) -> Tensor:
    """The same elements; 0 keeps an extent (unless `allowzero`), -1 is what is left."""
    if any(item == 0 for item in extents[data.ndim :]) and not allowzero:
        raise Unsupported(f"0 keeps an extent, and {data.ndim} axes have none for each 0 of {extents}")
    kept = [data.shape[i] if item == 0 and not allowzero else item for i, item in enumerate(extents)]
    return data.reshape(tuple(kept))


@operator("Flatten", since=1)
def flatten(data: Tensor, *, axis: int) -> Tensor:
    """Two axes: those before `axis`, and those from it on."""
    place = axis + data.ndim if axis < 0 else axis
    return data.reshape([product(data.shape[:place]), product(data.shape[place:])])


@operator("Squeeze", since=1)
def squeeze_1(data: Tensor, *, axes: list[int] | None = None) -> Tensor:
    """Without unit axes."""
    return data.squeeze(axes)


@operator("Squeeze", since=13)
def squeeze(data: Tensor, axes: Extents | None = None) -> Tensor:
    """Without unit axes; without all of them if none are named."""
    return data.squeeze(None if axes is None else _numbers(axes))


@operator("Unsqueeze", since=1)
def unsqueeze_1(data: Tensor, *, axes: list[int]) -> Tensor:
    """With new unit axes, at their places in the result."""
    rank = data.ndim + len(axes)
    places = {normalised_axis(axis, rank, data.node) for axis in axes}
    if len(places) < len(axes):
        raise Unsupported(f"an axis is given twice: {axes}")
    rest = iter(data.shape)
    return data.reshape([1 if axis in places else next(rest) for axis in range(rank)])


@operator("Unsqueeze", since=13)
def unsqueeze(data: Tensor, axes: Extents) -> Tensor:
    """With new unit axes, at their places in the result."""
    return unsqueeze_1(data, axes=_numbers(axes))


def _numbers(axes: Extents) -> list[int]:
    return [int(item) for item in axes]


@operator("Transpose", since=1)
def transpose(data: Tensor, *, perm: list[int] | None = None) -> Tensor:
    """The axes in another order, reversed if none is given."""
    return data.transpose(list(range(data.ndim))[::-1] if perm is None else perm) if data.ndim else data


@operator("Expand", since=8)
def expand(data: Tensor, extents: Extents) -> Tensor:
    """Repeated to what its shape and another one broadcast to."""
    rank = max(data.ndim, len(extents))
    ours, theirs = ([*[1] * (rank - len(item)), *item] for item in (data.shape, extents))
    return data.broadcast_to([theirs[k] if n == 1 else n for k, n in enumerate(ours)])


@operator("Tile", since=6)
def tile(data: Tensor, repeats: Extents) -> Tensor:
    """The tensor beside itself, so many times along each axis."""
    if len(repeats) != data.ndim:
        raise Unsupported(f"{len(repeats)} repeats are not one for each of {data.ndim} axes")
    rows = list(zip(repeats, data.shape, strict=True))
    spread = data.reshape([item for _, n in rows for item in (1, n)])
    spread = spread.broadcast_to([item for row in rows for item in row])
    return spread.reshape([n * times for times, n in rows])


@operator("DepthToSpace", since=1)
def depth_to_space(data: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    """Channels as blocks of pixels; `mode` says whether blocks or channels come first among them."""
    batch, channels, height, width = of_rank(data, 4)
    depth = channels // _positive(blocksize) ** 2
    if mode == "CRD":
        parts = data.reshape([batch, depth, blocksize, blocksize, height, width]).transpose(0, 1, 4, 2, 5, 3)
    else:
        parts = data.reshape([batch, blocksize, blocksize, depth, height, width]).transpose(0, 3, 4, 1, 5, 2)
    return parts.reshape([batch, depth, height * blocksize, width * blocksize])


@operator("SpaceToDepth", since=1)
def space_to_depth(data: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    """Blocks of pixels as channels: the inverse of DepthToSpace."""
    batch, channels, height, width = of_rank(data, 4)
    rows, columns = height // _positive(blocksize), width // blocksize
    parts = data.reshape([batch, channels, rows, blocksize, columns, blocksize])
    order = (0, 1, 3, 5, 2, 4) if mode == "CRD" else (0, 3, 5, 1, 2, 4)
    return parts.transpose(order).reshape([batch, channels * blocksize**2, rows, columns])


def _positive(blocksize: int) -> int:
    if not 0 < blocksize < 2**16:
        raise Unsupported(f"blocks have {blocksize} rows")
    return blocksize


@operator("Trilu", since=14)
def triangle(data: Tensor, k: Tensor | None = None, *, upper: int) -> Tensor:
    """The upper or the lower triangle of the last two axes, from diagonal `k`, and 0 elsewhere."""
    function = triu if upper else tril
    return function(data, 0 if k is None else k.reshape([]))  # pyright: ignore[reportArgumentType]  # tensors, too
