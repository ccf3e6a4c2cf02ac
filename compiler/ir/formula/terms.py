"""The real number that a value is, in a normal form that does not depend on how it was written.

    Term    ::= coefficient * exp(Term) * Factor ** power * ...
    Factor  ::= Leaf                 a value of which nothing is known
              | Sum(1 * Term + ...)  two addends or more; what they have in common stands outside
              | Call(atom, Term...)  a function that the algebra does not know, or a logarithm

`e / s`, `e * (1 / s)` and `e * s ** -1` are one term, and so are `1 - 1 / (1 + exp(x))` and `sigmoid(x)`:
composite atoms are read by their definitions. Terms are for recognising: two values with one term are the
same real number wherever both are defined, and may differ in every rounding.

Only factors that are positive cancel, so no 0 / 0 is lost. An operation whose result has no such form, or a
long one, raises Unreadable, and whoever reads takes the value for a leaf.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Formula

LARGEST: Final = 64
"""The most leaves, numbers and calls of a term."""

_MOST_ADDENDS: Final = 6
_CANCELLED: Final = 1e-13
"""A coefficient this much smaller than those that made it is 0."""

_ROUNDINGS: Final = 4 * 2.0**-52


class Unreadable(Exception):  # noqa: N818  # no error: the value becomes a leaf
    """There is no term for this, or none worth having."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A value, known by its key. What it is concerns whoever reads and writes terms."""

    key: str
    value: Any
    is_positive: bool = False
    size: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """Addends in the order of their keys; the first one's coefficient is 1."""

    key: str
    addends: tuple[Term, ...]
    is_positive: bool
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """An atom of terms."""

    key: str
    atom: str
    arguments: tuple[Term, ...]
    size: int
    is_positive: bool = False


Factor: TypeAlias = Leaf | Sum | Call
Powers: TypeAlias = tuple[tuple[Factor, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A product. Equal terms have equal keys; those of equal `body` differ in the coefficient alone."""

    coefficient: float
    exponent: Term | None
    powers: Powers
    body: str
    key: str
    size: int

    @property
    def is_number(self) -> bool:
        return self.exponent is None and not self.powers

    @property
    def is_positive(self) -> bool:
        return self.coefficient > 0 and all(factor.is_positive for factor, _ in self.powers)

    @property
    def sum(self) -> Sum | None:
        """The sum that this is, up to its coefficient and exponent."""
        if len(self.powers) == 1 and self.powers[0][1] == 1 and isinstance(self.powers[0][0], Sum):
            return self.powers[0][0]
        return None

    def is_same(self, other: Term) -> bool:
        return self.key == other.key


def _term(coefficient: float, exponent: Term | None, powers: Powers) -> Term:
    if not math.isfinite(coefficient):
        raise Unreadable
    coefficient = _snapped(coefficient)
    exponent = None if exponent is None or exponent.coefficient == 0 else exponent
    size = 1 + (exponent.size if exponent else 0) + sum(factor.size for factor, _ in powers)
    if size > LARGEST:
        raise Unreadable
    body = "" if exponent is None else f"e^[{exponent.key}] "
    body += " ".join(f"{factor.key}^{power:.12g}" for factor, power in powers)
    return Term(coefficient, exponent, powers, body, f"{coefficient:.12g} {body}", size)


def _snapped(value: float) -> float:
    """The short decimal that a number is, but for roundings: 0.1 * 3 / 0.1 is 3."""
    if value.is_integer():
        return value
    short = float(f"{value:.6g}")
    return short if abs(value - short) <= _ROUNDINGS * abs(value) else value


def number(value: float) -> Term:
    """A literal."""
    return _term(float(value), None, ())


def factor(item: Factor, power: float = 1) -> Term:
    """A factor alone."""
    return _term(1.0, None, ((item, power),))


ONE: Final = number(1)
ZERO: Final = number(0)


def times(left: Term, right: Term) -> Term:
    """The product."""
    if left.coefficient == 0 or right.coefficient == 0:
        raise Unreadable
    return _term(
        left.coefficient * right.coefficient,
        _add_exponents(left.exponent, right.exponent),
        _merged(left.powers, right.powers),
    )


def _add_exponents(left: Term | None, right: Term | None) -> Term | None:
    return left if right is None else right if left is None else add(left, right)


def _merged(left: Powers, right: Powers) -> Powers:
    found = {item.key: (item, power) for item, power in left}
    for item, power in right:
        known = found[item.key][1] if item.key in found else 0.0
        if known * power < 0 and not item.is_positive:
            raise Unreadable
        found[item.key] = (item, known + power)
    return tuple(pair for _, pair in sorted(found.items()) if pair[1] != 0)


def power(base: Term, exponent: float) -> Term:
    """A term to a known power: any, of what is positive, and an integer otherwise."""
    if exponent == 0 or base.coefficient == 0:
        raise Unreadable
    if not (float(exponent).is_integer() or base.is_positive):
        raise Unreadable
    try:
        coefficient = base.coefficient**exponent
    except OverflowError:
        raise Unreadable from None
    raised = None if base.exponent is None else times(base.exponent, number(exponent))
    return _term(coefficient, raised, tuple((item, known * exponent) for item, known in base.powers))


def divide(left: Term, right: Term) -> Term | None:
    """`left / right` where every factor of `right` is one of `left`; None where one is not."""
    left_powers = {item.key: power for item, power in left.powers}
    if any(left_powers.get(item.key, 0) / power < 1 for item, power in right.powers):
        return None
    gone = {item.key: power for item, power in right.powers}
    kept = [(item, power - gone.get(item.key, 0)) for item, power in left.powers]
    exponent = right.exponent and times(right.exponent, number(-1))
    return _term(
        left.coefficient / right.coefficient,
        _add_exponents(left.exponent, exponent),
        tuple((item, power) for item, power in kept if power != 0),
    )


def negate(term: Term) -> Term:
    """`-term`."""
    return term if term.coefficient == 0 else times(term, number(-1))


def addends(term: Term) -> tuple[Term, ...]:
    """The terms that a term is the sum of."""
    inner = term.sum
    if inner is None:
        return (term,) if term.coefficient != 0 else ()
    outside = _term(term.coefficient, term.exponent, ())
    return tuple(times(outside, item) for item in inner.addends)


def add(left: Term, right: Term) -> Term:
    """The sum."""
    if left.coefficient == 0 or right.coefficient == 0:
        return left if right.coefficient == 0 else right
    return _sum([*addends(left), *addends(right)])


def _sum(terms: Iterable[Term]) -> Term:
    found: dict[str, Term] = {}
    for term in terms:
        known = found.get(term.body)
        total = term.coefficient + (known.coefficient if known else 0.0)
        if known and abs(total) < _CANCELLED * abs(term.coefficient):
            del found[term.body]
        else:
            found[term.body] = _term(total, term.exponent, term.powers)
    if len(found) > _MOST_ADDENDS:
        raise Unreadable
    items = [found[body] for body in sorted(found)]
    if len(items) < 2:
        return items[0] if items else ZERO
    return (
        (_complement(*items) or _pair(*items)) if len(items) == 2 else _wrapped(items[0].coefficient, items)
    )


def _wrapped(coefficient: float, items: Sequence[Term], exponent: Term | None = None) -> Term:
    """A sum without its common coefficient (and exponent, which the items lack already) times these."""
    inner = [_term(item.coefficient / coefficient, item.exponent, item.powers) for item in items]
    key = "(" + " + ".join(item.key for item in inner) + ")"
    size = sum(item.size for item in inner)
    found = Sum(key, tuple(inner), all(item.is_positive for item in inner), size)
    return _term(coefficient, exponent, ((found, 1.0),))


def _pair(first: Term, second: Term) -> Term:
    """a + b as `a * (1 + b / a)`, so that the exponent of b / a begins with a positive coefficient.

    A positive ratio of two exponentials is part of it: `2 + exp(x)` is `2 * (1 + exp(x - log(2)))`.
    """
    distance = _difference(second.exponent, first.exponent)
    if distance is None:
        return _wrapped(first.coefficient, [first, second])
    ratio = second.coefficient / first.coefficient
    if ratio > 0 and abs(ratio - 1) > _CANCELLED and not (first.powers or second.powers):
        distance, ratio = add(distance, number(math.log(ratio))), 1.0
    if _leading(distance) < 0:
        first, second, distance, ratio = second, first, negate(distance), 1 / ratio
    inner = [_term(1.0, None, first.powers), _term(ratio, distance, second.powers)]
    return times(number(first.coefficient), _wrapped(1.0, inner, first.exponent))


def _leading(term: Term) -> float:
    """The coefficient of the first addend that is no number."""
    return next((item.coefficient for item in addends(term) if not item.is_number), term.coefficient)


def _difference(left: Term | None, right: Term | None) -> Term | None:
    """The difference of two exponents; None for 0."""
    found = add(left or ZERO, negate(right or ZERO))
    return None if found.coefficient == 0 else found


def _complement(first: Term, second: Term) -> Term | None:
    """`1 - exp(x) / (1 + exp(x)) = 1 / (1 + exp(x))`, the other way round, and multiples of either."""
    for whole, part in ((first, second), (second, first)):
        share = divide(part, whole)
        step = share and logistic(share)
        if share is None or step is None or abs(share.coefficient + 1) > _CANCELLED:
            continue
        below = times(whole, _term(1.0, None, share.powers))
        if share.exponent is None:
            return times(below, exp(step))
        if share.exponent.is_same(step):
            return below
    return None


def logistic(term: Term) -> Term | None:
    """x where the powers of a term are those of 1 / (1 + exp(x))."""
    if len(term.powers) != 1 or term.powers[0][1] != -1:
        return None
    inner = term.powers[0][0]
    if not isinstance(inner, Sum) or len(inner.addends) != 2 or not inner.addends[0].is_same(ONE):
        return None
    second = inner.addends[1]
    return second.exponent if not second.powers and second.coefficient == 1 else None


def exp(term: Term) -> Term:
    """The exponential; of the logarithm of what is positive, that."""
    result, left = ONE, ZERO
    for item in addends(term):
        inner = logarithm(item)
        if inner is not None and inner.is_positive:
            result = times(result, power(inner, item.coefficient))
        else:
            left = add(left, item)
    return times(result, _term(1.0, left, ()))


def logarithm(term: Term) -> Term | None:
    """y where a term is a multiple of log(y)."""
    if term.exponent is not None or len(term.powers) != 1 or term.powers[0][1] != 1:
        return None
    inner = term.powers[0][0]
    return inner.arguments[0] if isinstance(inner, Call) and inner.atom == "log" else None


def log(term: Term) -> Term:
    """The logarithm, as the sum of those of the exponential and the positive factors."""
    positive = [(item, power) for item, power in term.powers if item.is_positive]
    if term.exponent is None and not positive:
        return _log_of_rest(term)
    found = term.exponent or ZERO
    for item, power in positive:
        found = add(found, times(call("log", factor(item)), number(power)))
    rest = tuple((item, power) for item, power in term.powers if not item.is_positive)
    return add(found, _log_of_rest(_term(term.coefficient, None, rest)))


def _log_of_rest(term: Term) -> Term:
    if not term.is_number:
        return call("log", term)
    if term.coefficient <= 0:
        raise Unreadable
    return number(math.log(term.coefficient))


def call(atom: str, *arguments: Term) -> Term:
    """A function of terms of which nothing else is known."""
    if atom == "erf" and arguments[0].coefficient < 0:
        return negate(call(atom, negate(arguments[0])))
    key = f"{atom}({', '.join(item.key for item in arguments)})"
    return factor(Call(key, atom, arguments, 1 + sum(item.size for item in arguments)))


def _raised(base: Term, exponent: Term) -> Term:
    return power(base, exponent.coefficient) if exponent.is_number else call("pow", base, exponent)


def subtract(left: Term, right: Term) -> Term:
    """`left - right`."""
    return add(left, negate(right))


def _quotient(left: Term, right: Term) -> Term:
    return times(left, power(right, -1))


ALGEBRA: Final[dict[str, Callable[..., Term]]] = {
    "add": add,
    "sub": subtract,
    "neg": negate,
    "mul": times,
    "div": _quotient,
    "pow": _raised,
    "exp": exp,
    "log": log,
}
"""What atoms make of terms."""

_DEFINED: Final = frozenset({"expm1", "log1p", "sigmoid", "softplus", "tanh", "sech2", "erfc"})
"""Atoms that are read by their definitions. Every other atom is a `call`."""

_TANH: Final = "(exp(2 * x) - 1) / (exp(2 * x) + 1)"


@cache
def _definition(atom: str) -> Formula:
    return parse_formula(f"{atom}(x) = {ATOMS[atom].definition or _TANH}")


def apply_atom(atom: str, *arguments: Term) -> Term:
    """An atom of terms."""
    known = ALGEBRA.get(atom)
    if known is not None:
        return known(*arguments)
    if atom not in _DEFINED:
        return call(atom, *arguments)
    return _definition(atom).evaluate(Algebra(), list(arguments), number)


class Algebra(dict[str, Callable[..., Term]]):
    """The table by which `Formula.evaluate` computes with terms."""

    def __missing__(self, atom: str) -> Callable[..., Term]:
        return lambda *arguments: apply_atom(atom, *arguments)


def substitute(term: Term, leaves: Callable[[Leaf], Term]) -> Term:
    """The term with other terms for its leaves, in normal form again."""
    found = number(term.coefficient)
    if term.exponent is not None:
        found = times(found, exp(substitute(term.exponent, leaves)))
    for item, exponent in term.powers:
        found = times(found, power(_substituted(item, leaves), exponent))
    return found


def _substituted(item: Factor, leaves: Callable[[Leaf], Term]) -> Term:
    match item:
        case Leaf():
            return leaves(item)
        case Call():
            return apply_atom(item.atom, *(substitute(term, leaves) for term in item.arguments))
        case Sum():
            found = ZERO
            for term in item.addends:
                found = add(found, substitute(term, leaves))
            return found
