"""Sequences and optionals, which are lists of values and None while a model is built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from compiler.ir.scope import scope
from tinytorch.onnx.calling.operator import Call, Known, operator
from tinytorch.onnx.calling.rows import joined, piece_of, place_in, rows_of, stacked
from tinytorch.onnx.calling.values import Array, Failed, Unsupported, Value, shape_of
from tinytorch.onnx.reading.limits import MOST_UNROLLED


@operator("SequenceConstruct", since=11)
def construct(*inputs: Value) -> Value:
    """The sequence of some values."""
    return list(inputs)


@operator("SequenceEmpty", since=11)
def empty(*, dtype: int = 1) -> Value:
    """A sequence of nothing."""
    return []


@operator("SequenceLength", since=11)
def length(sequence: Value) -> Array:
    """How many values there are."""
    return np.array(len(_listed(sequence)))


@operator("SequenceAt", since=11)
def at(sequence: Value, position: Known) -> Value:
    """One of the values; negative positions count from the end."""
    every = _listed(sequence)
    return every[_place(position, len(every))]


@operator("SequenceInsert", since=11)
def insert(sequence: Value, tensor: Value, position: Known | None = None) -> Value:
    """The sequence with one value more, before a position or at the end."""
    every = _listed(sequence)
    place = len(every) if position is None else _place(position, len(every), also=1)
    return [*every[:place], tensor, *every[place:]]


@operator("SequenceErase", since=11)
def erase(sequence: Value, position: Known | None = None) -> Value:
    """The sequence without one value, the last one unless it is said which."""
    every = _listed(sequence)
    place = _place(np.array(-1) if position is None else position, len(every))
    return [*every[:place], *every[place + 1 :]]


@operator("SplitToSequence", since=11)
def split(data: Value, sizes: Known | None = None, *, axis: int = 0, keepdims: int = 1) -> Value:
    """The pieces of a tensor along an axis: of sizes, of one size (the last may be smaller), or of 1."""
    shape = shape_of(data)
    place = place_in(axis, len(shape))
    if sizes is None and not keepdims:
        return rows_of(data, place)
    extent = shape[place]
    if not isinstance(extent, int):
        raise Unsupported(f"the extent {extent} of axis {axis} has to be a number")
    if sizes is None or sizes.ndim == 0:
        step = 1 if sizes is None else int(sizes)
        if extent > MOST_UNROLLED * step:
            raise Unsupported(f"an axis of {extent} is more pieces of {step} than a graph may have nodes")
        starts = list(range(0, extent, step))
    else:
        starts = [0, *np.cumsum(sizes[:-1]).tolist()]
    return [
        piece_of(data, place, start, stop) for start, stop in zip(starts, [*starts[1:], extent], strict=True)
    ]


@operator("ConcatFromSequence", since=11)
def concatenated(sequence: Value, *, axis: int, new_axis: int = 0) -> Value:
    """The values one behind the other along an axis, or beside each other along a new one."""
    every = _listed(sequence)
    if not every:
        raise Unsupported("the sequence is empty, and nothing says what comes of it")
    return stacked(every, axis) if new_axis else joined(every, axis)


@operator("SequenceMap", since=17)
def mapped(sequence: Value, *additional: Value, body: Any, call: Call) -> tuple[Value, ...]:
    """What a graph makes of each value, and of those of other sequences at its place."""
    made: list[list[Value]] = []
    for step, item in enumerate(_listed(sequence)):
        beside = [other[step] if isinstance(other, list) else other for other in additional]
        with scope(f"iteration.{step}"):
            found = call.run(body, [item, *beside])
        if any(isinstance(value, Failed) for value in found):
            return tuple(Failed() for _ in call.outputs)
        made.append(found)
    if not made:
        return tuple([] for _ in body.output)
    return tuple(_lists(zip(*made, strict=True)))


@operator("Optional", since=15)
def optional(value: Value = None, *, type: Any = None) -> Value:
    """A value, or none of a type."""
    return value


@operator("OptionalHasElement", since=15)
def has_element(value: Value = None) -> Array:
    """Whether there is a value."""
    return np.array(value is not None)


@operator("OptionalGetElement", since=15)
def element(value: Value) -> Value:
    """The value that is there."""
    if value is None:
        raise Unsupported("the optional value is absent, and its element is asked for")
    return value


def _lists(columns: Iterable[Sequence[Value]]) -> list[Value]:
    return [list(column) for column in columns]


def _listed(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise Unsupported("a sequence is wanted")
    return value


def _place(position: Array, count: int, also: int = 0) -> int:
    """A position counted from the front; `also` is 1 where the end is one, too."""
    index = int(position.reshape(-1)[0])
    if not -count <= index < count + also:
        raise Unsupported(f"there is no position {index} in a sequence of {count}")
    return index + count if index < 0 else index
