"""Loops, unrolled: what each iteration makes is given to the next, or kept for the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compiler.ir.scope import scope
from tinytorch.onnx.calling.operator import Call, Known, operator
from tinytorch.onnx.calling.rows import piece_of, rows_of, stacked
from tinytorch.onnx.calling.values import Failed, NotKnown, Unsupported, Value, dtype_name, known_of, shape_of
from tinytorch.ops.making import zeros

_UNROLLED = "Unrolled: the number of iterations is known before a call"


@operator("Loop", since=1, limits=f"{_UNROLLED}.")
def loop(
    trips: Known | None, condition: Value, *carried: Value, body: Any, call: Call
) -> tuple[Value, ...]:  # fmt: skip
    """A graph that runs a number of times, or as long as a condition of its own holds.

    The body takes the iteration, the condition and what is carried; it gives the condition, what is carried
    on, and what is stacked over all iterations. Both bounds have to be known, while the model is built: a
    condition that depends on data is not supported.
    """
    if trips is None and condition is None:
        raise Unsupported("it has neither a number of iterations nor a condition, and would not end")
    state, kept = list(carried), list[list[Value]]()
    proceed: Value = np.array(True) if condition is None else condition
    count = 0
    while (trips is None or count < int(trips.reshape(-1)[0])) and _holds(proceed, count):
        with scope(f"iteration.{count}"):
            found = call.run(body, [np.array(count), proceed, *state])
        if any(isinstance(item, Failed) for item in found):
            return tuple(Failed() for _ in call.outputs)
        proceed = np.array(True) if condition is None else found[0]
        state = found[1 : len(carried) + 1]
        kept.append(found[len(carried) + 1 :])
        count += 1
    if not kept:
        return (*state, *_no_rows(call.run(body, [np.array(0), proceed, *state])[len(carried) + 1 :]))
    return (*state, *(stacked(column, 0) for column in zip(*kept, strict=True)))


def _holds(condition: Value, iteration: int) -> bool:
    try:
        return bool(known_of(condition).reshape(-1)[0])
    except NotKnown as error:
        error.place(f"condition, at iteration {iteration}")
        raise


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
