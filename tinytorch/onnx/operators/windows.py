"""Windows over images, from the attributes that convolutions and pools have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from compiler.ir.dims import Extent, divide_exactly
from tinytorch.onnx.calling.values import Unsupported
from tinytorch.spatial import Windows
from tinytorch.tensor import Tensor

Ints: TypeAlias = Sequence[int] | None


def windows_of(
    x: Tensor, sizes: Sequence[Extent], strides: Ints, pads: Ints, dilations: Ints, auto_pad: str = "NOTSET"
) -> Windows:
    """The windows over the axes of `x` behind batch and channels. Raises Unsupported."""
    rank = x.ndim - 2
    if rank not in (1, 2, 3) or len(sizes) != rank:
        raise Unsupported(f"a kernel of {len(sizes)} axes over an input of {x.ndim}; there are 1 to 3")
    steps, spaces = (ints(item, rank, 1) for item in (strides, dilations))
    if auto_pad in ("NOTSET", ""):
        widths = pairs_of(pads, rank)
    else:
        rows = zip(x.shape[2:], sizes, steps, spaces, strict=True)
        widths = tuple(_automatic(auto_pad, *row) for row in rows)
    return Windows(tuple(sizes), steps, spaces, widths)


def ints(given: Ints, rank: int, otherwise: int) -> tuple[int, ...]:
    """A number for each axis. Raises Unsupported for another count."""
    found = (otherwise,) * rank if given is None else tuple(given)
    if len(found) != rank:
        raise Unsupported(f"{list(found)} are no {rank} numbers, one for each axis")
    return found


def pairs_of(pads: Ints, rank: int) -> tuple[tuple[int, int], ...]:
    """What is before and behind each axis: the standard lists what is before all of them first."""
    flat = ints(pads, 2 * rank, 0)
    return tuple(zip(flat[:rank], flat[rank:], strict=True))


def split_in(total: int, auto_pad: str) -> tuple[int, int]:
    """So many elements around an axis; an odd one stands behind it with SAME_UPPER."""
    half = total // 2
    return (half, total - half) if auto_pad == "SAME_UPPER" else (total - half, half)


def _automatic(name: str, extent: Extent, size: Extent, step: int, dilation: int) -> tuple[int, int]:
    """The padding with which there is a window for every `step` elements."""
    if name == "VALID":
        return 0, 0
    if name not in ("SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"there is no auto_pad {name!r}")
    reach = (size - 1) * dilation + 1
    if isinstance(extent, int):
        total = (-(-extent // step) - 1) * step + reach - extent
    elif divide_exactly(extent, step) is not None:
        total = reach - step
    else:
        raise Unsupported(f"auto_pad={name} of an axis of {extent}, which is not known to be {step}*m")
    if not isinstance(total, int):
        raise Unsupported(f"auto_pad={name} of a kernel of {size}")
    return split_in(max(total, 0), name)
