"""Which sums of a formula are rounded once.

The sums of a polynomial are rounded once where the processor can do that: a literal's multiple that nothing
else reads, and a literal or a variable that is in the multiple too. Other products are rounded before they
are added, or `x * x - y * y` and `0.1 * x - 0.1 * y` would not be 0 at x = y, nor `0.1 * x - y` where a
`where` beside it finds both equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from compiler.ir.formula.tape import Const, Line, Ref, TypedLine


def rounded_once(lines: Sequence[TypedLine], result: Ref, first: int) -> tuple[tuple[TypedLine, ...], Ref]:
    """A formula's lines with `fma(x, y, z)`, x * y + z, and `fms`, x * y - z, where a sum is rounded once.

    `first` is how many variables there are; the result's place is returned too. It is decided of a formula as
    a whole: what members share later changes no bits.
    """
    polynomials = _Polynomials(lines, result, first)
    found = {number: item for number, typed in enumerate(lines) if (item := polynomials.fusion(typed))}
    left_out = {product for product, _ in found.values()}
    kept = [number for number in range(len(lines)) if first + number not in left_out]
    moved = {first + number: first + place for place, number in enumerate(kept)}

    def now(ref: Ref) -> Ref:
        return moved.get(ref, ref) if isinstance(ref, int) else ref

    written: list[TypedLine] = []
    for number in kept:
        line = found[number][1] if number in found else lines[number].line
        arguments = tuple(map(now, line.arguments))
        written.append(replace(lines[number], line=Line(line.atom, arguments)))
    return tuple(written), now(result)


class _Polynomials:
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

    def fusion(self, typed: TypedLine) -> tuple[int, Line] | None:
        """The multiple that a sum has, in one dtype throughout, and the line of both; None without one."""
        if typed.line.atom not in ("add", "sub") or not typed.reads.is_float:
            return None
        for place, ref in enumerate(typed.line.arguments):
            other = typed.line.arguments[1 - place]
            if not isinstance(ref, int) or ref < self.first or self.uses[ref] > 1:
                continue
            product = self.lines[ref - self.first]
            if product.line.atom == "mul" and product.reads is product.dtype is typed.reads:
                for factor, value in permutations(product.line.arguments):
                    if isinstance(factor, Const) and isinstance(value, int) and self._is_beside(other, value):
                        return ref, _fused(typed.line.atom, place, factor, value, other)
        return None

    def _is_beside(self, other: Ref, value: int) -> bool:
        """Whether one is a literal, or a variable that is in a value."""
        if isinstance(other, Const):
            return True
        return other < self.first and bool(self.variables[value] >> other & 1)


def _fused(atom: str, place: int, factor: Const, value: int, other: Ref) -> Line:
    if atom == "sub" and place == 1:
        return Line("fma", (Const(-float(factor.value)), value, other))
    if atom == "sub" and isinstance(other, Const):
        return Line("fma", (factor, value, Const(-float(other.value))))
    return Line("fms" if atom == "sub" else "fma", (factor, value, other))
