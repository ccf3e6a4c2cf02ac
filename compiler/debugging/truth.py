"""The value of one element of a graph at 150 digits, and how far rounding may move it.

What the element is made from is pulled: back to leaves, or to values that are taken as they were computed.
How far rounding may move it is tried out: each step is made once more with a random error of one unit in its
last place (the stochastic arithmetic of Vignes, "A stochastic arithmetic for reliable scientific
computation", Mathematics and Computers in Simulation 35, 1993).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from compiler.debugging.elements import Element, Pulled
from compiler.debugging.margins import Values
from compiler.ir.bfloat16 import float_limits
from compiler.ir.formula.precise import mpmath_context
from compiler.ir.node import Node
from compiler.ir.numbers import is_floating

_SAMPLES: Final = 3
_UNITS: Final = 8.0
"""How many times as far as the samples of rounding a value may lie from the truth."""


@dataclass(frozen=True)
class Truth:
    """An element's value as a number of mpmath (or a bool), and others to which rounding may move it."""

    value: Any
    rounded: tuple[Any, ...]

    def allows(self, found: Any, was: Any, tolerance: float, spread: Any = 0) -> bool:
        """Whether a computed value that is not `was`, which another form gave, is as good as that.

        `tolerance` is relative; `spread` is how far rounding may move the form that computed it.
        """
        if not is_floating(was.dtype):
            return any(bool(item == found.item()) for item in (self.value, *self.rounded))
        mp = mpmath_context()
        if not mp.isfinite(self.value):
            # It has no value; beside it there may be one, or none of another kind.
            return any(_is_like(item, found) for item in (self.value, *self.rounded))
        limits = float_limits(was.dtype)
        allowed = tolerance * abs(self.value) + _UNITS * (self.spread + spread) + float(limits.tiny)
        if np.isfinite(found):
            off = abs(mp.mpf(float(found)) - self.value)
            has_place = bool(np.isfinite(was)) and abs(self.value) <= float(limits.max)
            is_nearer = has_place and off <= abs(mp.mpf(float(was)) - self.value)
            return bool(off <= allowed) or is_nearer
        may_overflow = abs(self.value) + allowed > float(limits.max)
        return not np.isfinite(was) or bool(may_overflow or allowed > abs(self.value) > 0)

    @cached_property
    def spread(self) -> Any:
        """How far the others lie from the value."""
        mp = mpmath_context()
        apart = [abs(item - self.value) if mp.isfinite(item) else mp.inf for item in self.rounded]
        return max(apart, default=mp.zero) if mp.isfinite(self.value) else mp.zero

    def __str__(self) -> str:
        mp = mpmath_context()
        return str(self.value) if isinstance(self.value, bool) else mp.nstr(self.value, 9)


def truth_of(
    element: Element,
    values: Values,
    taken: Collection[Node],
    sizes: Mapping[str, int],
    *,
    as_is: bool = False,
) -> Truth:
    """The truth about an element, made from the values of `taken` nodes. Raises TooFarError.

    What has overflowed or underflowed among these is computed anew, unless values are taken `as_is`; then
    a step that underflows may also be 0.
    """
    pulled = Pulled(values, taken, sizes, as_is=as_is)
    exact = pulled.value(element, None)
    return Truth(exact, tuple(pulled.value(element, random.Random(seed)) for seed in range(_SAMPLES)))


def _is_like(value: Any, found: Any) -> bool:
    """Whether a value is finite, or no number of the kind that was found."""
    mp = mpmath_context()
    if mp.isfinite(value):
        return True
    return bool(np.isnan(found)) if mp.isnan(value) else bool(found == float(value))
