"""Loops, unrolled: what each iteration makes is given to the next, or kept for the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from compiler.ir.scope import scope
from tinytorch.onnx.calling.operator import Call, Known, operator
from tinytorch.onnx.calling.rows import piece_of, rows_of, stacked
from tinytorch.onnx.calling.values import (
    Failed,
    NotKnown,
    Unsupported,
    Value,
    dtype_name,
    known_of,
    shape_of,
    tensor_of,
)
from tinytorch.ops.elementwise import logical_and, where
from tinytorch.ops.making import zeros
from tinytorch.tensor import Tensor

_UNROLLED: Final = "Unrolled: the number of iterations is known before a call"
MOST_MASKED: Final = 256
"""Iterations of a loop whose condition depends on data, all of which are computed."""


@operator("Loop", since=1, limits=f"{_UNROLLED}, or bounded by {MOST_MASKED} with nothing stacked.")
def loop(
    trips: Known | None, condition: Value, *carried: Value, body: Any, call: Call
) -> tuple[Value, ...]:  # fmt: skip
    """A graph that runs a number of times, or as long as a condition of its own holds.

    The body takes the iteration, the condition and what is carried; it gives the condition, what is carried
    on, and what is stacked over all iterations. A condition that depends on data ends a loop that has a bound
    of few iterations: all of them are computed, of a body that is pure, and what is carried is kept from the
    one on that the condition forbids. Nothing can be stacked then, for how much is not known.
    """
    if trips is None and condition is None:
        raise Unsupported("it has neither a number of iterations nor a condition, and would not end")
    state, kept = list(carried), list[list[Value]]()
    proceed: Value = np.array(True) if condition is None else condition
    bound, alive, count = None if trips is None else int(trips.reshape(-1)[0]), None, 0
    while bound is None or count < bound:
        holds = _holds(proceed, count, bound)
        if holds is False:
            break
        with scope(f"iteration.{count}"):
            found = call.run(body, [np.array(count), proceed, *state])
        if any(isinstance(item, Failed) for item in found):
            return tuple(Failed() for _ in call.outputs)
        proceed = np.array(True) if condition is None else found[0]
        following, rows = found[1 : len(carried) + 1], found[len(carried) + 1 :]
        if isinstance(holds, Tensor):
            alive = holds if alive is None else logical_and(alive, holds)
        state = following if alive is None else _advanced(alive, following, state, rows)
        kept.append(rows)
        count += 1
    if not kept:
        return (*state, *_no_rows(call.run(body, [np.array(0), proceed, *state])[len(carried) + 1 :]))
    return (*state, *(stacked(column, 0) for column in zip(*kept, strict=True)))


def _holds(condition: Value, iteration: int, bound: int | None) -> bool | Tensor:
    """Whether it goes on; a tensor where only a call knows that, and the iterations are few."""
    try:
        return bool(known_of(condition).reshape(-1)[0])
    except NotKnown as error:
        if bound is not None and bound <= MOST_MASKED:
            return tensor_of(condition).reshape(())
        error.place(f"condition, at iteration {iteration}")
        raise


def _advanced(
    alive: Tensor, following: Sequence[Value], state: Sequence[Value], rows: Sequence[Value]
) -> list[Value]:
    """What an iteration makes of a state, if it takes place."""
    if rows:
        raise _refused("it stacks a row for each iteration", alive)
    for new, old in zip(following, state, strict=True):
        if any(item is None or isinstance(item, list) for item in (new, old)):
            raise _refused("it carries a sequence or an optional value", alive)
        if (shape_of(new), dtype_name(new)) != (shape_of(old), dtype_name(old)):
            kinds = [f"{dtype_name(item)}[{', '.join(map(str, shape_of(item)))}]" for item in (new, old)]
            raise _refused(f"it carries on {' for '.join(kinds)}", alive)
    pairs = zip(following, state, strict=True)
    return [where(alive, tensor_of(new), tensor_of(old)) for new, old in pairs]


def _refused(text: str, alive: Tensor) -> Unsupported:
    unknown = NotKnown(alive)
    error = Unsupported(f"{text}, and its condition: {unknown}")
    error.wanted = unknown.wanted
    return error


def _no_rows(rows: Sequence[Value], axes: Sequence[int] = ()) -> list[Value]:
    """What a loop that never runs has stacked: no rows, of the types that its body would have made."""
    every = zip(rows, axes or [0] * len(rows), strict=True)
    return [
        row if isinstance(row, Failed) else piece_of(stacked([row], axis), axis, 0, 0) for row, axis in every
    ]


def _row_like(value: Value, axis: int) -> Value:
    """Zeros for a row of what has none."""
    shape = list(shape_of(value))
    del shape[axis]
    return zeros(shape, dtype=dtype_name(value))


@operator("Scan", since=8, limits=f"{_UNROLLED}, and no lengths of sequences.")
def scan_8(
    lengths: Value, *values: Value, body: Any, num_scan_inputs: int, directions: list[int] | None = None,
    call: Call,
) -> tuple[Value, ...]:  # fmt: skip
    """The scan of each sequence of a batch, which is the first axis of everything."""
    if lengths is not None:
        raise Unsupported("sequences of different lengths in one batch")
    sequences = zip(*(rows_of(value, 0) for value in values), strict=True)
    every = [
        scan(*row, body=body, num_scan_inputs=num_scan_inputs, scan_input_directions=directions, call=call)
        for row in sequences
    ]
    if any(isinstance(item, Failed) for row in every for item in row):
        return tuple(Failed() for _ in call.outputs)
    return tuple(stacked(column, 0) for column in zip(*every, strict=True))


@operator("Scan", since=9, limits=f"{_UNROLLED}.")
def scan(
    *values: Value, body: Any, num_scan_inputs: int, scan_input_axes: list[int] | None = None,
    scan_output_axes: list[int] | None = None, scan_input_directions: list[int] | None = None,
    scan_output_directions: list[int] | None = None, call: Call,
) -> tuple[Value, ...]:  # fmt: skip
    """A graph that runs once for each row of its last inputs, and carries on what its first ones are.

    Axes say along which rows are taken and stacked, directions of 1 that the last row is the first. The
    number of rows has to be a number, not symbolic.
    """
    state = list(values[: len(values) - num_scan_inputs])
    scanned = values[len(state) :]
    axes, ways = _each(scan_input_axes, len(scanned)), _each(scan_input_directions, len(scanned))
    columns = [
        _turned(rows_of(value, axis), way) for value, axis, way in zip(scanned, axes, ways, strict=True)
    ]
    kept: list[list[Value]] = []
    for step, row in enumerate(zip(*columns, strict=True)):
        with scope(f"iteration.{step}"):
            found = call.run(body, [*state, *row])
        if any(isinstance(item, Failed) for item in found):
            return tuple(Failed() for _ in call.outputs)
        kept.append(found[len(state) :])
        state = found[: len(state)]
    if not kept:
        rows = [_row_like(value, axis) for value, axis in zip(scanned, axes, strict=True)]
        made = call.run(body, [*state, *rows])[len(state) :]
        return (*state, *_no_rows(made, _each(scan_output_axes, len(made))))
    made = list(zip(*kept, strict=True))
    axes, ways = _each(scan_output_axes, len(made)), _each(scan_output_directions, len(made))
    rows = zip(made, axes, ways, strict=True)
    return (*state, *(stacked(_turned(column, way), axis) for column, axis, way in rows))


def _each(given: list[int] | None, count: int) -> list[int]:
    return given or [0] * count


def _turned(rows: Sequence[Value], direction: int) -> Sequence[Value]:
    return rows[::-1] if direction else rows
