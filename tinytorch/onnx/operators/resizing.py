"""Resize and Upsample: along each axis new elements are sums of a few old ones, with weights known now."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.ir.dims import Extent, divide_exactly, symbols
from compiler.ir.types import floating
from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.operator import Extents, Known, operator
from tinytorch.onnx.calling.values import Array, Unsupported
from tinytorch.onnx.operators.phases import phased
from tinytorch.ops.elementwise import where
from tinytorch.ops.layout import take
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor

_FEW: Final = 4
"""Taps up to which each is taken and weighed; more are a product with a matrix."""
_LARGE: Final = 2**22
"""Elements up to which there is such a matrix."""
_MANY: Final = 2**26
"""Positions and weights up to which they are computed: more are a mistake of who wrote the model."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How elements are found, from the attributes."""

    mode: str
    nearest: str = "floor"
    transformation: str = "asymmetric"
    coefficient: float = -0.75
    is_antialiased: bool = False
    excludes_outside: bool = False
    extrapolation: float = 0.0


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis that becomes another one."""

    axis: int
    whole: Extent
    count: Extent
    scale: float | None
    """As a model gives it, in float32; None is the ratio of the extents."""
    roi: tuple[float, float] = (0.0, 1.0)


@operator("Resize", since=11)
def resize(
    x: Tensor, roi: Known | None = None, scales: Known | None = None, sizes: Extents | None = None, *,
    mode: str, coordinate_transformation_mode: str, nearest_mode: str, cubic_coeff_a: float,
    exclude_outside: int, extrapolation_value: float, antialias: int = 0,
    axes: Sequence[int] | None = None, keep_aspect_ratio_policy: str = "stretch",
) -> Tensor:  # fmt: skip
    """Axes of other extents, by `sizes` or `scales`."""
    way = _Way(
        mode, nearest_mode, coordinate_transformation_mode, cubic_coeff_a, bool(antialias),
        bool(exclude_outside), extrapolation_value,
    )  # fmt: skip
    places = [normalised_axis(item, x.ndim, x.node) for item in (range(x.ndim) if axes is None else axes)]
    rows = _rows(x, places, scales, sizes, keep_aspect_ratio_policy)
    if coordinate_transformation_mode == "tf_crop_and_resize":
        if roi is None or roi.size != 2 * len(places):
            raise Unsupported(f"tf_crop_and_resize needs a roi of {2 * len(places)} numbers")
        starts, ends = np.split(roi.astype(float), 2)
        rows = [
            _Axis(row.axis, row.whole, row.count, row.scale, (float(a), float(b)))
            for row, a, b in zip(rows, starts, ends, strict=True)
        ]
    return _resized(x, rows, way)


@operator("Resize", since=10)
def resize_10(x: Tensor, scales: Known, *, mode: str) -> Tensor:
    """As Upsample, which it took the place of; what becomes shorter takes the element behind a place."""
    for row in _rows(x, range(x.ndim), scales, None, "stretch"):
        nearest = "floor" if row.scale is None or row.scale >= 1 else "ceil"
        x = _resized(x, [row], _Way(mode, nearest))
    return x


@operator("Upsample", since=9)
def upsample(x: Tensor, scales: Known, *, mode: str) -> Tensor:
    """Axes that are so many times as long; the first element stays where it is."""
    return resize_10(x, scales, mode=mode)


@operator("Upsample", since=7)
def upsample_7(x: Tensor, *, mode: str, scales: Sequence[float]) -> Tensor:
    """The same, of scales that are an attribute."""
    return resize_10(x, np.asarray(scales, np.float32), mode=mode)


def _rows(
    x: Tensor, axes: Sequence[int], scales: Array | None, sizes: Sequence[Extent] | None, policy: str
) -> list[_Axis]:
    if scales is not None and scales.size:
        _check_count(len(axes), scales.size)
        given = [float(np.float32(item)) for item in scales.reshape(-1)]
        return [
            _Axis(k, x.shape[k], _scaled(x.shape[k], scale), scale)
            for k, scale in zip(axes, given, strict=True)
        ]
    if not sizes:
        raise Unsupported("it has neither scales nor sizes")
    _check_count(len(axes), len(sizes))
    if policy == "stretch":
        return [_Axis(k, x.shape[k], count, None) for k, count in zip(axes, sizes, strict=True)]
    wholes = [_number(x.shape[k]) for k in axes]
    ratios = [_number(count) / whole for count, whole in zip(sizes, wholes, strict=True)]
    if policy not in ("not_larger", "not_smaller"):
        raise Unsupported(f"there is no keep_aspect_ratio_policy {policy!r}")
    ratio = min(ratios) if policy == "not_larger" else max(ratios)
    return [
        _Axis(k, whole, math.floor(ratio * whole + 0.5), ratio) for k, whole in zip(axes, wholes, strict=True)
    ]


def _check_count(axes: int, given: int) -> None:
    if axes != given:
        raise Unsupported(f"{given} scales or sizes for {axes} axes")


def _number(extent: Extent) -> int:
    if not isinstance(extent, int):
        raise Unsupported(f"an axis of {extent} is resized, which has to be known for this")
    return extent


def _scaled(whole: Extent, scale: float) -> Extent:
    if isinstance(whole, int):
        return math.floor(whole * scale)
    if scale != int(scale):
        raise Unsupported(f"an axis of {whole} becomes {scale} times as long, which is no polynomial")
    return whole * int(scale)


def _resized(x: Tensor, rows: Sequence[_Axis], way: _Way) -> Tensor:
    changed = [
        row for row in rows
        if row.count != row.whole or row.scale not in (None, 1.0) or row.roi != (0.0, 1.0)
    ]  # fmt: skip
    if way.mode == "nearest":
        for row in changed:
            x = _nearest(x, row, way)
    elif way.mode in ("linear", "cubic"):
        x = _weighed(x, changed, way)
    else:
        raise Unsupported(f"there is no mode {way.mode!r}")
    return _extrapolated(x, changed, way) if way.transformation == "tf_crop_and_resize" else x


def _nearest(x: Tensor, row: _Axis, way: _Way) -> Tensor:
    times = divide_exactly(row.count, row.whole) if row.whole != 0 else None
    if times is not None and row.scale in (None, times) and _repeats(way):
        before, behind = x.shape[: row.axis + 1], x.shape[row.axis + 1 :]
        wide = x.reshape([*before, 1, *behind]).broadcast_to([*before, times, *behind])
        return wide.reshape([*x.shape[: row.axis], row.count, *behind])
    at = _positions(row, way)
    rounded = _ROUNDINGS.get(way.nearest)
    if rounded is None:
        raise Unsupported(f"there is no nearest_mode {way.nearest!r}")
    return take(x, np.clip(rounded(at).astype(np.int64), 0, _number(row.whole) - 1), row.axis)


def _repeats(way: _Way) -> bool:
    """Whether a whole scale means that each element is there so many times."""
    if way.transformation == "asymmetric":
        return way.nearest == "floor"
    return way.transformation in ("half_pixel", "half_pixel_symmetric") and way.nearest.startswith("round")


_ROUNDINGS: Final[Mapping[str, Callable[[Array], Array]]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda at: np.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5),
}

Positions: TypeAlias = Callable[[Array, _Axis, float, float], Array]
"""Where new elements lie among the old: of their numbers, the axis, its scale, and its length times that.

That is no whole number where a scale says so, as the tests of the standard want it.
"""


def _symmetric(i: Array, row: _Axis, scale: float, width: float) -> Array:
    centre = _number(row.whole) / 2
    return centre * (1 - _number(row.count) / width) + (i + 0.5) / scale - 0.5


def _aligned(i: Array, row: _Axis, scale: float, width: float) -> Array:
    return i * (_number(row.whole) - 1) / (width - 1) if width != 1 else i * 0.0


def _cropped(i: Array, row: _Axis, scale: float, width: float) -> Array:
    start, end = row.roi
    last = _number(row.whole) - 1
    inside = i * (end - start) * last / (width - 1) if width != 1 else i * 0 + (end - start) * last / 2
    return start * last + inside


_POSITIONS: Final[Mapping[str, Positions]] = {
    "half_pixel": lambda i, row, scale, width: (i + 0.5) / scale - 0.5,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": lambda i, row, scale, width: (i + 0.5) / scale - 0.5 if len(i) > 1 else i * 0.0,
    "asymmetric": lambda i, row, scale, width: i / scale,
    "align_corners": _aligned,
    "tf_half_pixel_for_nn": lambda i, row, scale, width: (i + 0.5) / scale,
    "tf_crop_and_resize": _cropped,
}


def _positions(row: _Axis, way: _Way) -> Array:
    place = _POSITIONS.get(way.transformation)
    if place is None:
        raise Unsupported(f"there is no coordinate_transformation_mode {way.transformation!r}")
    whole, count = _number(row.whole), _number(row.count)
    if whole < 1 or not 0 <= count <= _MANY:
        raise Unsupported(f"an axis of {whole} elements becomes one of {count}")
    scale = count / whole if row.scale is None else row.scale
    width = float(count) if row.scale is None else row.scale * whole
    found = place(np.arange(count, dtype=np.float64), row, scale, width)
    return found.astype(np.float32).astype(np.float64)  # 3 / float32(0.6) is 5, and not a little less


@rounded_once
def _weighed(x: Tensor, rows: Sequence[_Axis], way: _Way) -> Tensor:
    given = x.dtype
    x = x.astype(floating(given))
    for row in rows:
        if not isinstance(row.whole, int):
            x = phased(x, row.axis, *_phases(row, way))
            continue
        places, weights = _taps(row, way)
        x = _combined(x, row.axis, _number(row.whole), places, weights.astype(x.dtype.numpy))
    return x.astype(given)


def _combined(x: Tensor, axis: int, whole: int, places: Array, weights: Array) -> Tensor:
    """Sums of elements along an axis: taken one by one, by a matrix, or where that is large as windows."""
    beside = [1] * (x.ndim - 1 - axis)
    count, taps = places.shape
    if taps <= _FEW:
        parts = [take(x, places[:, k], axis) * weights[:, k].reshape([count, *beside]) for k in range(taps)]
        return sum(parts[1:], parts[0])
    if count * whole > _LARGE:
        return (take(x, places, axis) * weights.reshape([count, taps, *beside])).sum(axis + 1)
    matrix: Array = np.zeros((count, whole), weights.dtype)
    for row, at, share in zip(matrix, places, weights, strict=True):
        np.add.at(row, at, share)
    return (x.swapaxes(axis, -1) @ matrix.T).swapaxes(axis, -1)


def _phases(row: _Axis, way: _Way) -> tuple[Array, Array]:
    """For each of the new elements that an old one becomes, which others it is made of, and their weights.

    An axis whose length is not known is only so many times as long, by a transformation that does not ask for
    its length, with nothing left out at its ends.
    """
    times = divide_exactly(row.count, row.whole)
    if not isinstance(times, int) or row.scale not in (None, times) or way.excludes_outside:
        raise Unsupported(
            f"an axis of {row.whole} becomes one of {row.count}, which has to be known{_fix(row)}"
        )
    if way.transformation not in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric"):
        raise Unsupported(
            f"{way.transformation} asks for the length of an axis, which is {row.whole}{_fix(row)}"
        )
    shift = 0.0 if way.transformation == "asymmetric" else 0.5
    at = (np.arange(times) + shift) / times - shift
    return _weights(at, way, 1.0)


def _fix(row: _Axis) -> str:
    names = sorted(symbols(row.whole))
    return f"\n  fix: load(..., dims={{{names[0]!r}: 224}})" if names else ""


def _weights(at: Array, way: _Way, shrink: float) -> tuple[Array, Array]:
    """The places around positions, and the weights of the elements there."""
    radius = math.ceil((1 if way.mode == "linear" else 2) / shrink)
    places = np.floor(at)[:, None] + np.arange(1 - radius, radius + 1)
    away = np.abs(places - at[:, None]) * shrink
    weights = np.maximum(1 - away, 0.0) if way.mode == "linear" else _cubic(away, way.coefficient)
    return places.astype(np.int64), weights


def _taps(row: _Axis, way: _Way) -> tuple[Array, Array]:
    """Which old elements a new one is made of, and their weights: `[count, taps]` each."""
    at, whole = _positions(row, way), _number(row.whole)
    scale = _number(row.count) / whole if row.scale is None else row.scale
    shrink = min(scale, 1.0) if way.is_antialiased else 1.0
    radius = (1 if way.mode == "linear" else 2) / shrink
    if 2 * radius * max(len(at), 1) > _MANY:
        raise Unsupported(f"{row.count} elements of an axis of {whole}, each of {2 * radius:g}, are too many")
    places, weights = _weights(at, way, shrink)
    if way.excludes_outside:
        weights = np.where((places >= 0) & (places < whole), weights, 0.0)
    if way.excludes_outside or shrink < 1:
        weights = weights / weights.sum(1, keepdims=True)
    used = np.any(weights != 0, axis=0)
    used[math.ceil(radius) - 1] = True  # the element at the position or before it
    return np.clip(places, 0, whole - 1)[:, used], weights[:, used]


def _cubic(away: Array, a: float) -> Array:
    """The weight of an element that is so far away (Keys, 1981)."""
    near = ((a + 2) * away - (a + 3)) * away * away + 1
    far = ((a * away - 5 * a) * away + 8 * a) * away - 4 * a
    return np.where(away <= 1, near, np.where(away < 2, far, 0.0))


def _extrapolated(x: Tensor, rows: Sequence[_Axis], way: _Way) -> Tensor:
    """Another value where a position lies outside of the image."""
    for row in rows:
        at = _positions(row, way)
        is_inside: Any = (at >= 0) & (at <= _number(row.whole) - 1)
        if not is_inside.all():
            x = where(is_inside.reshape([-1, *[1] * (x.ndim - 1 - row.axis)]), x, way.extrapolation)
    return x
