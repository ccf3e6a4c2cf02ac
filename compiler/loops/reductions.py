"""Reductions in words: what changes nothing, one more item, and what lanes come to.

The largest or smallest float is kept beside a flag that a NaN was seen: that is one instruction, which loses
NaN, and one comparison. A search keeps a value and its place; the first of equals wins, and a NaN over all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT64, DType, Scalar
from compiler.loops.language import Literal, Value
from compiler.loops.mathematics.elementary import maximum, minimum
from compiler.loops.mathematics.words import Lanes, Operand


def identity(reducer: Reducer, dtype: DType) -> Scalar:
    """The identity element of a reducer: what changes no result. Of a search, the value that loses."""
    if reducer is Reducer.SUM:
        return 0.0 if dtype.is_float else 0
    if reducer is Reducer.PROD:
        return 1.0 if dtype.is_float else 1
    is_min = reducer.prefers_less
    if dtype.is_float:
        return math.inf if is_min else -math.inf
    if dtype is BOOL:
        return is_min
    bits = dtype.size * 8 - 1
    return (1 << bits) - 1 if is_min else -(1 << bits)


def accumulator(reducer: Reducer, value: DType) -> DType:
    """The dtype in which values are added up or multiplied: of float32 float64."""
    return FLOAT64 if reducer.has_identity and value is FLOAT32 else value


def fold_atom(reducer: Reducer) -> str:
    """The atom that joins two results of a reducer that is no search."""
    if reducer.has_identity:
        return "add" if reducer is Reducer.SUM else "mul"
    return "minimum" if reducer.prefers_less else "maximum"


def flags_nan(reducer: Reducer, dtype: DType) -> bool:
    """Whether a reduction's state has a flag beside its value."""
    return reducer in (Reducer.MAX, Reducer.MIN) and dtype.is_float


def empty(reducer: Reducer, dtype: DType) -> tuple[Literal, ...]:
    """The state of a reduction, in a dtype, of nothing."""
    first = Literal.of(identity(reducer, dtype), dtype)
    if reducer.is_search:
        return first, Literal.of(0, INT64)
    return (first, Literal.of(False, BOOL)) if flags_nan(reducer, dtype) else (first,)


def folded(
    m: Lanes, reducer: Reducer, state: Sequence[Operand], item: Sequence[Operand], mask: Operand | None
) -> tuple[Operand, ...]:
    """A state with one more item in each lane of `mask`. The words are those of the value."""
    if reducer.is_search:
        return _better(m, reducer, state, item, mask)
    value = item[0] if mask is None else m.select(mask, item[0], identity(reducer, m.dtype))
    if flags_nan(reducer, m.dtype):
        best, is_nan = state
        is_better = m.lt(value, best) if reducer.prefers_less else m.gt(value, best)
        return m.select(is_better, value, best), m.truths.or_(is_nan, m.is_nan(value))
    return (_joined(m, reducer, state[0], value),)


def _joined(m: Lanes, reducer: Reducer, a: Operand, b: Operand) -> Operand:
    """Two partial results as one; NaN wins."""
    if reducer.has_identity:
        return m.add(a, b) if reducer is Reducer.SUM else m.mul(a, b)
    return minimum(m, a, b) if reducer.prefers_less else maximum(m, a, b)


def _better(
    m: Lanes, reducer: Reducer, state: Sequence[Operand], item: Sequence[Operand], mask: Operand | None
) -> tuple[Operand, ...]:
    is_better = _beats(m, reducer, item[0], state[0])
    if mask is not None:
        is_better = m.truths.and_(is_better, mask)
    return m.select(is_better, item[0], state[0]), m.of(INT64).select(is_better, item[1], state[1])


def _beats(m: Lanes, reducer: Reducer, a: Operand, b: Operand) -> Operand:
    """Whether a comes before b in the order of a search: larger or smaller, or NaN where b is none."""
    if not m.dtype.is_float:
        return m.lt(a, b) if reducer.prefers_less else m.gt(a, b)
    truths = m.truths
    loses = m.ge(a, b) if reducer.prefers_less else m.le(a, b)
    return truths.and_(truths.not_(loses), truths.not_(m.is_nan(b)))


def result(m: Lanes, reducer: Reducer, state: Sequence[Operand]) -> Operand:
    """The result in each lane of a state. The words are those of the value."""
    if reducer.is_search:
        return state[1]
    return m.select(state[1], math.nan, state[0]) if flags_nan(reducer, m.dtype) else state[0]


def joined(m: Lanes, reducer: Reducer, state: Sequence[Operand]) -> Operand:
    """The result of all lanes of a state, halves first."""
    if reducer.is_search:
        return _first_best(m, reducer, state)
    total = state[0]
    for half in _halves(m):
        total = _joined(half, reducer, _part("low", half, total), _part("high", half, total))
    total = _lane(m, total, 0)
    if flags_nan(reducer, m.dtype):
        return result(m.wide(0), reducer, (total, m.writer.let("any", BOOL, state[1])))
    return total


def _halves(m: Lanes) -> list[Lanes]:
    """The words of half as many lanes, of a quarter, ..., of one."""
    count, found = m.lanes, list[Lanes]()
    while count > 1:
        count //= 2
        found.append(m.wide(count))
    return found


def _part(atom: str, half: Lanes, vector: Operand) -> Value:
    return half.writer.let(atom, half.dtype, vector, lanes=half.lanes)


def _lane(m: Lanes, vector: Operand, number: int) -> Value:
    return m.writer.let("lane", vector.dtype, Literal.of(number, INT64), vector)


def _first_best(m: Lanes, reducer: Reducer, state: Sequence[Operand]) -> Operand:
    """The place of the lane that is best, the least place of those that are equally good."""
    best, place = state
    for half in _halves(m):
        places, truths = half.of(INT64), half.truths
        (a, b), (here, there) = _parts(half, best), _parts(places, place)
        wins, loses = _beats(half, reducer, b, a), _beats(half, reducer, a, b)
        wins = truths.or_(wins, truths.and_(truths.not_(loses), places.lt(there, here)))
        best, place = half.select(wins, b, a), places.select(wins, there, here)
    return _lane(m, place, 0)


def _parts(half: Lanes, vector: Operand) -> tuple[Value, Value]:
    return _part("low", half, vector), _part("high", half, vector)
