"""The partial derivatives of the atoms: derived by sympy from their definitions, written in atoms, proved.

The first stable form that is the same function at 50 digits is taken: forms are proposed and proved, never
solved for. `derived.py` ships the result; a test derives it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from compiler.errors import FormulaError
from compiler.ir.formula import proof, symbolic
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.derived import SHIPPED
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Formula, Tape

FORMS: Final = (
    "1", "exp(x)", "sigmoid(x)", "cos(x)", "-sin(x)", "sech2(x)", "-2 * tanh(x) * sech2(x)", "normpdf(x)",
    "-x * normpdf(x)", "1 / (1 + x)", "sign(x)", "2 / sqrt(pi) * exp(-x * x)", "-2 / sqrt(pi) * exp(-x * x)",
    "sigmoid(x) * sigmoid(-x)",
)  # fmt: skip
"""Stable forms that are tried, in order, for the derivative of an atom of one argument by `proof.agree`."""

FORMS_OF_TWO: Final = (
    "where(x == y, 0.5, where(x < y, 0.0, 1.0))",
    "where(x == y, 0.5, where(x > y, 0.0, 1.0))",
    "zmul(y, pow(x, y - 1))",
    "where((x == 0) & (y >= 0), 0.0, pow(x, y) * log(x))",
)
"""Forms for atoms of two arguments. The conventions at ties and at 0 ** 0 are PyTorch's."""


STATED: Final[Mapping[str, tuple[str | None, ...]]] = {
    "exp2": ("log(2) * exp2(x)",),
    "tan": ("1 / (cos(x) * cos(x))",),
    "logit": ("where((x < 0) | (x > 1), nan, 1 / (x * (1 - x)))",),
    "log2": ("1 / log(2) / x",),
    "log10": ("1 / log(10) / x",),
    "asin": ("1 / sqrt((1 - x) * (1 + x))",),
    "acos": ("-1 / sqrt((1 - x) * (1 + x))",),
    "atan": ("1 / (1 + x * x)",),
    "atan2": (
        "where((x == 0) & (y == 0), 0, y / hypot(x, y) / hypot(x, y))",
        "where((x == 0) & (y == 0), 0, -x / hypot(x, y) / hypot(x, y))",
    ),
    "sinh": ("cosh(x)",),
    "cosh": ("sinh(x)",),
    "asinh": ("1 / hypot(x, 1)",),
    "acosh": ("1 / (sqrt(x - 1) * sqrt(x + 1))",),
    "atanh": ("1 / (1 - x * x)",),
    "cbrt": ("1 / 3 / cbrt(x) / cbrt(x)",),
    "hypot": ("x / hypot(x, y)", "y / hypot(x, y)"),
    "fmod": ("1", "-where(x / y < 0, ceil(x / y), floor(x / y))"),
    "copysign": ("sign(x) * copysign(1, y)", "0"),
    "erfinv": ("sqrt(pi) / 2 * exp(erfinv(x) * erfinv(x))",),
    "lgamma": ("digamma(x)",),
    "digamma": ("zeta(2, x)",),
    "zeta": (None, "-x * zeta(x + 1, y)"),
}
"""Partials by each parameter of atoms for which sympy has none as stable. They are proved as all are.

None stands for one that is no formula of atoms.
"""


@cache
def atom_partial(atom: str, parameter: int) -> Formula:
    """The partial derivative of an atom in atoms, of parameters `x, y, z`."""
    parameters = "xyz"[: ATOMS[atom].arity]
    head = f"{atom}'({', '.join(parameters)}) = "
    if ATOMS[atom].flat:
        return parse_formula(head + "0")
    shipped = SHIPPED.get(atom_key(atom, parameter))
    if shipped is not None:
        return parse_formula(head + shipped)
    return atom_partial_anew(atom, parameter)


def atom_key(atom: str, parameter: int) -> str:
    """What identifies the derivation of an atom's partial."""
    return f"{'xyz'[parameter]} of atom {atom}"


def atom_partial_anew(atom: str, parameter: int) -> Formula:
    """`atom_partial` without what is shipped: what is stated, or sympy's derivative, in a stable form."""
    if atom in STATED:
        parameters = ", ".join("xyz"[: ATOMS[atom].arity])
        text = STATED[atom][parameter]
        if text is None:
            raise FormulaError(
                f"the slope of {atom} by its argument {'xyz'[parameter]} is no formula of atoms"
            )
        stated = parse_formula(f"{atom}'({parameters}) = {text}")
        return _accepted(atom, parameter, stated, {})
    derived, exact = symbolic.differentiate_definition(atom, parameter)
    head = f"{atom}'({', '.join(derived.parameters)}) = "
    of_one = FORMS if len(derived.lines) > 1 else ()
    forms = of_one if len(derived.parameters) == 1 else FORMS_OF_TWO
    for form in forms:
        candidate = parse_formula(head + form)
        if proof.agree(candidate, derived, exact):
            return _accepted(atom, parameter, candidate, {})
    return _accepted(atom, parameter, derived, exact)


def _accepted(atom: str, parameter: int, partial: Formula, exact: Mapping[float, str]) -> Formula:
    tape = Tape(partial.parameters)
    itself = tape.finish(atom, tape.emit(atom, *range(len(partial.parameters))))
    reason = proof.disproof_of_partial(itself, parameter, partial, exact)
    if reason is not None:
        raise FormulaError(f"the partial of atom {atom} by {'xyz'[parameter]} is refused: {reason}")
    return partial
