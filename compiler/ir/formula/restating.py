"""Writes a value anew, with the stable side of every equation that holds in it.

It is written with a `Writer`: onto a formula's tape or as nodes of a graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from functools import cache, lru_cache
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from compiler.ir.formula.equations import (
    LOG_OF_PRODUCT,
    LOG_OF_TWO,
    Match,
    Soft,
    best_factor,
    equations,
    is_logarithm,
    is_masked,
    is_one_equation,
    is_quotient,
    soft_part,
)  # fmt: skip
from compiler.ir.formula.tape import Const, Formula
from compiler.ir.formula.terms import (
    Call,
    Factor,
    Leaf,
    Term,
    Unreadable,
    add,
    addends,
    apply_atom,
    factor,
    negate,
    number,
)  # fmt: skip

Value = TypeVar("Value")


class Says(Flag):
    """What ops say of a value, through arithmetic: whether anything can be gained by reading it."""

    NOTHING = 0
    SOMETHING = auto()
    LOGARITHM = auto()
    EXPONENTIAL = auto()
    OVERFLOW = auto()


ROOTS: Final = frozenset({"log", "log1p", "add", "sub", "mul", "div", "pow"})
"""Atoms at which something may be gained."""

_LOGARITHMS: Final = frozenset({"log", "log1p", "softplus"})
HOT: Final = frozenset({"exp", "expm1"})
"""Atoms that overflow for moderate arguments."""

SPEAKING: Final = frozenset({*HOT, "log", "log1p", "sigmoid", "softplus", "tanh", "erf", "sech2"})
"""Atoms without which no equation has anything to say."""

READ_THROUGH: Final = frozenset({"add", "sub", "neg", "mul", "div", "pow"})
"""Atoms that hand on what is to be said of their arguments."""


@lru_cache(maxsize=4096)
def said_by(formula: Formula) -> Says:
    """What a formula says of its value."""
    said = Says.NOTHING
    for line in formula.lines:
        said |= said_by_atom(line.atom)
    return said


def said_by_atom(atom: str) -> Says:
    """What an atom says of its value, whatever it is of."""
    said = Says.SOMETHING if atom in SPEAKING else Says.NOTHING
    said |= Says.LOGARITHM if atom in _LOGARITHMS else Says.NOTHING
    return said | (Says.EXPONENTIAL if atom in HOT else Says.NOTHING)


@lru_cache(maxsize=4096)
def is_read_through(formula: Formula) -> bool:
    """Whether a formula is arithmetic alone."""
    return all(line.atom in READ_THROUGH for line in formula.lines)


def may_gain(atom: str, said: Says, has_number: Callable[[], bool]) -> bool:
    """Whether it is worth while to read an atom of arguments of which this is said."""
    if atom not in ROOTS:
        return False
    is_sum = atom in ("add", "sub")
    if atom == "log" or Says.LOGARITHM in said or (Says.OVERFLOW in said and not is_sum):
        return True
    return is_sum and Says.SOMETHING in said and has_number()


class Reading(NamedTuple):
    """What is known of a value: its term, and whether it is made from an exponential that may overflow."""

    term: Term
    is_hot: bool


class Writer(Protocol[Value]):
    """Writes values where a term is to be computed."""

    def leaf(self, leaf: Leaf) -> Value:
        """The value that a leaf is."""
        ...

    def known(self, term: Term) -> Value | None:
        """A value that has the term and was written by somebody; None if there is none."""
        ...

    def apply(self, atom: str, *values: Value | float) -> Value:
        """An atom of values and literals."""
        ...


def read(atom: str, arguments: Sequence[Reading]) -> Reading:
    """The reading of an atom of values. Raises Unreadable."""
    is_hot = atom in HOT or (atom in READ_THROUGH and any(item.is_hot for item in arguments))
    return Reading(apply_atom(atom, *(item.term for item in arguments)), is_hot)


@dataclass(slots=True)
class Restating(Generic[Value]):
    """Writes a term with the stable side of every equation that holds in it; `notes` says which did."""

    writer: Writer[Value]
    notes: dict[str, None]

    def root(self, atom: str, arguments: Sequence[Reading], term: Term) -> Value | float | None:
        """What an atom of values becomes, if something is to be gained; the term is the atom's.

        A logarithm is written anew if an equation holds anywhere in its term, a sum if one is all of it, and
        a product if one holds and a factor may overflow.
        """
        try:
            value = self._root(atom, arguments, term)
        except Unreadable:
            return None
        if atom in ("mul", "div", "pow") and _of_products().isdisjoint(self.notes):
            return None
        return value if self.notes else None

    def _root(self, atom: str, arguments: Sequence[Reading], term: Term) -> Value | float | None:
        is_hot = any(item.is_hot for item in arguments)
        match atom:
            case "log" | "log1p" if atom == "log" or is_hot:
                return self.logarithm(term)
            case "add" | "sub":
                return self.total(term) if is_one_equation(term) else None
            case "mul" | "div" | "pow" if (is_hot and is_quotient(term)) or is_masked(term):
                return self.product(term)
            case _:
                return None

    def logarithm(self, term: Term) -> Value | float:
        """What a logarithm is, from its term."""
        part = soft_part(term)
        is_split = part is None or (part.y is None and part.rest.coefficient != 0)
        if is_split and not is_logarithm(term):
            self.notes[LOG_OF_PRODUCT] = None
        return self.total(term)

    def value(self, term: Term) -> Value | float:
        """A term, as it was written before if it was."""
        known = self.writer.known(term)
        if known is not None:
            return known
        opposite = self.writer.known(negate(term)) if term.coefficient < 0 else None
        return self.total(term) if opposite is None else self.writer.apply("neg", opposite)

    def total(self, term: Term) -> Value | float:
        """A sum: soft pluses with what else of an equation they are, then what is left, addend by addend."""
        if term.sum is not None and best_factor(term) is not None:
            return self.product(term)
        found: Value | float | None = None
        part = soft_part(term)
        while part is not None:
            value, term = self._soft(part), part.rest
            found = self._joined(found, part.factor, value)
            part = soft_part(term)
        for item in addends(term):
            found = self._joined(found, 1.0 if item.coefficient > 0 else -1.0, self._absolute(item))
        return 0.0 if found is None else found

    def _soft(self, part: Soft) -> Value | float:
        """softplus(x); with the larger of two exponents where what is left is the other."""
        if part.y is None:
            self.notes[equations()[0].text] = None
            return self.apply("softplus", self.value(part.x))
        self.notes[LOG_OF_TWO] = None
        size = self.apply("abs", self.value(part.x))
        larger = self.apply("maximum", self.value(part.y), self.value(add(part.y, part.x)))
        return self.apply("add", larger, self.apply("softplus", self.apply("neg", size)))

    def _absolute(self, item: Term) -> Value | float:
        item = item if item.coefficient > 0 else negate(item)
        known = self.writer.known(item)
        return self.product(item) if known is None else known

    def _joined(self, left: Value | float | None, sign: float, right: Value | float) -> Value | float:
        """`left + sign * right`."""
        if abs(sign) != 1:
            right, sign = self.apply("mul", abs(sign), right), sign / abs(sign)
        if left is None:
            return right if sign > 0 else self.apply("neg", right)
        return self.apply("add" if sign > 0 else "sub", left, right)

    def product(self, term: Term) -> Value | float:
        """A product: factors that an equation is of, then what is left, power by power."""
        above: list[Value | float] = []
        below: list[Value | float] = []
        match = best_factor(term)
        while match is not None:
            self.notes[match.equation.text] = None
            above.append(self._replaced(match))
            term = match.rest
            match = best_factor(term)
        if term.exponent is not None:
            above.insert(0, self.apply("exp", self.value(term.exponent)))
        for item, count in term.powers:
            raised = self._raised(self._factor(item), abs(count))
            (above if count > 0 else below).append(raised)
        return self._quotient(term.coefficient, above, below)

    def _quotient(
        self, coefficient: float, above: list[Value | float], below: list[Value | float]
    ) -> Value | float:
        is_negative = coefficient == -1 and bool(above)
        if abs(coefficient) != 1 or not above:
            above = [coefficient, *above]
        found = self._multiplied(above)
        found = self.apply("div", found, self._multiplied(below)) if below else found
        return self.apply("neg", found) if is_negative else found

    def _multiplied(self, values: list[Value | float]) -> Value | float:
        found = values[0]
        for value in values[1:]:
            found = self.apply("mul", found, value)
        return found

    def _raised(self, value: Value | float, count: float) -> Value | float:
        if count == 1:
            return value
        return self.apply("mul", value, value) if count == 2 else self.apply("pow", value, count)

    def _factor(self, item: Factor) -> Value | float:
        if isinstance(item, Leaf):
            return self.writer.leaf(item)
        known = self.writer.known(factor(item))
        if known is not None:
            return known
        if isinstance(item, Call):
            return self.apply(item.atom, *(self.value(term) for term in item.arguments))
        return self.total(factor(item))

    def _replaced(self, match: Match) -> Value | float:
        table = _Applying(self)
        return match.equation.replacement.evaluate(table, [self.value(match.x)], lambda value: float(value))

    def apply(self, atom: str, *values: Value | float) -> Value | float:
        """An atom of values; of numbers alone the number, where the algebra has it."""
        numbers = [number(value) for value in values if isinstance(value, float)]
        term = apply_atom(atom, *numbers) if len(numbers) == len(values) else None
        return term.coefficient if term is not None and term.is_number else self.writer.apply(atom, *values)


class _Applying(dict[str, Callable[..., "Value | float"]], Generic[Value]):
    """The table by which a replacement is written."""

    def __init__(self, restating: Restating[Value]) -> None:
        super().__init__()
        self.restating = restating

    def __missing__(self, atom: str) -> Callable[..., Value | float]:
        return lambda *values: self.restating.apply(atom, *values)


@cache
def _of_products() -> frozenset[str]:
    """The equations of quotients and products. What a sum is was seen where it is made."""
    return frozenset(item.text for item in equations() if item.pattern.lines[-1].atom in ("div", "mul"))


def literal(value: float) -> Const:
    """A number as one would write it."""
    return Const(int(value)) if value.is_integer() and abs(value) < 2**31 else Const(value)
