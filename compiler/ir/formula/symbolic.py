"""Formulas as sympy expressions and back: the only importer of sympy."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from compiler.errors import FormulaError
from compiler.ir.dims import Dim, Extent
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.literals import EXACT_DIGITS, LARGEST_INTEGER
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula, Ref, Tape
from compiler.ir.types import Scalar

_LONGEST_CHAIN: Final = 4
"""Integer powers up to this one are written as products."""


class Derived(NamedTuple):
    """A formula that came out of sympy, and what its literals were before they were rounded."""

    formula: Formula
    exact: Mapping[float, str]


@cache
def sympy_module() -> Any:
    """sympy, imported when first needed."""
    import sympy  # a third of a second, and needed only to derive what is not shipped

    return sympy


def is_expression(value: Any) -> bool:
    """Whether a value is a sympy expression; does not import sympy."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(value, sympy.Basic)


def extent_to_sympy(value: Extent) -> Any:
    """An extent as a sympy polynomial in non-negative integer symbols."""
    sympy = sympy_module()
    if not isinstance(value, Dim):
        return sympy.Integer(value)
    terms: list[Any] = []
    for monomial, coefficient in value.terms:
        factors = [sympy.Symbol(name, integer=True, nonnegative=True) ** power for name, power in monomial]
        terms.append(sympy.Mul(coefficient, *factors))
    return sympy.Add(*terms)


def stand_in(tape: Tape, ref: Ref) -> Any:
    """A sympy symbol that `read` turns into `ref` again when it comes back to the same tape."""
    sympy = sympy_module()
    dummy = sympy.Dummy("v", real=True)
    tape.stand_ins[dummy] = ref
    return dummy


def differentiate_definition(atom: str, parameter: int) -> Derived:
    """The partial of an atom, derived from its definition in sympy's own elementary functions."""
    sympy = sympy_module()
    parameters = "xyz"[: ATOMS[atom].arity]
    symbols = [sympy.Symbol(item, real=True) for item in parameters]
    expression = evaluate_in_sympy(definition(atom), symbols, _natives())
    return write(sympy.diff(expression, symbols[parameter]), symbols, tuple(parameters), atom)


def write(
    expression: Any,
    symbols: list[Any],
    parameters: tuple[str, ...],
    name: str,
    known: tuple[Formula, Mapping[Any, int]] | None = None,
) -> Derived:
    """A sympy expression in the given symbols as a formula.

    `known` is a formula of the same parameters, with the numbers of those of its values that are to be read
    from it where they or their negatives occur.
    """
    tape = Tape(parameters)
    tape.stand_ins.update(zip(symbols, range(len(symbols)), strict=True))
    if known is not None:
        tape.inline(known[0], list(range(len(parameters))))
        tape.stand_ins.update({-value: tape.emit("neg", ref) for value, ref in known[1].items()})
        tape.stand_ins.update(known[1])
    formula = tape.finish(name, read(expression, tape))
    return Derived(formula, tape.rounded)


def definition(atom: str) -> Formula:
    """What an atom is, as a formula: its definition, or itself if it is elementary."""
    found = ATOMS[atom]
    parameters = ", ".join("xyz"[: found.arity])
    return parse_formula(f"{atom}({parameters}) = {found.definition or f'{atom}({parameters})'}")


def evaluate_in_sympy(formula: Formula, symbols: list[Any], table: dict[str, Callable[..., Any]]) -> Any:
    """A formula as an expression. Literals are the exact rationals of their shortest decimals."""
    return formula.evaluate(table, symbols, constant)


def constant(value: Scalar) -> Any:
    """A literal as a number, or as a symbol where sympy's arithmetic would not do."""
    sympy = sympy_module()
    if value == math.pi:
        return sympy.pi
    if isinstance(value, bool) or not math.isfinite(value):
        return sympy.Symbol(f"<{value!r}>", real=True)
    return sympy.Integer(int(value)) if value == int(value) else sympy.Rational(repr(value))


def _divide(x: Any, y: Any) -> Any:
    return x / y


@cache
def arithmetic() -> dict[str, Callable[..., Any]]:
    """The atoms that are sympy's own operators."""
    return {
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "div": _divide,
        "neg": operator.neg,
    }


@cache
def _natives() -> dict[str, Callable[..., Any]]:
    sympy = sympy_module()
    names = {"abs": "Abs", "sqrt": "sqrt", "exp": "exp", "log": "log", "sin": "sin", "cos": "cos"}
    names |= {"tanh": "tanh", "erf": "erf", "pow": "Pow"}
    return arithmetic() | {atom: getattr(sympy, name) for atom, name in names.items()}


def read(expression: Any, tape: Tape) -> Ref:
    """The value of a sympy expression on a tape. Raises FormulaError naming a function that is no atom."""
    sympy = sympy_module()
    if expression in tape.stand_ins:
        return tape.stand_ins[expression]
    if expression.is_Symbol:
        return _read_symbol(expression)
    if expression.is_number:
        return _read_number(expression, tape)
    if expression.is_Add:
        return _read_sum(expression, tape)
    if expression.is_Mul:
        return _read_product(expression, tape)
    if expression.is_Pow:
        return _read_power(expression, tape)
    if isinstance(expression, sympy.exp):
        return tape.emit("exp", read(expression.args[0], tape))
    if isinstance(expression, sympy.Piecewise):
        return _read_piecewise(expression, tape)
    name = _atom_name(expression)
    arguments = [read(item, tape) for item in expression.args]
    if name in ("maximum", "minimum", "and", "or", "add", "mul"):
        return _fold(tape, name, arguments)
    return tape.emit(name, *arguments)


def _atom_name(expression: Any) -> str:
    name = type(expression).__name__
    known = {
        "Abs": "abs", "Max": "maximum", "Min": "minimum", "StrictLessThan": "lt", "LessThan": "le",
        "StrictGreaterThan": "gt", "GreaterThan": "ge", "Equality": "eq", "Unequality": "ne", "And": "and",
        "Or": "or", "Not": "not", "ceiling": "ceil",
    }  # fmt: skip
    name = known.get(name, name.removeprefix("atom_"))
    if name not in ATOMS or len(expression.args) < ATOMS[name].arity:
        raise FormulaError(
            f"cannot differentiate or evaluate {name}({', '.join(map(str, expression.args))}): "
            f"it is none of the atoms {', '.join(ATOMS)}"
        )
    return name


def _read_symbol(expression: Any) -> Ref:
    special: dict[str, Scalar] = {"<True>": True, "<False>": False, "<inf>": math.inf, "<-inf>": -math.inf}
    special["<nan>"] = math.nan
    if expression.name not in special:
        raise FormulaError(f"{expression} is no variable of this formula")
    return Const(special[expression.name])


def _read_number(expression: Any, tape: Tape) -> Ref:
    sympy = sympy_module()
    if expression.is_Integer and abs(expression) <= LARGEST_INTEGER:
        return Const(int(expression))
    if expression in (sympy.true, sympy.false):
        return Const(bool(expression))
    exact = expression.evalf(EXACT_DIGITS)
    if not expression.is_extended_real:
        raise FormulaError(f"{expression} is not a real number")
    value = int(expression.p) / int(expression.q) if expression.is_Rational else float(exact)
    if tape.rounded.setdefault(value, str(exact)) != str(exact):
        tape.rounded[value] = repr(value)  # two numbers round to this one: neither is meant exactly
    return Const(value)


def _read_sum(expression: Any, tape: Tape) -> Ref:
    # What is added comes first: a difference, not the sum with a negative.
    terms = sorted(expression.as_ordered_terms(), key=_is_negative)
    total = read(terms[0], tape)
    for term in terms[1:]:
        negative = _is_negative(term)
        total = tape.emit("sub" if negative else "add", total, read(-term if negative else term, tape))
    return total


def _is_negative(term: Any) -> bool:
    return bool(term.could_extract_minus_sign())


def _read_product(expression: Any, tape: Tape) -> Ref:
    if expression.could_extract_minus_sign():
        return tape.emit("neg", read(-expression, tape))
    above: list[Any] = []
    below: list[Any] = []
    factors = expression.as_ordered_factors()
    numbers = [item for item in factors if item.is_number]
    whole = [sympy_module().Mul(*numbers)] if numbers else []  # one literal, not a quotient of two
    for factor in [*whole, *(item for item in factors if not item.is_number)]:
        _, exponent = factor.as_base_exp()
        is_divisor = factor.is_Pow and exponent.is_Rational and exponent < 0 and not factor.is_number
        (below if is_divisor else above).append(1 / factor if is_divisor else factor)
    top = _fold(tape, "mul", [read(item, tape) for item in above]) if above else Const(1)
    return tape.emit("div", top, _fold(tape, "mul", [read(item, tape) for item in below])) if below else top


def _read_power(expression: Any, tape: Tape) -> Ref:
    base, exponent = expression.as_base_exp()
    if exponent.is_Rational and exponent < 0:
        return tape.emit("div", Const(1), read(base**-exponent, tape))
    value = read(base, tape)
    if exponent == sympy_module().Rational(1, 2):
        return tape.emit("sqrt", value)
    if exponent.is_Integer and exponent <= _LONGEST_CHAIN:
        return _fold(tape, "mul", [value] * int(exponent))
    return tape.emit("pow", value, read(exponent, tape))


def _read_piecewise(expression: Any, tape: Tape) -> Ref:
    pairs = list(expression.args)
    if pairs[-1].cond != True:  # noqa: E712  (sympy's true is no bool)
        raise FormulaError(f"{expression} has no value where none of its conditions holds")
    result = read(pairs[-1].expr, tape)
    for pair in reversed(pairs[:-1]):
        result = tape.emit("where", read(pair.cond, tape), read(pair.expr, tape), result)
    return result


def _fold(tape: Tape, atom: str, values: list[Ref]) -> Ref:
    result = values[0]
    for value in values[1:]:
        result = tape.emit(atom, result, value)
    return result
