"""Where the value of a formula can lie at finite arguments, and whether it can be infinite or NaN there.

A branch of `where` is judged under its condition, so `where(x > 0, 1, exp(x))` is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from compiler.ir.formula.atoms import COMPARISONS
from compiler.ir.formula.interval_rules import RULES, Range, intersect, join, literal, settle
from compiler.ir.formula.tape import Const, Formula, Line, Ref

_DEEPEST = 6
"""How many nested conditions are remembered; each doubles the work."""


def may_blow_up(formula: Formula) -> bool:
    """Whether the formula can be infinite or NaN at some finite arguments. May say yes wrongly, never no."""
    return _range(formula).blows_up


def value_range(formula: Formula) -> tuple[float, float]:
    """Bounds on the formula's value at finite arguments, where it is not NaN."""
    found = _range(formula)
    return found.low, found.high


def range_at(formula: Formula, given: Sequence[Range]) -> tuple[Range, list[tuple[Line, tuple[Range, ...]]]]:
    """Where the value lies for parameters in the given ranges, and for each line those of its arguments.

    A line stands once for each set of conditions under which it is needed.
    """
    walk = _Walk(formula, given)
    result = walk.range_of(formula.result, _Facts())
    lines: list[tuple[Line, tuple[Range, ...]]] = []
    for ref, facts in list(walk.found):
        line = formula.line(ref)
        if line.atom != "where":
            lines.append((line, tuple(walk.range_of(item, facts) for item in line.arguments)))
    return result, lines


@cache
def _range(formula: Formula) -> Range:
    return _Walk(formula).range_of(formula.result, _Facts())


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the conditions around a value say of others: pairs of a ref and a range that it lies in."""

    known: tuple[tuple[int, Range], ...] = ()
    depth: int = 0

    def narrow(self, ref: Ref, found: Range) -> Range:
        for subject, fact in self.known:
            if subject == ref:
                found = intersect(found, fact)
        return found


class _Walk:
    """The ranges of one formula's lines, each under the conditions of the branches it is needed in."""

    def __init__(self, formula: Formula, given: Sequence[Range] = ()) -> None:
        self.formula = formula
        self.given = given or [Range()] * len(formula.parameters)
        self.found: dict[tuple[int, _Facts], Range] = {}

    def range_of(self, ref: Ref, facts: _Facts) -> Range:
        if isinstance(ref, Const):
            return literal(float(ref.value))
        if ref < len(self.formula.parameters):
            return facts.narrow(ref, self.given[ref])
        pending = [ref]
        while (ref, facts) not in self.found:
            missing = [item for item in self.needs(pending[-1]) if (item, facts) not in self.found]
            if missing:
                pending += missing
            else:
                last = pending.pop()
                self.found[last, facts] = facts.narrow(last, settle(self.compute(last, facts)))
        return self.found[ref, facts]

    def needs(self, ref: int) -> list[int]:
        """The lines that a line reads whatever a condition says."""
        line = self.formula.line(ref)
        read = line.arguments[:1] if line.atom == "where" else line.arguments
        return [item for item in read if isinstance(item, int) and item >= len(self.formula.parameters)]

    def compute(self, ref: int, facts: _Facts) -> Range:
        line = self.formula.line(ref)
        if line.atom == "where":
            return self.where(line, facts)
        if line.atom in ("mul", "zmul") and line.arguments[0] == line.arguments[1]:
            return RULES["pow"](self.range_of(line.arguments[0], facts), literal(2.0))
        return RULES[line.atom](*(self.range_of(item, facts) for item in line.arguments))

    def where(self, line: Line, facts: _Facts) -> Range:
        condition, chosen, other = line.arguments
        branches: list[Range] = []
        for value, holds in ((chosen, True), (other, False)):
            inside = self.assume(condition, holds, facts)
            if self.is_possible(inside, facts):
                branches.append(self.range_of(value, inside))
        return join(*branches) if branches else Range(infinite=True, nan=True)

    def is_possible(self, inside: _Facts, outside: _Facts) -> bool:
        """Whether what a condition adds to the facts leaves its values anywhere to lie."""
        ranges = [self.range_of(ref, inside) for ref, _ in inside.known[len(outside.known) :]]
        return all(item.low <= item.high for item in ranges)

    def assume(self, condition: Ref, holds: bool, facts: _Facts) -> _Facts:
        """The facts with a condition that holds, or does not."""
        if facts.depth >= _DEEPEST or not isinstance(condition, int):
            return facts
        deeper = replace(facts, depth=facts.depth + 1)
        if condition < len(self.formula.parameters):
            return deeper
        line = self.formula.line(condition)
        if line.atom == "not":
            return self.assume(line.arguments[0], not holds, facts)
        if line.atom == ("and" if holds else "or"):
            return self.assume(line.arguments[1], holds, self.assume(line.arguments[0], holds, facts))
        if line.atom in COMPARISONS:
            return self.compare(line, holds, deeper)
        return deeper

    def compare(self, line: Line, holds: bool, facts: _Facts) -> _Facts:
        """The facts with a comparison. That it fails means its opposite only where no side is NaN."""
        left, right = line.arguments
        sides = self.range_of(left, facts), self.range_of(right, facts)
        if not holds and (sides[0].nan or sides[1].nan):
            return facts
        known, atom = list(facts.known), line.atom if holds else _OPPOSITE[line.atom]
        for ref, name, bound in ((left, atom, sides[1]), (right, _MIRRORED[atom], sides[0])):
            if isinstance(ref, int):
                known.append((ref, _fact(name, bound)))
        return replace(facts, known=tuple(known))


_OPPOSITE: Final = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}
_MIRRORED: Final = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


def _fact(atom: str, bound: Range) -> Range:
    """What holds of a value that compares so with one in `bound`."""
    match atom:
        case "lt" | "le":
            strict = atom == "lt" and bound.high <= 0
            return Range(high=bound.high, infinite=True, nonzero=strict or bound.high < 0)
        case "gt" | "ge":
            strict = atom == "gt" and bound.low >= 0
            return Range(low=bound.low, infinite=True, nonzero=strict or bound.low > 0)
        case "eq":
            return replace(bound, nan=False)
        case _:
            return Range(infinite=True, nan=True, nonzero=bound.low == bound.high == 0)
