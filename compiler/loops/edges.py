"""What is filled of a padded array, and as how many kernels.

    y = pad(x, ((1, 1), (2, 2)))            y[0, :] = y[n, :] = 0
                                     ->     for i in 1 .. n:
                                                y[i, :2] = y[i, m:] = 0;  y[i, 2:m] = x[i - 1, :]

Where edges of a few elements each would take longer, everything is filled, and the inside copied over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from compiler.ir.dims import Extent, Shape, product
from compiler.ir.op import Pad
from compiler.loops.copies import together
from compiler.loops.drafts import Draft
from compiler.loops.turns import turn_of

WIDE: Final = 16
LONG: Final = 96
"""Elements side by side, or bytes of a row, from which on the edges of a padded array are filled alone.

0.7 to 0.9 of the time of rows from 112 bytes on, 1.0 to 1.6 of 20 to 80 where several axes are padded; of one
axis they take 0.6 to 0.9 of it, whatever the length.
"""


def filled(op: Pad, shape: Shape, size: int, is_there: bool) -> Iterator[tuple[Shape, Shape]]:
    """The parts of a padded array that are filled with the pad's value: where each begins, and its shape.

    These are the edges, axis by axis, where many elements lie side by side in each of them or between them,
    or what is inside is there already; else everything. An element has `size` bytes.
    """
    padded = [axis for axis in range(len(shape)) if op.low[axis] != 0 or op.high[axis] != 0]
    if not is_there and (any(op.interior) or not _has_edges_alone(op, shape, padded, size)):
        yield (0,) * len(shape), shape
        return
    starts: list[Extent] = [0] * len(shape)
    sizes = list(shape)
    for axis in padded:
        whole, low, high = sizes[axis], op.low[axis], op.high[axis]
        for start, count in ((0, low), (whole - high, high)):
            if count != 0:
                starts[axis], sizes[axis] = start, count
                yield tuple(starts), tuple(sizes)
        starts[axis], sizes[axis] = low, whole - low - high


def _has_edges_alone(op: Pad, shape: Shape, padded: Sequence[int], size: int) -> bool:
    """Whether filling the edges takes less time than filling everything."""
    if not padded:
        return True
    last = padded[-1]
    width = product(shape[last + 1 :])
    row = (shape[last] - op.low[last] - op.high[last]) * width * size
    if not isinstance(width, int) or not isinstance(row, int):
        return False
    return width >= WIDE or len(padded) == 1 or row >= LONG


def as_few(drafts: Sequence[Draft]) -> list[Draft]:
    """The parts of an array, that lie apart, as few kernels as may be: what is transposed stays alone."""
    if not drafts:
        return []
    *edges, inside = drafts
    extent = (edges[-1] if edges else inside).first.extent
    parts = [draft for draft in edges if draft.first.extent == extent != 1]
    if turn_of(inside.kernel.body) is None and inside.first.extent == extent:
        parts.append(inside)
    if len(parts) < 2:
        return list(drafts)
    alone = [draft for draft in drafts if draft not in parts]
    return [*alone, together(parts)]
