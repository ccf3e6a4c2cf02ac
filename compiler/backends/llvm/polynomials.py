"""Which sums of a formula are rounded once.

The sums of a polynomial are rounded once where the processor can do that: a literal's multiple that nothing
else reads, and a literal or a variable that is in the multiple too. Other products are rounded before they
are added, or `x * x - y * y` and `0.1 * x - 0.1 * y` would not be 0 at x = y, nor `0.1 * x - y` where a
`where` beside it finds both equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

from compiler.ir.formula.tape import Const, Ref, TypedLine


class Multiple(NamedTuple):
    """The operand of a sum that is a literal times a value, and its place among the operands."""

    place: int
    factor: Const
    value: int


class Polynomials:
    """Which sums of a formula's lines are those of a polynomial."""

    def __init__(self, lines: Sequence[TypedLine], result: Ref, first: int) -> None:
        self.lines, self.first = lines, first
        self.uses = Counter(ref for typed in lines for ref in typed.line.arguments)
        self.uses[result] += 1
        self.variables = [1 << place for place in range(first)]
        """Of each value the variables that are in it, as bits."""
        for typed in lines:
            found = 0
            for ref in typed.line.arguments:
                found |= self.variables[ref] if isinstance(ref, int) else 0
            self.variables.append(found)

    def multiple(self, typed: TypedLine) -> Multiple | None:
        """The multiple that a line adds or takes away, in one dtype throughout; None where there is none."""
        if typed.line.atom not in ("add", "sub") or not typed.reads.is_float:
            return None
        for place, ref in enumerate(typed.line.arguments):
            other = typed.line.arguments[1 - place]
            product = self.lines[ref - self.first] if isinstance(ref, int) and ref >= self.first else None
            if product is None or product.line.atom != "mul" or self.uses[ref] > 1:
                continue
            if product.reads is typed.reads and product.dtype is typed.reads:
                for factor, value in permutations(product.line.arguments):
                    if isinstance(factor, Const) and isinstance(value, int) and self._is_beside(other, value):
                        return Multiple(place, factor, value)
        return None

    def _is_beside(self, other: Ref, value: int) -> bool:
        """Whether one is a literal, or a variable that is in a value."""
        if isinstance(other, Const):
            return True
        return other < self.first and bool(self.variables[value] >> other & 1)
