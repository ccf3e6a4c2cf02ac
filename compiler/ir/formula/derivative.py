"""Partial derivatives of formulas: derived by sympy, proved at 50 digits, remembered.

`derived.py` ships what the built-in ops need; a test derives it again. All else is derived when first asked
for.
"""

from __future__ import annotations

from functools import cache

from compiler.errors import FormulaError
from compiler.ir.formula import proof, stable
from compiler.ir.formula.derived import SHIPPED
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.printing import print_body
from compiler.ir.formula.tape import Const, Formula, Tape


@cache
def derive(formula: Formula, parameter: int) -> Formula:
    """The partial derivative of a formula by one of its parameters, a formula of the same parameters.

    Raises FormulaError if sympy cannot derive it, or what it derived does not agree with the formula.
    """
    shipped = SHIPPED.get(rule_key(formula, parameter))
    name = derivative_name(formula, parameter)
    if shipped is not None:
        return parse_formula(f"{name}({', '.join(formula.parameters)}) = {shipped}")
    return _of_one_atom(formula, parameter) or derive_anew(formula, parameter)


def _of_one_atom(formula: Formula, parameter: int) -> Formula | None:
    """The atom's own partial that ships, for an atom of parameters and literals such as `x * 3.0`.

    None for anything else, and for powers, which sympy simplifies when it sees a number. Those of a negative
    base have values at integers alone and the slope NaN, by which nothing of sympy's could be proved.
    """
    if len(formula.lines) != 1 or formula.result != len(formula.parameters):
        return None
    atom, arguments = formula.lines[0].atom, formula.lines[0].arguments
    base = arguments[0]
    if atom == "pow" and not (isinstance(base, Const) and base.value < 0):
        return None
    tape = Tape("xyz"[: len(arguments)])
    itself = tape.finish(atom, tape.emit(atom, *range(len(arguments))))
    if (
        arguments.count(parameter) != 1
        or (shipped := SHIPPED.get(rule_key(itself, arguments.index(parameter)))) is None
    ):
        return None
    partial = parse_formula(f"f({', '.join(itself.parameters)}) = {shipped}")
    own = Tape(formula.parameters)
    return own.finish(derivative_name(formula, parameter), own.inline(partial, arguments))


def derive_anew(formula: Formula, parameter: int) -> Formula:
    """`derive` without what is shipped."""
    refused = ""
    for partial, exact in stable.slopes(formula, parameter, derivative_name(formula, parameter)):
        reason = proof.disproof_of_partial(formula, parameter, partial, exact)
        if reason is None:
            return partial
        refused = f"{print_body(partial)}, which is refused: {reason}"
    raise FormulaError(
        f"the derivative of {formula} by {formula.parameters[parameter]} was derived as {refused}"
    )


def derivative_name(formula: Formula, parameter: int) -> str:
    """`gelu'` for a function of one argument, `mul'x` for others."""
    return f"{formula.name}'" + (formula.parameters[parameter] if len(formula.parameters) > 1 else "")


def rule_key(formula: Formula, parameter: int) -> str:
    """What identifies a derivation: the function without its name, and the parameter."""
    return f"{formula.parameters[parameter]} of ({', '.join(formula.parameters)}) = {print_body(formula)}"


def is_zero(formula: Formula) -> bool:
    """Whether a formula is the literal 0."""
    return isinstance(formula.result, Const) and formula.result.value == 0


def is_one(formula: Formula) -> bool:
    """Whether a formula is the literal 1."""
    return isinstance(formula.result, Const) and formula.result.value == 1
