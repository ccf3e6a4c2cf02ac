"""Work in blocks, where NumPy would make an array as large as the whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from compiler.backends.numpy.frame import Array

BLOCK: Final = 8192
"""Elements of a block: even of pointers, a copy stays below 256 kB."""


def blocks(shape: Sequence[int], limit: int = BLOCK) -> Iterator[tuple[slice, ...]]:
    """Slices of at most so many elements that cover an array, in row-major order."""
    if 0 in shape:
        return
    inner = math.prod(shape[1:])
    if not shape or math.prod(shape) <= limit:
        yield tuple(slice(0, n) for n in shape)
    elif inner <= limit:
        step = limit // inner
        rest = tuple(slice(0, n) for n in shape[1:])
        for start in range(0, shape[0], step):
            yield (slice(start, min(start + step, shape[0])), *rest)
    else:
        for start in range(shape[0]):
            for rest in blocks(shape[1:], limit):
                yield (slice(start, start + 1), *rest)


def apply_slowly(function: Callable[[Array], Array], x: Array, out: Array) -> None:
    """Writes a function that makes arrays on the way, of Python objects or of many steps."""
    wide = np.broadcast_to(x, out.shape)
    for block in blocks(out.shape, 1024):
        out[block] = function(np.asarray(wide[block]))


def argmax_over(axes: Sequence[int], value: Array, out: Array) -> None:
    """The first position of the largest element (or of a NaN) in the row-major order of `axes`.

    `out` has the axes of `value`, of extent 1 where they are in `axes`.
    """
    _search(np.argmax, np.max, axes, value, out)


def argmin_over(axes: Sequence[int], value: Array, out: Array) -> None:
    """The first position of the smallest element (or of a NaN), as `argmax_over`."""
    _search(np.argmin, np.min, axes, value, out)


def _search(place_of: Any, best_of: Any, axes: Sequence[int], value: Array, out: Array) -> None:
    kept = [axis for axis in range(value.ndim) if axis not in axes]
    rows = value.transpose([*kept, *axes])
    shape = tuple(value.shape[axis] for axis in kept)
    depth = math.prod(rows.shape[len(kept) :])
    found = out.transpose([*kept, *axes]).reshape(shape)
    if depth > BLOCK:
        for place in np.ndindex(shape):
            found[place] = _first_of_the_best(place_of, best_of, rows[place])
        return
    for block in blocks(shape, BLOCK // depth):
        part = rows[block]
        found[block] = place_of(part.reshape((*part.shape[: len(kept)], depth)), axis=-1)


def _first_of_the_best(place_of: Any, best_of: Any, row: Array) -> int:
    """The same for all axes of one array of many elements. A dense one is not copied."""
    if row.flags.c_contiguous:
        return int(place_of(row))
    best = best_of(row)
    is_nan = bool(best != best)
    before = 0
    for block in blocks(row.shape):
        part = row[block]
        hits = np.isnan(part) if is_nan else part == best
        if hits.any():
            return before + int(hits.argmax())
        before += part.size
    return 0
