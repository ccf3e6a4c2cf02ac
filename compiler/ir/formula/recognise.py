"""Equations between formulas, stable on their right, and the matcher that applies them to a tape.

The same equations serve a user's formula when it is traced and, node by node, the twin that is
differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

from compiler.ir.formula.atoms import COMMUTATIVE
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula, Line, Ref, Tape

EQUATIONS: Final = (
    ("log(1 + exp(x))", "softplus(x)"),
    ("log1p(exp(x))", "softplus(x)"),
    ("1 / (1 + exp(-x))", "sigmoid(x)"),
    ("1 / (exp(-x) + 1)", "sigmoid(x)"),
    ("exp(x) / (1 + exp(x))", "sigmoid(x)"),
    ("log(sigmoid(x))", "-softplus(-x)"),
    ("log(1 - sigmoid(x))", "-softplus(x)"),
    ("1 - sigmoid(x)", "sigmoid(-x)"),
    ("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)"),
    ("1 - tanh(x) * tanh(x)", "sech2(x)"),
    ("1 - tanh(x) ** 2", "sech2(x)"),
    ("1 - erf(x)", "erfc(x)"),
    ("exp(x) - 1", "expm1(x)"),
    ("log(1 + x)", "log1p(x)"),
    ("x * log(x)", "zmul(x, log(x))"),
    ("log(exp(x))", "x"),
)
"""Unstable form and stable form. Earlier equations win; both sides are the same real function."""


@dataclass(frozen=True, slots=True)
class Equation:
    """One rewriting, with both sides as formulas of the same parameters."""

    text: str
    pattern: Formula
    replacement: Formula


@cache
def equations() -> tuple[Equation, ...]:
    """`EQUATIONS`, parsed once."""
    return tuple(
        Equation(f"{left} = {right}", parse_formula(f"f(x) = {left}"), parse_formula(f"f(x) = {right}"))
        for left, right in EQUATIONS
    )


LineOf: TypeAlias = Callable[[Ref], Line | None]
"""What defines a value, or None for a leaf."""


def match(pattern: Formula, line_of: LineOf, ref: Ref) -> dict[int, Ref] | None:
    """The values of the pattern's parameters for which it is the value `ref`; None where it is not.

    Commutative atoms match in either order. A literal of the pattern matches an equal number of any type.
    """
    return _match(pattern, pattern.result, line_of, ref, {})


def _match(
    pattern: Formula, wanted: Ref, line_of: LineOf, ref: Ref, known: dict[int, Ref]
) -> dict[int, Ref] | None:
    if isinstance(wanted, Const):
        return known if isinstance(ref, Const) and ref.value == wanted.value else None
    if wanted < len(pattern.parameters):
        if wanted in known:
            return known if known[wanted] == ref else None
        return {**known, wanted: ref}
    line, expected = line_of(ref), pattern.line(wanted)
    if line is None or line.atom != expected.atom:
        return None
    found = _match_all(pattern, expected.arguments, line_of, line.arguments, known)
    if found is None and line.atom in COMMUTATIVE:
        found = _match_all(pattern, expected.arguments, line_of, line.arguments[::-1], known)
    return found


def _match_all(
    pattern: Formula,
    wanted: tuple[Ref, ...],
    line_of: LineOf,
    refs: tuple[Ref, ...],
    known: dict[int, Ref],
) -> dict[int, Ref] | None:
    for want, ref in zip(wanted, refs, strict=True):
        found = _match(pattern, want, line_of, ref, known)
        if found is None:
            return None
        known = found
    return known


def recognise(formula: Formula) -> Formula:
    """The formula with every unstable form that an equation knows replaced; `recognised` lists which."""
    if formula.atom is not None:
        return formula
    tape, notes = Tape(formula.parameters), dict.fromkeys(formula.recognised)
    values: list[Ref] = list(range(len(formula.parameters)))
    for line in formula.lines:
        arguments = [values[ref] if isinstance(ref, int) else ref for ref in line.arguments]
        values.append(_settle(tape, tape.emit(line.atom, *arguments), notes))
    result = values[formula.result] if isinstance(formula.result, int) else formula.result
    return tape.finish(formula.name, result, tuple(notes))


def _settle(tape: Tape, ref: Ref, notes: dict[str, None]) -> Ref:
    for equation in equations():
        found = match(equation.pattern, tape.line, ref)
        if found is not None:
            notes[equation.text] = None
            stable = equation.replacement.evaluate(_Writers(tape), [found[0]], Const)
            return _settle(tape, stable, notes)
    return ref


class _Writers(dict[str, Callable[..., Ref]]):
    """The table by which a replacement is written onto a tape. Negations that it would pile up cancel."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape

    def __missing__(self, atom: str) -> Callable[..., Ref]:
        return lambda *arguments: self.write(atom, *arguments)

    def write(self, atom: str, *arguments: Ref) -> Ref:
        line = self.tape.line(arguments[0])
        if atom == "neg" and line is not None and line.atom == "neg":
            return line.arguments[0]
        return self.tape.emit(atom, *arguments)
