"""Shapes that are computed from shapes: operators on known integers, which extents follow.

A model of a symbolic batch asks for the shape of a value, takes it apart, computes with it and puts it
together again. On arrays of extents NumPy does the same with polynomials, and what comes out is no data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np

from compiler.ir.dims import Dim
from tinytorch.onnx.calling.values import Array, Unsupported, Value, Weight, has_extents

_SMALL: Final = 1024
"""Elements up to which integers are folded here; more are data."""


def fold(name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> list[Value] | None:
    """What an operator makes of known integers; None where it is none of these, or they are too many."""
    function = _FOLDS.get(name)
    arrays = [value.array if isinstance(value, Weight) else value for value in inputs]
    if function is None or not all(item is None or _is_small(item) for item in arrays):
        return None
    try:
        found = function(*arrays, **attributes)
    except (TypeError, ValueError, IndexError):
        return None  # the operator's own function says what is wrong
    return None if found is None else [np.asarray(item) for item in found]


def _is_small(value: Any) -> bool:
    if not isinstance(value, np.ndarray):
        return False
    array = cast("Array", value)
    return array.size <= _SMALL and (array.dtype.kind in "bi" or has_extents(array))


def _identity(data: Array) -> list[Any]:
    return [data]


def _gather(data: Array, indices: Array, *, axis: int = 0) -> list[Any]:
    return [np.take(data, indices.astype(np.int64), axis)]


def _concat(*items: Array, axis: int) -> list[Any]:
    return [np.concatenate(items, axis)]


def _negative(data: Array) -> list[Any]:
    return [-data]


def _elementwise(function: Callable[[Any, Any], Any]) -> Callable[..., list[Any]]:
    def compute(*inputs: Array) -> list[Any]:
        result = inputs[0]
        for item in inputs[1:]:
            result = _narrowed(np.frompyfunc(function, 2, 1)(result, item), result, item)
        return [result]

    return compute


def _narrowed(found: Any, *inputs: Array) -> Array:
    """Numbers again where no extent is left."""
    array = np.asarray(found, dtype=object)
    if has_extents(array):
        return array
    if any(isinstance(item, bool | np.bool_) for item in array.flat):
        return array.astype(bool)
    kinds = [item.dtype for item in inputs if item.dtype != object]
    return array.astype(kinds[0] if kinds and kinds[0].kind == "i" else np.int64)


def _quotient(a: Any, b: Any) -> Any:
    if isinstance(a, Dim) or isinstance(b, Dim):
        try:
            return a // b
        except TypeError as error:
            raise Unsupported(f"{a} / {b} is no extent") from error
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _slice(
    data: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None
) -> Any:
    if any(has_extents(item) for item in (starts, ends)):
        return None
    chosen = [slice(None)] * data.ndim
    every = range(len(starts)) if axes is None else axes
    strides = [1] * len(starts) if steps is None else steps
    for axis, start, end, step in zip(every, starts, ends, strides, strict=True):
        chosen[int(axis)] = slice(
            int(start), None if step < 0 and end < -data.shape[axis] else int(end), int(step)
        )
    return [data[tuple(chosen)]]


def _unsqueeze(data: Array, axes: Any) -> list[Any]:
    return [np.expand_dims(data, tuple(int(axis) for axis in np.reshape(axes, -1)))]


def _squeeze(data: Array, axes: Any = None) -> list[Any]:
    return [np.squeeze(data, None if axes is None else tuple(int(axis) for axis in np.reshape(axes, -1)))]


def _product(
    data: Array, axes: Array | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
) -> Any:
    if axes is not None or noop_with_empty_axes:
        return None
    total: Any = 1
    for item in data.flat:
        total = total * item
    return [_narrowed(np.reshape(np.array(total, dtype=object), (1,) * data.ndim if keepdims else ()), data)]


def _cast(data: Array, *, to: int, **_: Any) -> Any:
    return [data] if to == 7 and data.dtype.kind != "b" else None  # 7: int64


def _reshape(data: Array, shape: Array, *, allowzero: int = 0) -> Any:
    return (
        None if has_extents(shape) or (allowzero or 0 in shape) else [data.reshape([int(i) for i in shape])]
    )


def _where(condition: Array, a: Array, b: Array) -> Any:
    if has_extents(condition):
        return None
    return [_narrowed(np.where(condition, a.astype(object), b.astype(object)), a, b)]


_FOLDS: Final[Mapping[str, Callable[..., Any]]] = {
    "Identity": _identity,
    "Gather": _gather,
    "Concat": _concat,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Cast": _cast,
    "Add": _elementwise(lambda a, b: a + b),
    "Sub": _elementwise(lambda a, b: a - b),
    "Mul": _elementwise(lambda a, b: a * b),
    "Div": _elementwise(_quotient),
    "Neg": _negative,
    "Equal": _elementwise(lambda a, b: a == b),
    "ReduceProd": _product,
    "Where": _where,
}
