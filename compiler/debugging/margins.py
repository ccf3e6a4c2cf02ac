"""How far two evaluations of a value may lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np

from compiler.backends.contract import Array
from compiler.ir.bfloat16 import float_limits
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.numbers import is_floating

Values: TypeAlias = Mapping[Node, Array]

TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
"""How far from the oracle a value may be, relative to the largest magnitude that it is made from."""

JUDGED: Final = 4
"""Elements of a value that are looked at closely, of those that differ and are finite, and of others."""


def margins(graph: Graph, values: Values) -> dict[Node, float]:
    """How far from the oracle each value may be.

    The tolerance of the coarsest dtype that it is made from, times the largest finite magnitude of what it is
    made from.
    """
    largest: dict[Node, float] = {}
    for node in graph.nodes:
        largest[node] = max(magnitude(values[node]), *(largest[operand] for operand in node.operands), 1.0)
    return {node: largest[node] * tolerance for node, tolerance in tolerances(graph).items()}


def tolerances(graph: Graph) -> dict[Node, float]:
    """The tolerance of the coarsest dtype that each value is made from."""
    coarsest: dict[Node, float] = {}
    for node in graph.nodes:
        own = TOLERANCE.get(node.type.dtype.value, 0.0)
        coarsest[node] = max(own, *(coarsest[operand] for operand in node.operands), 0.0)
    return coarsest


def magnitude(array: Array) -> float:
    """The largest finite magnitude in an array."""
    finite = np.abs(array[np.isfinite(array)].astype(np.float64))
    return float(finite.max()) if finite.size else 0.0


def disagreement(found: Array, expected: Array, margin: float) -> str | None:
    """Where two arrays differ by more than a margin; None if they agree.

    bools and ints agree exactly, and NaN and infinities stand in the same places.
    """
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"it is {found.dtype}{list(found.shape)} and not {expected.dtype}{list(expected.shape)}"
    differs = apart(found, expected, margin)
    if not differs.any():
        return None
    place = tuple(int(axis) for axis in np.argwhere(differs)[0])
    return f"at {list(place)} it is {found[place]} and the oracle says {expected[place]}"


def apart(found: Array, expected: Array, margin: float | Array) -> Array:
    """Where two arrays differ by more than a margin."""
    with np.errstate(all="ignore"):
        same = np.asarray(found == expected)
        if is_floating(expected.dtype):
            same |= np.isnan(found) & np.isnan(expected)
            same |= np.abs(found - expected) <= margin
    return ~same


def relative_margin(found: Array, expected: Array, tolerance: float) -> float | Array:
    """A margin for each element by itself: a share of it, and the least normal number."""
    if not is_floating(expected.dtype):
        return 0.0
    with np.errstate(all="ignore"):
        larger = np.maximum(np.abs(found), np.abs(expected))
        return np.where(np.isfinite(larger), larger * tolerance, 0) + float_limits(expected.dtype).tiny


def worst(found: Array, expected: Array, differs: Array) -> list[tuple[int, ...]]:
    """Elements that differ: those that do by most, relative to what they were; some that are not finite."""
    if not is_floating(expected.dtype):
        return [tuple(map(int, place)) for place in np.argwhere(differs)[:JUDGED]]
    with np.errstate(all="ignore"):
        is_finite = np.isfinite(expected) & np.isfinite(found)
        share = np.abs(found - expected) / np.maximum(np.abs(expected), float_limits(expected.dtype).tiny)
    ranked = np.argsort(np.where(is_finite & differs, -share, 1), axis=None)
    count = min(JUDGED, int((is_finite & differs).sum()))
    others = np.flatnonzero(differs & ~is_finite)
    chosen: list[int] = [*ranked[:count], *others[:: max(1, len(others) // JUDGED)][:JUDGED]]
    return [tuple(map(int, np.unravel_index(k, expected.shape))) for k in chosen]
