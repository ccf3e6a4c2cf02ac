"""Padding: elements before and behind those of axes, all equal or taken from the axis itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Dim, Extent
from compiler.ir.node import describe, make_node
from compiler.ir.numbers import number
from compiler.ir.op import Pad
from tinytorch.axes import counted, items_of
from tinytorch.ops.layout import concatenate
from tinytorch.spatial import part_of
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number


def pad(
    x: Any,
    widths: Sequence[Extent] | Sequence[Sequence[Extent]],
    mode: str = "constant",
    value: float = 0.0,
) -> Tensor:
    """Elements before and behind those of axes: `value`, or those that `mode` takes from the axis.

    `widths` is a pair for each axis as in numpy.pad, `[(0, 0), (1, 2)]`, or the flat list of
    torch.nn.functional.pad, which starts with the last axis, `[1, 2]`. Of `1 2 3`, two before and behind,

        "constant"               0 0 1 2 3 0 0
        "reflect"                3 2 1 2 3 2 1    the axis as in a mirror that stands on its last element
        "replicate" or "edge"    1 1 1 2 3 3 3
        "circular" or "wrap"     2 3 1 2 3 1 2

    PyTorch's names, or NumPy's; all modes are for any axes. Raises ShapeError where the axis has too few
    elements (numpy.pad goes on with what it has made), ArgumentError for negative widths: to remove elements,
    slice.
    """
    x = as_tensor(x)
    rows = _pairs(x, items_of(widths))
    if mode == "constant":
        return _filled(x, rows, value)
    for axis, (low, high) in enumerate(rows):
        if low != 0 or high != 0:
            x = _extended(x, axis, low, high, _mode(mode))
    return x


def _filled(x: Tensor, rows: list[tuple[Extent, Extent]], value: Any) -> Tensor:
    if not any(low or high for low, high in rows):
        return type(x)(x.node)
    low, high = tuple(pair[0] for pair in rows), tuple(pair[1] for pair in rows)
    return type(x)(make_node(Pad(low, high, (0,) * x.ndim, float(checked_number("value", value))), [x.node]))


def _pairs(x: Tensor, widths: list[Any]) -> list[tuple[Extent, Extent]]:
    rows = [items_of(item) for item in widths]
    if all(len(row) == 2 for row in rows) and len(rows) == x.ndim:
        return [(_width(low), _width(high)) for low, high in rows]
    is_flat = all(len(row) == 1 for row in rows) and len(rows) % 2 == 0 and len(rows) <= 2 * x.ndim
    if not is_flat:
        raise ArgumentError(
            f"padding {describe(x.node)} needs a pair (low, high) for each of its {x.ndim} axes, or a flat "
            f"list that starts with the last axis, not {widths}"
        )
    flat = [_width(width) for (width,) in rows]
    pairs = [(flat[k], flat[k + 1]) for k in range(0, len(flat), 2)]
    return [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]


def _width(value: Any) -> Extent:
    return value if isinstance(value, Dim) else counted("a width", value)


# Of `width` elements before and behind the axis: where the first of them is taken, and how far the next is.


def _reflected(extent: Extent, low: Extent) -> tuple[Extent, Extent, int]:
    return low, extent - 2, -1


def _repeated(extent: Extent, _: Extent) -> tuple[Extent, Extent, int]:
    return 0, extent - 1, 0


def _wrapped(extent: Extent, low: Extent) -> tuple[Extent, Extent, int]:
    return extent - low, 0, 1


_Taken = Callable[[Extent, Extent], tuple[Extent, Extent, int]]
_MODES: Final[Mapping[str, _Taken]] = {
    "reflect": _reflected, "replicate": _repeated, "edge": _repeated, "circular": _wrapped, "wrap": _wrapped,
}  # fmt: skip


def _mode(mode: Any) -> _Taken:
    if isinstance(mode, str) and mode in _MODES:
        return _MODES[mode]
    is_value = number(mode) is not None
    fix = f"\n  fix: value={mode!r}" if is_value else ""
    raise ArgumentError(f"a mode of padding is constant, {', '.join(_MODES)}, not {mode!r}{fix}")


def _extended(x: Tensor, axis: int, low: Extent, high: Extent, taken: _Taken) -> Tensor:
    _check(x, axis, low, high, taken)
    before, behind, step = taken(x.shape[axis], low)
    pieces = [_piece(x, axis, before, low, step)] if low != 0 else []
    pieces += [x, _piece(x, axis, behind, high, step)] if high != 0 else [x]
    return concatenate(pieces, axis)


def _piece(x: Tensor, axis: int, start: Extent, size: Extent, step: int) -> Tensor:
    """So many elements from a place on; with a step of 0, the one there again and again."""
    starts: list[Extent] = [0] * x.ndim
    sizes, once = list(x.shape), list(x.shape)
    starts[axis], sizes[axis], once[axis] = start, size, size if step else 1
    steps = [step or 1 if k == axis else 1 for k in range(x.ndim)]
    return part_of(x, starts, once, steps).broadcast_to(sizes)


def _check(x: Tensor, axis: int, low: Extent, high: Extent, taken: _Taken) -> None:
    extent = x.shape[axis]
    if any(isinstance(width, int) and width < 0 for width in (low, high)):
        raise ShapeError(f"padding counts are not negative: {low}, {high}; slice to remove elements")
    most = extent - 1 if taken is _reflected else extent if taken is _wrapped else None
    for width in (low, high):
        rest = 0 if most is None else most - width
        is_none = most is None and extent == 0 and width != 0
        if is_none or (isinstance(rest, int) and rest < 0):
            raise ShapeError(
                f"{width} elements of padding are taken from the {extent} of axis {axis}, which has too few: "
                f"{describe(x.node)}"
            )
