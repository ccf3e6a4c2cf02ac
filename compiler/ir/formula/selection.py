"""Products with a selection become selections of products, so that the 0 it chooses is 0 whatever it meets.

    g * where(c, a, 0)   ->   where(c, g * a, 0)

In the reals both are one function. In floats the left one is NaN where 0 is chosen and `g` is infinite or
NaN. Only what a selection chooses counts, a literal 0 or that of a sign: a 0 that was computed is a number
like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import TypeAlias

from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.intervals import may_blow_up
from compiler.ir.formula.tape import Const, Formula, Line, Ref, Tape

Multiple: TypeAlias = Callable[[Ref], Ref]
"""Writes a multiple of a value on a tape."""


@cache
def with_selected_products(formula: Formula) -> Formula:
    """The formula in which selections stand outside of products and quotients that can be infinite."""
    tape = Tape(formula.parameters)
    value = formula.evaluate(_Rules(tape), list(range(len(formula.parameters))), Const)
    return tape.finish(formula.name, value, formula.recognised)


def selected_product(tape: Tape, factor: Ref, slope: Ref, *, guarded: bool = False) -> Ref:
    """`factor * slope` on a tape, 0 where `slope` chooses 0; `guarded`, 0 also where `factor` is 0."""
    selections, atom = _Selections(tape), "zmul" if guarded else "mul"
    return selections.multiple(slope, lambda value: selections.times(atom, factor, value))


def choosers(formula: Formula) -> frozenset[int] | None:
    """The parameters by which a formula chooses between 0 and another value; None where it does not."""
    tape = Tape(formula.parameters)
    pending = [tape.inline(formula, list(range(len(formula.parameters))))]
    selections, conditions = _Selections(tape), dict[Ref, None]()
    while pending:
        ref = pending.pop()
        match tape.line(ref):
            case Line("where", (condition, *values)) if selections.chooses(ref):
                conditions[condition] = None
                pending.extend(values)
            case Line("neg", (value,)):
                pending.append(value)
            case _:
                pass
    if not conditions:
        return None
    read = [tape.finish("condition", condition) for condition in conditions]
    return frozenset(k for k in range(len(tape.parameters)) if any(item.uses(k) for item in read))


class _Selections:
    """The selections on a tape, and multiples of them."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.known: dict[Ref, bool] = {}
        self.judged = 0
        """How many values, in the order of the tape, are known."""

    def chooses(self, ref: Ref) -> bool:
        """Whether a value is 0 somewhere because a selection in it chooses 0."""
        for earlier in range(self.judged, ref + 1 if isinstance(ref, int) else 0):
            self.known[earlier] = self._chooses(earlier)
            self.judged = earlier + 1
        return self.known[ref] if isinstance(ref, int) else self._chooses(ref)

    def _chooses(self, ref: Ref) -> bool:
        if isinstance(ref, Const):
            return ref.value == 0 and not isinstance(ref.value, bool)
        match self.tape.line(ref):
            case Line("sign"):
                return True
            case Line("where", (_, *values)) | Line("mul", values):
                return any(map(self.chooses, values))
            case Line("add" | "sub", values):
                return all(map(self.chooses, values))
            case Line("neg" | "div" | "zmul", (first, *_)):
                return self.chooses(first)
            case _:
                return False

    def multiple(self, ref: Ref, multiple: Multiple) -> Ref:
        """A multiple of a value, 0 where a selection in the value chooses 0."""
        found: dict[Ref, Ref] = {}

        def visit(ref: Ref) -> Ref:
            if ref not in found:
                found[ref] = self._multiple(ref, multiple, visit)
            return found[ref]

        return visit(ref)

    def _multiple(self, ref: Ref, multiple: Multiple, visit: Multiple) -> Ref:
        if not self.chooses(ref):
            return multiple(ref)
        match self.tape.line(ref):
            case None:
                return ref
            case Line("where", (condition, *values)):
                return self.tape.emit("where", condition, *map(visit, values))
            case Line("neg" | "add" | "sub" as atom, values):
                return self.tape.emit(atom, *map(visit, values))
            case Line("div", (above, below)):
                return self.multiple(above, lambda value: multiple(self.tape.emit("div", value, below)))
            case Line("mul" | "zmul" as atom, (left, right)):
                return self._multiple_of_product(atom, left, right, multiple)
            case _:
                return self.tape.emit("zmul", ref, multiple(Const(1)))

    def _multiple_of_product(self, atom: str, left: Ref, right: Ref, multiple: Multiple) -> Ref:
        if not self.chooses(right):
            return self.multiple(left, lambda value: multiple(self.times(atom, value, right)))
        if not self.chooses(left):
            return self.multiple(right, lambda value: multiple(self.times(atom, left, value)))
        whole = self.multiple(left, multiple)
        return self.multiple(right, lambda value: self.times("zmul", whole, value))

    def times(self, atom: str, left: Ref, right: Ref) -> Ref:
        """A product by an atom, without factors of 1 and -1, and plain where the second is a finite number.

        A float of 1.0 may stand for a number that was rounded to it, and stays.
        """
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Const) and isinstance(one.value, int) and abs(one.value) == 1:
                return other if one.value == 1 else self.tape.emit("neg", other)
        is_number = isinstance(right, Const) and math.isfinite(right.value)
        return self.tape.emit("mul" if is_number else atom, left, right)

    def may_blow_up(self, ref: Ref) -> bool:
        return may_blow_up(self.tape.finish("factor", ref))


class _Rules(Mapping[str, Callable[..., Ref]]):
    """The table by which `Formula.evaluate` writes onto a tape, selections outside of products."""

    def __init__(self, tape: Tape) -> None:
        self.selections = _Selections(tape)

    def __getitem__(self, atom: str) -> Callable[..., Ref]:
        match atom:
            case "mul" | "zmul":
                return partial(self._product, atom)
            case "div":
                return self._quotient
            case _:
                return lambda *arguments: self.selections.tape.emit(atom, *arguments)

    def __iter__(self) -> Iterator[str]:
        return iter(ATOMS)

    def __len__(self) -> int:
        return len(ATOMS)

    def _product(self, atom: str, left: Ref, right: Ref) -> Ref:
        selections = self.selections
        if selections.chooses(right) and selections.may_blow_up(left):
            # Where the left one chooses 0, too, the product is 0 whatever the right one chooses.
            inner = "zmul" if selections.chooses(left) else atom
            return selections.multiple(right, lambda value: selections.times(inner, left, value))
        if selections.chooses(left) and selections.may_blow_up(right):
            return selections.multiple(left, lambda value: selections.times(atom, value, right))
        return selections.tape.emit(atom, left, right)

    def _quotient(self, above: Ref, below: Ref) -> Ref:
        selections = self.selections
        emit = selections.tape.emit
        if selections.chooses(above) and selections.may_blow_up(emit("div", Const(1), below)):
            return selections.multiple(above, lambda value: emit("div", value, below))
        return emit("div", above, below)
