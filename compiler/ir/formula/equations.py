"""Equations between formulas, stable on their right, and where they hold in a term.

An equation holds at an argument if the term of its left side there divides the value's; so sharing, the order
of operands, signs and reciprocals have no say in what is recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Formula
from compiler.ir.formula.terms import (
    ONE,
    ZERO,
    Algebra,
    Call,
    Factor,
    Leaf,
    Sum,
    Term,
    Unreadable,
    add,
    addends,
    divide,
    exp,
    factor,
    logarithm,
    logistic,
    negate,
    number,
    power,
    times,
)  # fmt: skip

EQUATIONS: Final = (
    ("log(1 + exp(x))", "softplus(x)"),
    ("1 / (1 + exp(-x))", "sigmoid(x)"),
    ("(exp(x) - exp(-x)) / (exp(x) + exp(-x))", "tanh(x)"),
    ("1 - tanh(x) ** 2", "sech2(x)"),
    ("1 - erf(x)", "erfc(x)"),
    ("exp(x) - 1", "expm1(x)"),
    ("log(1 + x)", "log1p(x)"),
    ("x * log(x)", "zmul(x, log(x))"),
)
"""Unstable form and stable form. Earlier equations win; both sides are the same real function."""

LOG_OF_PRODUCT: Final = "log(exp(x) * y) = x + log(y)"
LOG_OF_TWO: Final = "log(exp(x) + exp(y)) = maximum(x, y) + softplus(-abs(x - y))"


@dataclass(frozen=True, slots=True)
class Equation:
    """One rewriting, with both sides as formulas of x."""

    text: str
    pattern: Formula
    replacement: Formula

    def term(self, x: Term) -> Term:
        """The left side at x. Raises Unreadable."""
        return self.pattern.evaluate(Algebra(), [x], number)


@cache
def equations() -> tuple[Equation, ...]:
    """`EQUATIONS`, parsed once."""
    return tuple(
        Equation(f"{left} = {right}", parse_formula(f"f(x) = {left}"), parse_formula(f"f(x) = {right}"))
        for left, right in EQUATIONS
    )


class Match(NamedTuple):
    """An equation that holds at x in a term, with what is left of the term."""

    equation: Equation
    x: Term
    rest: Term


class Soft(NamedTuple):
    """`factor * log(1 + exp(x))` in a sum, and what is left of it; or `log(exp(y) + exp(x + y))`."""

    factor: float
    x: Term
    rest: Term
    y: Term | None = None


def is_logarithm(term: Term) -> bool:
    """Whether a term is one logarithm."""
    return term.coefficient == 1 and logarithm(term) is not None


def is_one_equation(term: Term) -> bool:
    """Whether a term is a multiple of the left side of one equation."""
    inner = term.sum
    has_one = inner is not None and len(inner.addends) == 2 and inner.addends[0].is_same(ONE)
    if inner is not None and not has_one and not any(logarithm(item) for item in inner.addends):
        return False
    part = soft_part(term)
    if part is not None:
        return part.rest.coefficient == 0 and part.y is None
    found = None if len(addends(term)) > 2 else best_factor(term)
    return found is not None and found.rest.is_number


def is_quotient(term: Term) -> bool:
    """Whether a term is divided by a sum."""
    return any(isinstance(item, Sum) and count < 0 for item, count in term.powers)


def is_masked(term: Term) -> bool:
    """Whether a term has a factor that is 0 where its logarithm, another factor, is infinite."""
    for item, count in term.powers:
        x = item.arguments[0] if isinstance(item, Call) and item.atom == "log" and count > 0 else None
        if isinstance(item, Sum) and count == 1 and any(map(logarithm, item.addends)):
            x = exp(factor(item))
        if x is not None and not x.is_number and divide(term, x) is not None:
            return True
    return False


@cache
def _needs(equation: Equation) -> frozenset[str]:
    """The shapes of the powers that a term must have for an equation to hold in it."""
    return _shapes(equation.term(factor(Leaf("x", None))))


def _shapes(term: Term) -> frozenset[str]:
    found = ((_shape(item), count) for item, count in term.powers)
    return frozenset(f"{shape}{'+' if count > 0 else '-'}" for shape, count in found if shape)


def _shape(item: Factor) -> str:
    """What a factor is but for its arguments and exponents."""
    if not isinstance(item, Sum):
        return item.atom if isinstance(item, Call) else ""
    return f"({' '.join(map(_shape_of_addend, item.addends))})"


def _shape_of_addend(term: Term) -> str:
    head = "" if term.exponent is None else "+e" if term.coefficient > 0 else "-e"
    shapes = ((_shape(item), count) for item, count in term.powers)
    return head + "".join(f"{shape}^{count:g}" for shape, count in shapes if shape)


def best_factor(term: Term) -> Match | None:
    """The equation of products that leaves least of a term; None where none holds."""
    shapes, best = _shapes(term), None
    for equation in equations():
        if not _needs(equation) <= shapes:
            continue
        for x in _arguments(term):
            rest = _without_factor(term, equation, x)
            if rest is not None and (best is None or _weight(rest) < _weight(best.rest)):
                best = Match(equation, x, rest)
    return best


def _without_factor(term: Term, equation: Equation, x: Term) -> Term | None:
    try:
        rest = divide(term, equation.term(x))
    except Unreadable:
        return None
    return rest if rest is not None and rest.size < term.size else None


def soft_part(term: Term) -> Soft | None:
    """The first logarithm of 1 + exp(x) in a sum, as that of 1 + exp(-x) where this leaves less.

    log(1 + exp(x)) = x + log(1 + exp(-x))
    """
    for item in addends(term):
        inner = logarithm(item)
        x = inner and logistic(power(inner, -1))
        if x is None:
            continue
        rest = add(term, negate(item))
        other = add(rest, times(x, number(item.coefficient)))
        if other.size < rest.size:
            return Soft(item.coefficient, negate(x), other)
        if item.coefficient == 1 and rest.coefficient and not any(map(_calls, addends(rest))):
            return Soft(1.0, x, ZERO, rest)
        return Soft(item.coefficient, x, rest)
    return None


def _weight(term: Term) -> tuple[int, float]:
    """How much a term is: its size, then how far its exponents are from 0."""
    inner = addends(term.exponent) if term.exponent is not None else ()
    return term.size, sum(abs(item.coefficient) for item in inner)


def _arguments(term: Term) -> list[Term]:
    """The terms at which an equation may hold in a term."""
    found: dict[str, Term] = {}
    for x in _candidates(term):
        for scale in (1, -1, 0.5, -0.5):
            scaled = times(x, number(scale)) if x.coefficient else x
            found.setdefault(scaled.key, scaled)
    return list(found.values())


def _candidates(term: Term) -> Iterator[Term]:
    for item, _ in term.powers:
        if isinstance(item, Sum):
            yield from _within(item)
            if any(inner.atom == "log" for part in item.addends for inner in _calls(part)):
                yield exp(factor(item))
        elif isinstance(item, Call):
            yield from item.arguments
            for argument in item.arguments:
                if argument.sum is not None:
                    yield from _within(argument.sum)


def _within(item: Sum) -> Iterator[Term]:
    """Exponents in a sum, to any depth, its second addend, and what its calls are of."""
    if len(item.addends) == 2 and item.addends[0].is_same(ONE):
        yield item.addends[1]
    for part in item.addends:
        if part.exponent is not None:
            yield part.exponent
        for inner, _ in part.powers:
            if isinstance(inner, Sum):
                yield from _within(inner)
            elif isinstance(inner, Call):
                yield from inner.arguments


def _calls(term: Term) -> list[Call]:
    return [item for item, _ in term.powers if isinstance(item, Call)]
