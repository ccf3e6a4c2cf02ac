"""Orders of elements along the last axis, on NumPy arrays.

NaN is the greatest value, zeros of both signs are equal, and of equal elements the first comes first. NumPy's
sorts in vectors are several times as fast as its stable ones. So what is sorted is made distinct: an element
becomes, with its place below it, an integer of 64 bits. Where bits of it had to be dropped for that,
neighbours that are the same without them are sorted again. Each function writes into a dense array.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from compiler.ir.bfloat16 import is_bfloat16
from compiler.ir.dims import Extent
from compiler.ir.numbers import is_floating
from compiler.ir.types import FLOAT32, FLOAT64, INT32, INT64, DType

Array: TypeAlias = np.ndarray[Any, Any]

_BLOCK: Final = 1 << 15
"""Elements, of 64 bits, that a cache holds while they are packed, sorted and unpacked."""
_LONGEST: Final = (1 << 31) - 1
"""The longest row whose places have 31 bits."""
_FEW: Final = 8
"""Candidates are sought where the row has so many times as many elements as are wanted, or more."""
_GROUPS: Final = 1024
"""How many groups of a row are enough, whose extremes tell which elements are candidates."""
_DEEP: Final = 32
"""Groups of so many elements or more are passed over where their extremes are not as far as is wanted."""
_WIDE: Final = 4096
"""From so many elements of a row on, candidates are found sooner than a row is parted."""
_SORTED: Final = 1600
"""Bytes up to which a row is sorted sooner than it is parted."""
_RANKS: Final = 3
"""Up to so many ranks a row is parted at them, and not sorted."""
_MANY: Final = 200
"""From so many elements and values on a search in order is faster."""
_INTEGERS: Final[dict[int, Any]] = {size: np.dtype(f"i{size}") for size in (2, 4, 8)}
_NEGATIVE_ZERO: Final = {size: -(1 << (8 * size - 1)) for size in _INTEGERS}
"""The bits of -0.0 as an integer, by bytes."""
_ALL: Final = (1 << 64) - 1
_LOW: Final = 0 if np.little_endian else 1
"""Where the lower half of an integer of 64 bits lies."""


NETWORKED: Final = (FLOAT32, FLOAT64, INT32, INT64)
"""The dtypes of which native code sorts short rows itself, by networks."""
LONGEST_NETWORKED: Final = 512
"""Elements of a row up to which it does, whatever is wanted of them."""


def has_network(dtype: DType, width: Extent) -> bool:
    """Whether rows of so many elements are sorted by native code, without NumPy."""
    return dtype in NETWORKED and isinstance(width, int) and 0 < width <= LONGEST_NETWORKED


def write_sorted(out: Array, x: Array, descending: bool) -> None:
    """The elements in ascending or descending order."""
    if x.dtype.kind == "b":
        count = x.shape[-1]
        true = np.count_nonzero(x, axis=-1)[..., None]
        places = np.arange(int(count))
        out[...] = places < true if descending else places >= count - true
        return
    if is_bfloat16(x.dtype):
        wide = np.empty(x.shape, np.float32)
        write_sorted(wide, wide_halves(x), descending)
        out[...] = wide
        return
    has_zeros = False
    for rows, given in _blocks(out, x):
        np.copyto(rows, given)
        rows.sort(axis=-1)
        has_zeros = has_zeros or _has_zeros(rows)
        if descending:
            _reverse(rows)
    if has_zeros and _has_negative_zero(x):
        out[out == 0] = x[x == 0]  # equal, they lie at any of their places, and NumPy may lose a sign


def _has_zeros(rows: Array) -> bool:
    """Whether sorted rows have zeros; they are taken to, where it would take long to look into each."""
    if rows.shape[-1] < _WIDE:
        return True
    zero = rows.dtype.type(0)
    return any(row.searchsorted(zero, "left") < row.searchsorted(zero, "right") for row in _rows(rows))


def _reverse(rows: Array) -> None:
    """Turns rows round where they lie."""
    width = rows.shape[-1]
    for start in range(0, width // 2, _BLOCK):
        stop = min(start + _BLOCK, width // 2)
        left, right = rows[..., start:stop], rows[..., width - stop : width - start]
        kept = left[..., ::-1].copy()
        left[...] = right[..., ::-1]
        right[...] = kept


def wide_halves(x: Array) -> Array:
    """Halves as float32, which has all of them, in their order; others as they are."""
    return x.astype(np.float32) if is_floating(x.dtype) and x.dtype.itemsize == 2 else x


def _has_negative_zero(x: Array) -> bool:
    """Of its bits no integer is less than those of -0.0."""
    return x.dtype.kind == "f" and x.view(_INTEGERS[x.itemsize]).min(initial=0) == _NEGATIVE_ZERO[x.itemsize]


def write_order(out: Array, x: Array, descending: bool) -> None:
    """The places of the elements in ascending or descending order."""
    x = wide_halves(x)
    for rows, given in _blocks(out, x):
        _write_order(rows, _keys(given, descending))


def write_first(out: Array, x: Array, descending: bool) -> None:
    """The first places of an order: as many as there is room for."""
    x = wide_halves(x)
    if not out.size:
        return
    rows, given = _rows(out), _rows(x)
    count = out.shape[-1]
    found = _candidates(given, count, descending)
    if found is None:
        for block, part in _blocks(rows, given):
            order = np.empty(part.shape, np.int64)
            _write_order(order, _keys(part, descending))
            block[...] = order[:, :count]
        return
    keys, places = found
    order = np.empty(keys.shape, np.int64)
    _write_order(order, keys)
    rows[...] = np.take_along_axis(places, order[:, :count], -1)


def write_first_values(out: Array, x: Array, descending: bool) -> None:
    """The first elements of an order: as many as there is room for."""
    x = wide_halves(x)
    if not out.size:
        return
    count, width = out.shape[-1], x.shape[-1]
    if width >= _WIDE or x.dtype.kind not in "fi" or _has_negative_zero(x):
        places = np.empty(out.shape, np.int64)
        write_first(places, x, descending)
        out[...] = np.take_along_axis(x, places, -1)
        return
    start = width - count if descending else 0
    for rows, given in _blocks(_rows(out), _rows(x)):
        if width * given.itemsize <= _SORTED:
            found = np.sort(given, axis=-1)[:, start : start + count]
        else:
            parted = np.partition(given, start if descending else count - 1, axis=-1)
            found = np.sort(parted[:, start : start + count], axis=-1)
        rows[...] = found[:, ::-1] if descending else found


def write_ranked(out: Array, x: Array, ranks: Array, or_nan: bool = False) -> None:
    """The elements that stand at some ranks in ascending order: rank 0 is the smallest.

    With `or_nan`, NaN where a row has one: it is behind the last rank, where a parted row is still near.
    """
    if not out.size:
        return
    wanted = np.unique(ranks)
    if is_bfloat16(x.dtype):
        wide = np.empty(out.shape, np.float32)
        write_ranked(wide, wide_halves(x), ranks, or_nan)
        out[...] = wide
        return
    for rows, given in _blocks(out, x):
        is_few = len(wanted) <= _RANKS and x.shape[-1] * x.itemsize > _SORTED
        parted = _parted(given, wanted) if is_few else np.sort(given, axis=-1)
        rows[...] = parted[..., ranks]
        if or_nan and x.dtype.kind == "f":
            last = parted[..., wanted[-1] :].max(axis=-1) if is_few else parted[..., -1]
            np.copyto(rows, np.nan, where=np.isnan(last)[..., None])


def _parted(x: Array, ranks: Array) -> Array:
    """Rows parted at ascending ranks, one after the other: NumPy does so by vectors for one alone."""
    found = np.array(x)
    start = 0
    for rank in ranks.tolist():
        found[..., start:].partition(rank - start, axis=-1)
        start = rank + 1
    return found


def write_at_ranks(out: Array, x: Array, ranks: Array) -> None:
    """The places of the elements that stand at some ranks in ascending order."""
    if not out.size:
        return
    for rows, given in _blocks(out, x):
        _write_places(rows, given, ranks)


def _write_places(out: Array, x: Array, ranks: Array) -> None:
    values = np.empty(out.shape, x.dtype)
    write_ranked(values, x, ranks)
    if len(ranks) > _RANKS or not (values == values).all():  # NaN is equal to nothing
        order = np.empty(x.shape, np.int64)
        write_order(order, x, False)
        np.take(order, ranks, axis=-1, out=out)
        return
    for number, rank in enumerate(ranks):
        out[..., number] = _place_at_rank(x, values[..., number, None], int(rank))


def _place_at_rank(x: Array, value: Array, rank: int) -> Array:
    """Where the value stands, which is that of a rank; of equal ones in the order in which they came."""
    equal = x == value
    if (np.count_nonzero(equal, axis=-1) > 1).any():
        before = rank - np.count_nonzero(x < value, axis=-1)[..., None]
        equal &= np.cumsum(equal, axis=-1) == before + 1
    return equal.argmax(axis=-1)


def _blocks(out: Array, x: Array) -> Iterator[tuple[Array, Array]]:
    """Rows of both, so many at a time that a cache holds them."""
    if out.ndim < 2 or x.size <= _BLOCK:
        yield out, x
        return
    rows, given = _rows(out), _rows(x)
    step = max(1, _BLOCK // max(1, x.shape[-1]))
    for start in range(0, len(rows), step):
        yield rows[start : start + step], given[start : start + step]


def _rows(array: Array) -> Array:
    """All axes but the last as one."""
    return array.reshape(math.prod(array.shape[:-1]), array.shape[-1])


def _keys(x: Array, descending: bool) -> Array:
    """Integers of the width of the elements that stand in their order, in a new array.

    The bits of a positive float are in its order, those of a negative one in reverse.
    """
    if x.dtype.kind == "f":
        made = x + x.dtype.type(0)  # -0.0 becomes 0.0
        unknown = made != made
        if unknown.any():
            made[unknown] = np.nan  # of one sign and payload
        keys = made.view(_INTEGERS[x.itemsize])
        sign = keys >> (8 * x.itemsize - 1)
        keys ^= sign & ~_NEGATIVE_ZERO[x.itemsize]
    else:
        keys = x.astype(np.int32 if x.dtype.itemsize <= 4 else np.int64)
    return np.invert(keys, out=keys) if descending else keys


def _write_order(out: Array, keys: Array) -> None:
    """The places in the order of the keys."""
    if keys.shape[-1] > _LONGEST:
        out[...] = np.argsort(keys, axis=-1, kind="stable")
    elif keys.dtype.itemsize == 4:
        packed = np.empty((*keys.shape, 2), np.int32)
        packed[..., _LOW] = np.arange(keys.shape[-1], dtype=np.int32)
        packed[..., 1 - _LOW] = keys
        packed.view(np.int64)[..., 0].sort(axis=-1)
        out[...] = packed[..., _LOW]
    else:
        _write_long_order(out, keys)


def _write_long_order(out: Array, keys: Array) -> None:
    """The same of keys of 64 bits, of which as many leading ones are packed as there is room for."""
    bits = (keys.shape[-1] - 1).bit_length()
    offsets = keys.view(np.uint64) ^ np.uint64(1 << 63)
    offsets -= offsets.min(initial=_ALL)
    dropped = max(0, int(offsets.max(initial=0)).bit_length() + bits - 64)
    packed = offsets >> np.uint64(dropped)
    packed <<= np.uint64(bits)
    packed |= np.arange(keys.shape[-1], dtype=np.uint64)
    packed.sort(axis=-1)
    np.bitwise_and(packed, np.uint64((1 << bits) - 1), out=out.view(np.uint64))
    if dropped:
        packed >>= np.uint64(bits)
        is_same = packed[..., 1:] == packed[..., :-1]
        if is_same.any():
            _sort_runs(out, offsets, is_same)


def _sort_runs(out: Array, keys: Array, is_same: Array) -> None:
    """Puts neighbours in order that are the same but for bits that were dropped."""
    follows, is_followed = np.zeros(keys.shape, np.bool_), np.zeros(keys.shape, np.bool_)
    follows[..., 1:] = is_followed[..., :-1] = is_same
    places = np.flatnonzero(follows | is_followed)
    rows, runs = places // keys.shape[-1], np.cumsum(~follows.reshape(-1)[places])
    flat = out.reshape(-1)
    found = flat[places]
    whole = keys.reshape(-1)[rows * keys.shape[-1] + found]
    if ((whole[1:] < whole[:-1]) & (runs[1:] == runs[:-1])).any():
        flat[places] = found[np.lexsort((found, whole, runs))]


def _candidates(x: Array, count: int, descending: bool) -> tuple[Array, Array] | None:
    """Keys and places of a few elements of each row, among which are the first, in the order of places.

    The count-th extreme of groups of the row is a bound: count elements at least are as far. None where it
    is not known to help: of short rows, where there are NaN, and of many equal elements.
    """
    width = x.shape[-1]
    groups = max(4 * count, min(width // 8, _GROUPS))
    depth = width // groups
    if depth < 4 or width < _FEW * count or width > _LONGEST:
        return None
    parts, rest = x[:, : depth * groups].reshape(-1, depth, groups), x[:, depth * groups :]
    extremes = parts.max(axis=1) if descending else parts.min(axis=1)
    if not (extremes == extremes).all() or not (rest == rest).all():
        return None
    place = groups - count if descending else count - 1
    bound = np.partition(extremes, place, axis=-1)[:, place, None]
    reaches = np.greater_equal if descending else np.less_equal
    if depth < _DEEP:
        return _gathered(x, np.flatnonzero(reaches(x, bound)), descending)
    found = _as_far(parts, rest, extremes, bound, reaches)
    return None if found is None else _gathered(x, found, descending)


def _as_far(parts: Array, rest: Array, extremes: Array, bound: Array, reaches: np.ufunc) -> Array | None:
    """Where elements are that are as far as the bound of their row, of all rows in order.

    They are in groups whose extremes are, or in the rest. None where many are.
    """
    rows, groups = np.nonzero(reaches(extremes, bound))
    if len(rows) > extremes.size // 4:
        return None
    count, depth = extremes.shape[-1], parts.shape[1]
    width = depth * count + rest.shape[-1]
    hits, deep = np.nonzero(reaches(parts[rows, :, groups], bound[rows]))
    rest_rows, behind = np.nonzero(reaches(rest, bound))
    found = rows[hits] * width + deep * count + groups[hits]
    return np.sort(np.concatenate([found, rest_rows * width + depth * count + behind]))


def _gathered(x: Array, found: Array, descending: bool) -> tuple[Array, Array] | None:
    """Keys and places of some elements, row by row, and last keys behind them."""
    rows = found // x.shape[-1]
    counts = np.bincount(rows, minlength=len(x))
    most = int(counts.max())
    if most > x.shape[-1] // 4:
        return None
    behind = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    near_keys = _keys(x.reshape(-1)[found], descending)
    keys = np.full((len(x), most), np.iinfo(near_keys.dtype).max, near_keys.dtype)
    places = np.zeros((len(x), most), np.int64)
    keys[rows, behind], places[rows, behind] = near_keys, found - rows * x.shape[-1]
    return keys, places


def write_places_in(out: Array, row: Array, values: Array, side: Literal["left", "right"]) -> None:
    """How many elements of a sorted row are less than each value, or not greater.

    Many values are sought in ascending order, so that one is found near the one before it.
    """
    if min(row.size, values.size) < _MANY:
        out[...] = np.searchsorted(row, values, side)
        return
    flat = values.reshape(-1)
    order = np.empty(flat.shape, np.int64)
    write_order(order, flat, False)
    out.reshape(-1)[order] = np.searchsorted(row, flat[order], side)
