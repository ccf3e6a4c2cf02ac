"""sigmoid(x) and sigmoid(-x), which a function and its slope need, by one exponential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from compiler.backends.numpy.atoms import reaches_infinity
from compiler.ir.formula.tape import Ref, TypedLine
from compiler.ir.types import DType, Weak

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Pairs:
    """For the first sigmoid of a pair the second one, and the negatives that nobody else needs, by number."""

    second: Mapping[int, int]
    unneeded: frozenset[int]


def find_pairs(lines: Sequence[TypedLine], dtypes: Sequence[DType | Weak]) -> Pairs:
    """The pairs among lines; `dtypes` are those of parameters and lines."""
    first = len(dtypes) - len(lines)
    second: dict[int, int] = {}
    unneeded: set[int] = set()
    of = {typed.line.arguments[0]: k for k, typed in enumerate(lines, first) if typed.line.atom == "sigmoid"}
    uses = [ref for typed in lines for ref in typed.line.arguments]
    for k, typed in enumerate(lines, first):
        if typed.line.atom != "neg" or not isinstance(typed.line.arguments[0], int):
            continue
        one, other = of.get(k), of.get(typed.line.arguments[0])
        sigmoids_read = {dtypes[ref] for ref in (k, typed.line.arguments[0], one, other) if ref is not None}
        if one is None or other is None or len(sigmoids_read) > 1 or isinstance(dtypes[k], Weak):
            continue
        second[min(one, other)] = max(one, other)
        if other < one and uses.count(k) == 1:
            unneeded.add(k)
    return Pairs(second, frozenset(unneeded))


def as_number(ref: Ref) -> int:
    """A value that is no literal."""
    assert isinstance(ref, int)
    return ref


def sigmoids(x: Array, out: Array, opposite: Array) -> None:
    """s = sigmoid(x) and sigmoid(-x) = e s with e = exp(-x), or both by exp(-|x|) where that is infinite."""
    if not reaches_infinity(x, out):
        np.negative(x, out=opposite)
        np.exp(opposite, out=opposite)
        np.add(opposite, 1, out=out)
        np.reciprocal(out, out=out)
        np.multiply(opposite, out, out=opposite)
        return
    small = np.exp(-np.abs(x))
    low = small / (1 + small)
    is_above = x >= 0
    np.copyto(out, np.where(is_above, 1 - low, low))
    np.copyto(opposite, np.where(is_above, low, 1 - low))
