"""Forms of a derived slope, and which of them keeps its value in float32.

sympy's derivative is right for real numbers. In floats two things go wrong with it: terms that cancel, as in
`1 / (1 + |x|) - |x| / (1 + |x|)^2`, and a factor that has vanished times one that has overflown, which is
NaN. A form is proposed against each, and the chain rule taken line by line (`chain.py`) is one more; all are
tried in float32's arithmetic over its whole range, and the best one is taken if it is proved to be the
slope. No form is written for any one function.

sympy writes an expression out, so only short ones are given to it. The rest is left to the chain rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from compiler.ir.formula import single
from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.formula.chain import differentiate_lines
from compiler.ir.formula.intervals import value_range
from compiler.ir.formula.opaque import calls, opaque_function, slope
from compiler.ir.formula.precise import evaluate_precisely, moved, mpmath_context
from compiler.ir.formula.selection import with_selected_products
from compiler.ir.formula.symbolic import Derived, sympy_module, write
from compiler.ir.formula.tape import Formula, Line, Tape

_FAINT: Final = 64
"""Units by which a slope may be off where it is subnormal."""

_FAR: Final = 3
"""How many of the largest sizes a form is tried at that has no rival."""

_LONGEST_WRITTEN: Final = 250
"""Atoms of an expression, written out, up to which it is given to sympy."""

_WEIGHTS: Final = {"pow": 20, "div": 3, "sqrt": 3}
_TRANSCENDENTAL: Final = 10
"""What atoms count for where an addition counts 1."""


class Defects(NamedTuple):
    """How a form fares in float32: finite and wrong is worst, then NaN or infinite, then subnormal and wrong.

    Of forms that fare about alike the shortest is the best.
    """

    wrong: int
    missing: int
    faint: int

    @property
    def is_none(self) -> bool:
        return not any(self)

    @property
    def rank(self) -> tuple[int, ...]:
        """The better form has the lower one. Counts of one power of two are alike."""
        return tuple(count.bit_length() for count in self)


class Trial(NamedTuple):
    """A point, the exact slope there and the unit in which an error counts."""

    point: list[Any]
    exact: Any
    unit: Any


def slopes(formula: Formula, parameter: int, name: str) -> Iterator[Derived]:
    """Forms of the partial derivative, not yet proved, the best first; the chain rule's before its equals.

    The chain rule with masked products is among them where without them it is not finite.
    """
    by_lines = (_selecting(differentiate_lines(formula, parameter, name, masked=m)) for m in (False, True))
    chain, masked = by_lines
    written = map(_selecting, _written_out(formula, parameter, name))
    found = list({form.formula: form for form in (chain, *written)}.values())
    trials = list(_trials(chain, parameter, only_far=len(found) == 1))
    if defects(chain, trials).missing and masked.formula not in {form.formula for form in found}:
        found.append(masked)
    found.sort(key=lambda form: size(form.formula, formula))
    judged: list[tuple[Defects, Derived]] = []
    for form in found:
        judged.append((defects(form, trials), form))
        if judged[-1][0].is_none:
            yield judged.pop()[1]
    order = sorted(judged, key=lambda pair: (pair[0].rank, size(pair[1].formula, formula)))
    yield from (form for _, form in order)


def _selecting(form: Derived) -> Derived:
    return form._replace(formula=with_selected_products(form.formula))


def _written_out(formula: Formula, parameter: int, name: str) -> Iterator[Derived]:
    """sympy's derivative of a short formula, and what is made of it."""
    if _atoms(formula) > _LONGEST_WRITTEN:
        return
    symbols, derived = slope(formula, parameter)
    known = formula, calls(formula, symbols)
    for change in (_unchanged, _over_one_denominator, _masked):
        yield write(change(derived, symbols, symbols[parameter]), symbols, formula.parameters, name, known)


def _atoms(formula: Formula) -> int:
    """How many atoms an expression has in which no value has a name."""
    counts = [0] * len(formula.parameters)
    for line in formula.lines:
        counts.append(1 + sum(counts[ref] for ref in line.arguments if isinstance(ref, int)))
    return counts[formula.result] if isinstance(formula.result, int) else 0


def defects(form: Derived, trials: Iterable[Trial]) -> Defects:
    """What is wrong with a form at numbers of both signs of all sizes of float32."""
    wrong = missing = faint = 0
    for trial in trials:
        found = single.in_float32(form.formula, trial.point)
        if found is None or not mpmath_context().isfinite(found):
            missing += 1
        elif single.is_faint(trial.exact):
            faint += abs(found - trial.exact) > _FAINT * trial.unit
        else:
            wrong += abs(found - trial.exact) > single.GOAL * trial.unit
    return Defects(wrong, missing, faint)


def size(slope: Formula, function: Formula) -> int:
    """Lines, dear ones for more. One that the function has too counts half: it is computed once."""
    tape = Tape(function.parameters)
    parameters = list(range(len(function.parameters)))
    tape.inline(function, parameters)
    shared = len(tape.lines)
    tape.inline(slope, parameters)
    return _weight(tape.lines[shared:]) + _weight(slope.lines)


def _weight(lines: Iterable[Line]) -> int:
    return sum(_WEIGHTS.get(line.atom, _TRANSCENDENTAL if _is_transcendental(line) else 1) for line in lines)


def _is_transcendental(line: Line) -> bool:
    return ATOMS[line.atom].rule is Rule.FLOATING


def _trials(form: Derived, parameter: int, *, only_far: bool = False) -> Iterator[Trial]:
    """What a slope is where all parameters but one are 1, and that one runs through float32."""
    numbers = single.sizes()[: _FAR if only_far else None]
    for x in (*numbers, *(-number for number in numbers), mpmath_context().zero):
        point = moved([mpmath_context().one] * len(form.formula.parameters), parameter, x)
        exact = evaluate_precisely(form.formula, point, form.exact)
        if exact is not None and abs(exact) < single.largest():
            yield Trial(point, exact, single.unit(form.formula, parameter, point, exact, form.exact))


def _unchanged(expression: Any, symbols: list[Any], by: Any) -> Any:
    return expression


def _over_one_denominator(expression: Any, symbols: list[Any], by: Any) -> Any:
    """One quotient, its numerator multiplied out, so that what cancels does so before it is rounded."""
    sympy = sympy_module()
    if not expression.is_Add:
        return expression
    above, below = sympy.fraction(sympy.together(expression))
    above = sympy.expand(above)
    size, sign = opaque_function("abs"), opaque_function("sign")
    for item in above.atoms(sign):
        above = sympy.expand(above.subs(item * item.args[0], size(item.args[0])))
    return above / below


def _masked(expression: Any, symbols: list[Any], by: Any) -> Any:
    """Each product of factors that are bounded and factors that are not as a `zmul`, 0 where the former are.

    What does not depend on the symbol `by` stays outside: a cotangent that is NaN is not to be hidden.
    """
    if not expression.args:
        return expression
    changed = expression.func(*(_masked(item, symbols, by) for item in expression.args))
    if not changed.is_Mul:
        return changed
    outside = [item for item in changed.args if by not in item.free_symbols]
    inside = [item for item in changed.args if item not in outside]
    calm = [item for item in inside if _is_bounded(item, symbols)]
    wild = [item for item in inside if item not in calm]
    if not calm or not wild:
        return changed
    product = sympy_module().Mul
    return product(*outside, opaque_function("zmul")(product(*calm), product(*wild)))


def _is_bounded(factor: Any, symbols: list[Any]) -> bool:
    names = tuple(symbol.name for symbol in symbols)
    low, high = value_range(write(factor, symbols, names, "factor").formula)
    return -float("inf") < low and high < float("inf")
