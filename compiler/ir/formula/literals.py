"""Numbers of 150 digits as the literals of a formula."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from compiler.ir.formula.precise import close, mpmath_context
from compiler.ir.formula.tape import Const

EXACT_DIGITS: Final = 160
"""Digits to which a literal is known before it is rounded to a float."""

LARGEST_INTEGER: Final = 2**63 - 1
"""Integers beyond this one are written as floats."""

_SAME: Final = 50
"""Digits to which a number is a literal's shortest decimal."""


@dataclass(slots=True)
class Literals:
    """Writes numbers of 150 digits as literals and remembers what was rounded away.

    `given` are literals that stand for themselves.
    """

    exact: dict[float, str] = field(default_factory=dict[float, str])
    given: frozenset[float] = frozenset()

    def __call__(self, value: Any) -> Const:
        mp = mpmath_context()
        nearest = mp.nint(value)
        if close(value, nearest, _SAME) and abs(nearest) <= LARGEST_INTEGER:
            return Const(int(nearest))
        rounded = float(value)
        known = self.exact.get(rounded, repr(rounded) if rounded in self.given else None)
        if known is not None and not close(value, mp.mpf(known), _SAME):
            self.exact[rounded] = repr(rounded)  # two numbers round to this one: neither is meant exactly
        elif known is None and not close(value, mp.mpf(repr(rounded)), _SAME):
            self.exact[rounded] = mp.nstr(value, EXACT_DIGITS)
        return Const(rounded)
