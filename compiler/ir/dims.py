"""Extents of axes: integers, or integer polynomials in named symbols kept in normal form.

A symbol stands for a non-negative integer that is known when a program is called. Two different polynomials
are never taken to be equal and a symbol never broadcasts, so what is decided about extents holds for every
value.

    extent  ::= int | Dim
    Dim     ::= sum of coefficient * product of symbol ** power       (at least one symbol)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, TypeAlias, cast, overload

from compiler.errors import ArgumentError, ParseError, ShapeError, SymbolicValueError
from compiler.ir.hashing import Hashed, hash_once
from compiler.ir.numbers import number, whole_number

Monomial: TypeAlias = tuple[tuple[str, int], ...]
"""Symbols with their powers, sorted by name; the empty tuple is the constant term."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_0-9]*\Z")


def _undefined(atom: str, left: Any, right: Any) -> Any:
    return NotImplemented


@hash_once
@dataclass(frozen=True, slots=True)
class Dim(Hashed):
    """An integer polynomial in at least one symbol. Build it with `symbol` and arithmetic, never directly.

    `terms` is sorted by monomial and holds no zero coefficient, so equality is equality of polynomials.
    Sums, products and powers with integers and with one another are extents again, and so are quotients `//`
    that are exact. What is no polynomial (`2.0 * n`, `n / 2`, `n > 3`) is a value, which `beyond` makes.
    """

    terms: tuple[tuple[Monomial, int], ...]

    beyond: ClassVar[Callable[[str, Any, Any], Any]] = staticmethod(_undefined)
    """An atom of an extent and something else, as a value; NotImplemented where the other one answers.

    Values belong to the front door, which puts its function here.
    """
    __array_ufunc__ = None  # numpy_number * extent asks the extent

    @overload
    def __add__(self, other: Extent) -> Extent: ...
    @overload
    def __add__(self, other: Any) -> Any: ...
    def __add__(self, other: Any) -> Any:
        item = _extent_of(other)
        if item is None:
            return Dim.beyond("add", self, other)
        return _collect([*self.terms, *_terms(item)]) if item else self

    @overload
    def __radd__(self, other: int) -> Extent: ...
    @overload
    def __radd__(self, other: Any) -> Any: ...
    def __radd__(self, other: Any) -> Any:
        return Dim.beyond("add", other, self) if _extent_of(other) is None else self + other

    @overload
    def __sub__(self, other: Extent) -> Extent: ...
    @overload
    def __sub__(self, other: Any) -> Any: ...
    def __sub__(self, other: Any) -> Any:
        item = _extent_of(other)
        return Dim.beyond("sub", self, other) if item is None else self + item * -1

    @overload
    def __rsub__(self, other: int) -> Extent: ...
    @overload
    def __rsub__(self, other: Any) -> Any: ...
    def __rsub__(self, other: Any) -> Any:
        return Dim.beyond("sub", other, self) if _extent_of(other) is None else self * -1 + other

    @overload
    def __mul__(self, other: Extent) -> Extent: ...
    @overload
    def __mul__(self, other: Any) -> Any: ...
    def __mul__(self, other: Any) -> Any:
        if isinstance(other, int):  # by far the most frequent, in sizes and offsets
            return Dim(tuple((monomial, c * other) for monomial, c in self.terms)) if other else 0
        item = _extent_of(other)
        if item is None:
            return Dim.beyond("mul", self, other)
        if isinstance(item, int):
            return self * item
        return _collect((_times(left, right), a * b) for left, a in self.terms for right, b in item.terms)

    @overload
    def __rmul__(self, other: int) -> Extent: ...
    @overload
    def __rmul__(self, other: Any) -> Any: ...
    def __rmul__(self, other: Any) -> Any:
        if type(other) is int:
            return self * other
        return Dim.beyond("mul", other, self) if _extent_of(other) is None else self * other

    def __neg__(self) -> Extent:
        return self * -1

    def __pos__(self) -> Dim:
        return self

    def __floordiv__(self, other: Extent) -> Extent:
        item = _extent_of(other)
        if item is None:
            return NotImplemented
        quotient = divide_exactly(self, item)
        if quotient is None:
            raise ShapeError(f"{self} is not divisible by {item} for every value of its symbols")
        return quotient

    def __truediv__(self, other: Any) -> Any:
        return Dim.beyond("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return Dim.beyond("div", other, self)

    def __pow__(self, other: Any) -> Any:
        power = number(other)
        if isinstance(power, int) and power >= 0:
            return product([self] * power)
        return Dim.beyond("pow", self, other)

    def __rpow__(self, other: Any) -> Any:
        return Dim.beyond("pow", other, self)

    def __lt__(self, other: Any) -> Any:
        return Dim.beyond("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return Dim.beyond("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return Dim.beyond("gt", self, other)

    def __ge__(self, other: Any) -> Any:
        return Dim.beyond("ge", self, other)

    def __index__(self) -> NoReturn:
        raise SymbolicValueError(
            f"{self} is known when a program is called, and Python needs a number now\n"
            "  fix: compute with it as with a tensor, tt.sqrt(n) or x / n, or give the input a fixed extent"
        )

    __int__ = __float__ = __index__

    def at(self, **symbols: int) -> int:
        """The value with every symbol bound, e.g.

        `.at(batch=64)`. Raises ArgumentError naming one that is not, or not to an int from 0 on.
        """
        counts: dict[str, int] = {}
        for name, given in symbols.items():
            count = whole_number(given)
            if count is None or count < 0:
                raise ArgumentError(f"a dimension is an int and not negative: {name}={given!r}")
            counts[name] = count
        return evaluate(self, counts)

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in self.terms[::-1]:
            sign = "-" if coefficient < 0 else ("+" if text else "")
            text += sign + _term_text(monomial, abs(coefficient))
        return text

    def __repr__(self) -> str:
        return str(self)


Extent: TypeAlias = int | Dim
Shape: TypeAlias = tuple[Extent, ...]


def symbol(name: str) -> Dim:
    """The polynomial that is the symbol `name` alone. Raises ShapeError if `name` is not an identifier."""
    if not _IDENTIFIER.match(name):
        raise ShapeError(f"a symbolic dimension is named like a Python identifier, not {name!r}")
    return Dim(((((name, 1),), 1),))


def extent(value: Extent | str) -> Extent:
    """What a user wrote for one axis: a count, a symbol's name, or a text such as `2*batch+1`."""
    if isinstance(value, Dim):
        return value
    if isinstance(value, str):
        return parse_extent(value)
    count = whole_number(value)
    if count is None:
        raise ShapeError(f"an extent is an int, a name or a Dim, not {value!r}")
    if count < 0:
        raise ShapeError(f"an extent is not negative: {count}")
    return count


def shape_of(value: Any) -> Shape:
    """What a user wrote for a shape: a sequence or array of extents. Raises ShapeError."""
    given: Any = value
    is_one = isinstance(given, str) or not isinstance(given, Iterable) or getattr(value, "ndim", 1) == 0
    if is_one:
        raise ShapeError(f"a shape is a sequence of extents such as ({value!r},), not {value!r}")
    return tuple(map(extent, cast("Iterable[Extent | str]", value)))


def _extent_of(value: Any) -> Extent | None:
    """What an extent is added to or multiplied by to give one; None for anything else."""
    if type(value) is int or isinstance(value, Dim):
        return value
    found = number(value)
    return found if isinstance(found, int) else None


def product(extents: Iterable[Extent]) -> Extent:
    """The product of extents; 1 for none."""
    result: Extent = 1
    for item in extents:
        result = result * item
    return result


def symbols(value: Extent) -> frozenset[str]:
    """The names of the symbols in an extent."""
    return frozenset(name for monomial, _ in _terms(value) for name, _ in monomial)


def evaluate(value: Extent, bindings: Mapping[str, int]) -> int:
    """The extent's value with every symbol bound. Raises ArgumentError naming a symbol that is not."""
    if isinstance(value, int):
        return value
    total = 0
    for monomial, coefficient in value.terms:
        for name, power in monomial:
            if name not in bindings:
                raise ArgumentError(f"no value is given for the symbolic dimension {name!r} of {value}")
            coefficient *= bindings[name] ** power
        total += coefficient
    return total


def substitute(value: Extent, bindings: Mapping[str, Extent]) -> Extent:
    """The extent with some symbols replaced by extents; others stay."""
    result: Extent = 0
    for monomial, coefficient in _terms(value):
        factor: Extent = coefficient
        for name, power in monomial:
            factor = factor * product([bindings.get(name, symbol(name))] * power)
        result = result + factor
    return result


def divide_exactly(dividend: Extent, divisor: Extent) -> Extent | None:
    """The polynomial q with q * divisor == dividend, or None where there is none.

    Multivariate long division by the leading term in lexicographic order, e.g. Cox, Little, O'Shea, "Ideals,
    Varieties, and Algorithms", section 2.3.
    """
    if divisor == 0:
        return None
    (lead, scale), rest, quotient = _leading(divisor), dividend, 0
    while rest != 0:
        monomial, coefficient = _leading(rest)
        factor = _quotient(monomial, lead)
        if factor is None or coefficient % scale:
            return None
        step = _collect([(factor, coefficient // scale)])
        quotient, rest = step + quotient, rest - step * divisor
    return quotient


def divide_down(dividend: Extent, divisor: int) -> tuple[Extent, int] | None:
    """The quotient rounded down for every value of the symbols, and what is left; None where it varies.

    `2*m - 1` by 2 is `m - 1`, and 1 is left: all but the constant term are divisible.
    """
    rest = (dividend if isinstance(dividend, int) else dict(dividend.terms).get((), 0)) % divisor
    quotient = divide_exactly(dividend - rest, divisor)
    return None if quotient is None else (quotient, rest)


_TOKEN = re.compile(r"\s*(?:(?P<number>\d+)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)|(?P<op>[-+*^]))")


def parse_extent(text: str) -> Extent:
    """Read what `str` of an extent prints: signed sums of products of integers and symbols with `^` powers.

    Raises ParseError for anything else. Reads tokens only; nothing is evaluated as code.
    """
    total: Extent = 0
    for sign, factors in _signed_products(text):
        total = total + product(factors) * sign
    return total


def _signed_products(text: str) -> list[tuple[int, list[Extent]]]:
    terms: list[tuple[int, list[Extent]]] = []
    position, sign, expecting = 0, 1, True
    factors: list[Extent] = []
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ParseError(f"not an extent: {text!r} at column {position + 1}")
        position = match.end()
        token = match.group().strip()
        if not match["op"]:
            if not expecting:
                raise ParseError(f"not an extent: {text!r}: an operator is missing before {token!r}")
            factors.append(int(token) if match["number"] else symbol(token))
            expecting = False
        elif token == "^" and not expecting:
            power = re.compile(r"\s*(\d{1,3})").match(text, position)
            if power is None:
                raise ParseError(f"not an extent: {text!r}: a power is a small integer")
            factors[-1], position = product([factors[-1]] * int(power[1])), power.end()
        elif token == "*" and not expecting:
            expecting = True
        elif token in "+-" and not (expecting and (factors or terms)):
            if factors:
                terms.append((sign, factors))
            factors, sign, expecting = [], -1 if token == "-" else 1, True
        else:
            raise ParseError(f"not an extent: {text!r}: {token!r} is out of place")
    if expecting:
        raise ParseError(f"not an extent: {text!r} ends too early")
    return [*terms, (sign, factors)]


def _terms(value: Extent) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(value, Dim):
        return value.terms
    return (((), value),) if value else ()


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Extent:
    sums: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        sums[monomial] = sums.get(monomial, 0) + coefficient
    kept = tuple(sorted((m, c) for m, c in sums.items() if c))
    if not kept:
        return 0
    return kept[0][1] if kept[-1][0] == () else Dim(kept)


def _times(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted(powers.items()))


def _quotient(left: Monomial, right: Monomial) -> Monomial | None:
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) - power
    if any(power < 0 for power in powers.values()):
        return None
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _leading(value: Extent) -> tuple[Monomial, int]:
    """The greatest term in the lexicographic monomial order (a true monomial order, as division needs)."""
    names = sorted(symbols(value))
    return max(_terms(value), key=lambda term: [dict(term[0]).get(name, 0) for name in names])


def _term_text(monomial: Monomial, coefficient: int) -> str:
    factors = [name if power == 1 else f"{name}^{power}" for name, power in monomial]
    if coefficient != 1 or not factors:
        factors.insert(0, str(coefficient))
    return "*".join(factors)
