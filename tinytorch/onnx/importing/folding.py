"""Shapes that are computed from shapes: operators on known integers, which extents and texts follow.

A model of a symbolic batch asks for the shape of a value, takes it apart, computes with it and puts it
together again. On arrays of extents NumPy does the same with polynomials, and what comes out is no data.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.ir.types import BOOL
from tinytorch.onnx.calling.reals import Real, Undecided
from tinytorch.onnx.calling.values import Array, Value, Weight, has_extents, has_text
from tinytorch.onnx.importing import extents
from tinytorch.onnx.operators.casts import dtype_in

_SMALL: Final = 1024
"""Elements up to which integers are folded here; more are data."""

Found: TypeAlias = Array | list[Array] | None
"""What an operator makes: one array or several, or None where it is data."""


def fold(name: str, inputs: Sequence[Value], attributes: Mapping[str, Any]) -> list[Value] | None:
    """What an operator makes of known integers; None where it is none of these, or they are too many."""
    function = _FOLDS.get(name)
    arrays = [value.array if isinstance(value, Weight) else value for value in inputs]
    if function is None or not all(item is None or isinstance(item, np.ndarray) for item in arrays):
        return None
    known = cast("list[Array | None]", arrays)
    if any(item is None for item in known[:1]) or not all(
        item is None or _is_small(item, _is_real(known)) for item in known
    ):
        return None
    try:
        found = function(*known, **attributes)
    except (TypeError, ValueError, IndexError, OverflowError, Undecided):
        return None  # the operator's own function says what is wrong, or makes data of it
    if found is None:
        return None
    every = [_narrowed(item) for item in (found if isinstance(found, list) else [found])]
    return list(every) if all(item.size <= _SMALL for item in every) else None


def _is_real(arrays: Sequence[Array | None]) -> bool:
    return any(
        item is not None and item.dtype == object and any(isinstance(each, Real) for each in item.flat)
        for item in arrays
    )


def _is_small(array: Array, real: bool) -> bool:
    kinds = "bif" if real else "bi"
    return array.size <= _SMALL and (array.dtype.kind in kinds or has_extents(array) or has_text(array))


def _narrowed(found: Any, *inputs: Array) -> Array:
    """Numbers again where no extent is left."""
    if isinstance(found, np.ndarray) and cast("Array", found).dtype != object:
        return cast("Array", found)
    array = np.asarray(found, dtype=object)
    items = list(array.flat)
    if any(isinstance(item, Real) for item in items):
        if any(has_extents(np.asarray(item.extent, dtype=object)) for item in items):
            return array
        return array.astype(items[0].dtype)
    if has_extents(array) or has_text(array):
        return array
    if any(isinstance(item, bool | np.bool_) for item in items):
        return array.astype(bool)
    kinds = [item.dtype for item in inputs if item.dtype != object]
    return array.astype(kinds[0] if kinds and kinds[0].kind == "i" else np.int64)


# Of elements


def _each(function: Callable[..., Any]) -> Callable[..., Found]:
    def compute(*inputs: Array, **_: Any) -> Found:
        plain = [np.asarray(item.tolist(), dtype=object).reshape(item.shape) for item in inputs]
        result: Any = plain[0] if len(plain) > 1 else np.frompyfunc(function, 1, 1)(plain[0])
        for item in plain[1:]:
            result = np.frompyfunc(function, 2, 1)(result, item)
        return _narrowed(result, *inputs)

    return compute


def _both(a: bool, b: bool) -> bool:
    return a and b


def _either(a: bool, b: bool) -> bool:
    return a or b


def _where(condition: Array, a: Array, b: Array) -> Found:
    if has_extents(condition):
        return None
    return _narrowed(np.where(condition, a.astype(object), b.astype(object)), a, b)


def _cast(data: Array, *, to: int, **_: Any) -> Found:
    dtype = dtype_in(to)
    if dtype is None:
        return None
    if not has_extents(data):
        return None if dtype.is_float else (data != 0 if dtype is BOOL else data.astype(dtype.numpy))
    if dtype.is_float:
        found = [Real.of(item, str(dtype)) for item in data.flat]
    elif str(dtype) in ("int64", "int32"):
        found = [extents.truncated(item) for item in data.flat]
    else:
        return None
    return _narrowed(np.array([*found, None], dtype=object)[:-1].reshape(data.shape))


def _modulo(a: Array, b: Array, *, fmod: int = 0) -> Found:
    return None if fmod else _each(extents.remainder)(a, b)


# Of arrays


def _identity(data: Array) -> Found:
    return data


def _gather(data: Array, indices: Array, *, axis: int = 0) -> Found:
    return np.asarray(np.take(data, indices.astype(np.int64), axis))


def _concat(*items: Array, axis: int) -> Found:
    return np.concatenate(items, axis)


def _split(data: Array, sizes: Any, *, axis: int = 0, **_: Any) -> Found:
    return list(np.split(data, np.cumsum(_numbers(sizes))[:-1], axis))


def _slice(data: Array, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Found:
    chosen = [slice(None)] * data.ndim
    first, last = _numbers(starts), _numbers(ends)
    every = range(len(first)) if axes is None else _numbers(axes)
    strides = [1] * len(first) if steps is None else _numbers(steps)
    for axis, start, end, step in zip(every, first, last, strides, strict=True):
        chosen[axis] = slice(start, end, step)
    return np.asarray(data[tuple(chosen)])


def _unsqueeze(data: Array, axes: Any) -> Found:
    return np.expand_dims(data, tuple(_numbers(axes)))


def _squeeze(data: Array, axes: Any = None) -> Found:
    return np.squeeze(data, None if axes is None else tuple(_numbers(axes)))


def _reshape(data: Array, shape: Array, *, allowzero: int = 0) -> Found:
    return None if allowzero or 0 in shape else data.reshape(_numbers(shape))


def _expand(data: Array, shape: Array) -> Found:
    wanted: tuple[int, ...] = np.broadcast_shapes(data.shape, tuple(_numbers(shape)))
    return np.broadcast_to(data, wanted).copy() if math.prod(wanted) <= _SMALL else None


def _tile(data: Array, repeats: Array) -> Found:
    return np.tile(data, _numbers(repeats)) if math.prod(_numbers(repeats)) <= _SMALL else None


def _transpose(data: Array, *, perm: list[int] | None = None) -> Found:
    return np.transpose(data, perm)


def _flatten(data: Array, *, axis: int) -> Found:
    return data.reshape(math.prod(data.shape[:axis]), -1) if data.size else None


def _scatter_nd(data: Array, indices: Array, updates: Array, *, reduction: str = "none") -> Found:
    if reduction != "none":
        return None
    found = data.astype(object)
    found[tuple(np.moveaxis(indices.astype(np.int64), -1, 0))] = updates
    return _narrowed(found, data)


def _scatter(data: Array, indices: Array, updates: Array, *, axis: int = 0, reduction: str = "none") -> Found:
    if reduction != "none":
        return None
    found = data.astype(object)
    np.put_along_axis(found, indices.astype(np.int64), updates.astype(object), axis)
    return _narrowed(found, data)


def _compress(data: Array, condition: Array, *, axis: int | None = None) -> Found:
    return np.compress(condition.astype(bool), data, axis)


def _reduction(function: Callable[[Any, Any], Any], first: Any) -> Callable[..., Found]:
    def compute(data: Array, axes: Any = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Found:
        gone = [] if axes is None else _numbers(axes)
        if not gone and noop_with_empty_axes:
            return data
        places = [axis % data.ndim for axis in gone] or list(range(data.ndim))
        if first is None and not data.size:
            return None
        found = np.frompyfunc(function, 2, 1)
        result: Any = np.asarray(data.tolist(), dtype=object).reshape(data.shape)
        for axis in sorted(places, reverse=True):
            options = {} if first is None else {"initial": first}
            result = found.reduce(result, axis=axis, keepdims=bool(keepdims), **options)
        return _narrowed(result, data)

    return compute


def _running(data: Array, axis: Array, *, exclusive: int = 0, reverse: int = 0) -> Found:
    if exclusive or reverse:
        return None
    return _narrowed(np.cumsum(data.astype(object), int(axis.reshape(-1)[0])), data)


def _numbers(items: Any) -> list[int]:
    """Python's ints. Raises SymbolicValueError, a TypeError, for a symbolic extent."""
    return [int(item) for item in np.reshape(items, -1)]


_FOLDS: Final[Mapping[str, Callable[..., Found]]] = {
    "Identity": _identity,
    "Cast": _cast,
    "Where": _where,
    "Gather": _gather,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Expand": _expand,
    "Tile": _tile,
    "Transpose": _transpose,
    "Flatten": _flatten,
    "ScatterND": _scatter_nd,
    "ScatterElements": _scatter,
    "Compress": _compress,
    "CumSum": _running,
    "Add": _each(operator.add),
    "Sub": _each(operator.sub),
    "Mul": _each(operator.mul),
    "Div": _each(extents.quotient),
    "Mod": _modulo,
    "Neg": _each(operator.neg),
    "Floor": _each(extents.rounded),
    "Ceil": _each(extents.rounded_up),
    "Max": _each(extents.largest),
    "Min": _each(extents.smallest),
    "Equal": _each(extents.equal),
    "Less": _each(extents.less),
    "LessOrEqual": _each(extents.at_most),
    "Greater": _each(extents.greater),
    "GreaterOrEqual": _each(extents.at_least),
    "And": _each(_both),
    "Or": _each(_either),
    "Not": _each(operator.not_),
    "ReduceSum": _reduction(operator.add, 0),
    "ReduceProd": _reduction(operator.mul, 1),
    "ReduceMax": _reduction(extents.largest, None),
    "ReduceMin": _reduction(extents.smallest, None),
}
