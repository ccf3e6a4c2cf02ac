"""The saved form: a derivative as a function of the function's own value, so that the input need not be kept.

    sigmoid'(x) = y * (1 - y)   with   y = sigmoid(x)

For every smooth piece of the function forms are proposed (`saved_pieces.py`), break points are mapped to
values (`saved_branches.py`), and the whole is compared with the slope at 50 digits, and again with values
rounded to float32 (`saved_exact.py`). What fails is refused with a reason; nothing is ever solved for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import pairwise
from typing import Any

from compiler.ir.formula.breaks import bisect, break_points
from compiler.ir.formula.derivative import derivative_name, derive
from compiler.ir.formula.derived import SAVED
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.precise import close, evaluate_precisely, mpmath_context, shown
from compiler.ir.formula.printing import print_body
from compiler.ir.formula.saved_branches import Branches, assemble
from compiler.ir.formula.saved_exact import deviation_in_float32, is_exact_at, loss_in_float32
from compiler.ir.formula.saved_pieces import Piece, form_of, holds, pieces_of
from compiler.ir.formula.single import GOAL
from compiler.ir.formula.tape import Formula, Tape, bind

_CONVENTION_DIGITS = 12
"""Digits to which a form must give the derivative's own value at a break point."""


class Reason(Enum):
    """Why a derivative has no saved form."""

    PARAMETERS = "the formula is not of one parameter"
    TWO_SLOPES = "equal values occur with different slopes"
    NO_FORM = "no form that was tried is the derivative"
    INEXACT = "rounding the value spoils the form"


@dataclass(frozen=True, slots=True)
class SavedForm:
    """`derivative`, of the parameter `y`, is the slope of `function` wherever its value is y.

    In float32 it is off by up to `units`, at `worst`. A unit is one in the last place of the slope plus what
    one in that of the argument changes.
    """

    function: Formula
    derivative: Formula
    units: float
    worst: float

    @property
    def is_accurate(self) -> bool:
        """Whether it is as good as a slope by the argument has to be."""
        return self.units <= GOAL

    @property
    def loss(self) -> str:
        """A sentence for a form that is not accurate."""
        return (
            f"{print_body(self.derivative)} with y rounded to float32 is off by {self.units:,.0f} units in "
            f"the last place (and what one of the argument changes) at x = {self.worst:.6g}, "
            f"where {GOAL} is the most of a slope by the argument"
        )


@dataclass(frozen=True, slots=True)
class NoSavedForm:
    """Why there is none. `text` is a sentence, with numbers that show it."""

    function: Formula
    reason: Reason
    text: str


@cache
def saved_form(formula: Formula) -> SavedForm | NoSavedForm:
    """The derivative of a formula of one parameter as a formula of its value, or why there is none.

    Bind further parameters first. Raises FormulaError if the formula cannot be differentiated at all.
    """
    shipped = SAVED.get(saved_key(formula))
    if shipped is None:
        return saved_form_anew(formula)
    reason, text, units, worst = shipped
    if reason:
        return NoSavedForm(formula, Reason[reason], text)
    return SavedForm(formula, parse_formula(f"{derivative_name(formula, 0)}(y) = {text}"), units, worst)


def saved_key(formula: Formula) -> str:
    """What identifies a search: the function without its name."""
    return f"({', '.join(formula.parameters)}) = {print_body(formula)}"


def saved_form_anew(formula: Formula) -> SavedForm | NoSavedForm:
    """`saved_form` without what is shipped."""
    if len(formula.parameters) != 1:
        text = f"{formula.name} has the parameters ({', '.join(formula.parameters)}); bind all but one"
        return NoSavedForm(formula, Reason.PARAMETERS, text)
    partial = derive(formula, 0)
    if not partial.uses(0):
        tape = Tape(["y"])
        return SavedForm(formula, tape.finish(partial.name, tape.inline(bind(partial, {0: 0}), [])), 0.0, 0.0)
    return _Search(formula, partial).run()


class _Search:
    """One search for a saved form, with what its steps share."""

    def __init__(self, formula: Formula, partial: Formula) -> None:
        self.formula = formula
        self.partial = partial
        self.breaks = [point[0] for point in break_points(formula, 0)]
        self.exact: dict[float, str] = {}

    def run(self) -> SavedForm | NoSavedForm:
        pieces = pieces_of(self.formula, self.breaks)
        forms = [form for piece in pieces if (form := form_of(piece, self.exact)) is not None]
        if not forms or len(forms) < len(pieces):
            return self.without_form()
        branches = assemble(self.formula, self.partial, pieces, forms, self.exact)
        if branches is None or not self.is_proved(branches.derivative, pieces):
            return self.without_form()
        return self.unless_rounding_spoils(branches)

    def is_proved(self, saved: Formula, pieces: Sequence[Piece]) -> bool:
        on_pieces = all(holds(saved, piece.samples, self.exact) for piece in pieces)
        return on_pieces and all(self.agrees_at(saved, x) for x in self.breaks)

    def agrees_at(self, saved: Formula, x: Any) -> bool:
        """Whether the form gives at a break point what the derivative has there by convention."""
        y, wanted = evaluate_precisely(self.formula, [x]), evaluate_precisely(self.partial, [x])
        if y is None or wanted is None:
            return y is None
        got = evaluate_precisely(saved, [y], self.exact)
        return got is not None and close(got, wanted, _CONVENTION_DIGITS)

    def unless_rounding_spoils(self, branches: Branches) -> SavedForm | NoSavedForm:
        for x, is_known in branches.touching:
            if not is_exact_at(self.formula, x, known=is_known):
                text = f"the value at {shown([x])} is rounded, and the branches meet there"
                return NoSavedForm(self.formula, Reason.INEXACT, text)
        found = deviation_in_float32(self.formula, branches.derivative, self.breaks, self.exact)
        if found is not None:
            text = (
                f"{print_body(branches.derivative)} with y rounded to float32 is {shown([found.got], 9)} "
                f"at x = {shown([found.x])}, where the slope is {shown([found.slope], 9)}"
            )
            return NoSavedForm(self.formula, Reason.INEXACT, text)
        loss = loss_in_float32(self.formula, self.partial, branches.derivative, self.breaks, self.exact)
        return SavedForm(self.formula, branches.derivative, *loss)

    def without_form(self) -> NoSavedForm:
        witness = self.witness()
        if witness is None:
            text = f"no form that was tried gives {print_body(self.partial)} from the value"
            return NoSavedForm(self.formula, Reason.NO_FORM, text)
        (one, slope), (other, other_slope) = witness
        text = (
            f"x = {shown([one])} and x = {shown([other])} have the same value, "
            f"and the slopes {shown([slope])} and {shown([other_slope])}"
        )
        return NoSavedForm(self.formula, Reason.TWO_SLOPES, text)

    def witness(self) -> tuple[tuple[Any, Any], tuple[Any, Any]] | None:
        """Two arguments of equal value with different slopes, each with its slope."""
        half = mpmath_context().mpf(1) / 2
        points = sorted({*self.breaks, *(k * half for k in range(-17, 18))})
        values = [evaluate_precisely(self.formula, [x]) for x in points]
        known = [(x, y) for x, y in zip(points, values, strict=True) if y is not None]
        for x, y in sorted(known, key=lambda item: abs(item[0])):
            slope = evaluate_precisely(self.partial, [x])
            for other in self.with_value(y, known) if slope is not None else ():
                found = evaluate_precisely(self.partial, [other])
                if found is not None and not close(slope, found, _CONVENTION_DIGITS):
                    return (x, slope), (other, found)
        return None

    def with_value(self, level: Any, known: Sequence[tuple[Any, Any]]) -> Iterator[Any]:
        """Arguments at which the function has a value, judged by known pairs of both."""

        def above(x: Any) -> Any | None:
            value = evaluate_precisely(self.formula, [x])
            return None if value is None else value - level

        yield from (x for x, y in known if y == level)
        for (low, before), (high, after) in pairwise(known):
            if (before - level) * (after - level) < 0:
                yield bisect(above, low, high)
