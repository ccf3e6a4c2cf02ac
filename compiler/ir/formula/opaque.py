"""Differentiation of formulas by sympy.

Inside sympy every transcendental, comparing or branching atom is an opaque function of ours, whose derivative
is the atom's partial. sympy's own evaluate eagerly and wrongly for our purpose: `Ne(x, x)` is False,
`Heaviside(0)` is 1/2, `exp(x) * exp(-x)` is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial, partialmethod
from typing import Any

from compiler.ir.formula.atom_partials import atom_partial
from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.formula.symbolic import arithmetic, constant, evaluate_in_sympy, sympy_module
from compiler.ir.formula.tape import Formula


def slope(formula: Formula, parameter: int) -> tuple[list[Any], Any]:
    """The parameters as symbols, and the partial derivative by sympy, not yet verified.

    It is the chain rule over the atoms' partials.
    """
    sympy = sympy_module()
    symbols = [sympy.Symbol(item, real=True) for item in formula.parameters]
    return symbols, sympy.diff(to_sympy(formula, symbols), symbols[parameter])


def calls(formula: Formula, symbols: list[Any]) -> dict[Any, int]:
    """A formula's transcendental atoms and their arguments as expressions, with their numbers on its tape.

    sympy multiplies sums by numbers, so that an argument in a slope reads otherwise than in the function,
    and one value would be computed twice. Inside sympy both are the same expression.
    """
    first = len(symbols)
    values = formula.values(_opaque(), symbols, constant)
    found: dict[Any, int] = {}
    for number, line in enumerate(formula.lines, first):
        if ATOMS[line.atom].rule is Rule.FLOATING and line.atom not in arithmetic():
            for ref in (*line.arguments, number):
                if isinstance(ref, int) and not values[ref].is_Symbol:
                    found.setdefault(values[ref], ref)
    return found


def opaque_function(atom: str) -> Any:
    """The function that stands for an atom inside sympy."""
    return _opaque()[atom]


def to_sympy(formula: Formula, symbols: list[Any]) -> Any:
    """The formula as an expression over opaque atoms."""
    return evaluate_in_sympy(formula, symbols, _opaque())


@cache
def _opaque() -> dict[str, Callable[..., Any]]:
    table = arithmetic() | {name: _function(name) for name in ATOMS if name not in arithmetic()}
    table["pow"] = partial(_power, table["pow"])
    table["sqrt"] = partial(_root, table["sqrt"])
    return table


def _power(opaque: Any, base: Any, exponent: Any) -> Any:
    """sympy's own power where the exponent is a literal, so that x ** 3 has its usual derivative."""
    return base**exponent if exponent.is_Rational else opaque(base, exponent)


def _root(opaque: Any, value: Any) -> Any:
    """sympy's own root of a literal, so that it is known to all digits."""
    return sympy_module().sqrt(value) if value.is_number and value.is_positive else opaque(value)


def _function(atom: str) -> Any:
    """A sympy function without evaluation, whose derivative is the atom's."""
    rules = {"where": _differentiate_where, "zmul": _differentiate_zmul}
    body: dict[str, Any] = {"nargs": ATOMS[atom].arity, "is_real": True, "is_commutative": True}
    body["is_number"] = False  # of literals too, so that it is written as the atom and not evaluated by sympy
    if atom in rules:
        body["_eval_derivative"] = rules[atom]
    else:
        body["fdiff"] = partialmethod(_differentiate_atom, atom)
    return type(f"atom_{atom}", (sympy_module().Function,), body)


def _differentiate_atom(self: Any, atom: str, number: int = 1) -> Any:
    """sympy's `fdiff`: the partial by the argument of a number, which counts from 1."""
    return to_sympy(atom_partial(atom, number - 1), list(self.args))


def _differentiate_where(self: Any, symbol: Any) -> Any:
    condition, chosen, other = self.args
    left, right = chosen.diff(symbol), other.diff(symbol)
    return left if left == right else self.func(condition, left, right)


def _differentiate_zmul(self: Any, symbol: Any) -> Any:
    """The plain product's rule, each product again 0 where its cotangent-like factor is 0."""
    first, second = self.args
    left, right = first.diff(symbol), second.diff(symbol)
    terms: list[Any] = []
    if left != 0:
        terms.append(second if left == 1 else self.func(left, second))
    if right != 0:
        terms.append(first if right == 1 else self.func(first, right))
    return sum(terms, sympy_module().Integer(0))
