"""The chain rule along a tape: the derivative of every line beside the line itself.

A line is never written twice, so that what orders of derivatives have in common stays common: the length of
the n-th derivative grows like a polynomial in n, where a written-out expression grows exponentially.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

from compiler.ir.formula.atom_partials import atom_partial
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.intervals import value_range
from compiler.ir.formula.literals import Literals
from compiler.ir.formula.precise import precise_literal, table
from compiler.ir.formula.symbolic import Derived
from compiler.ir.formula.tape import Const, Formula, Line, Ref, Tape

_SMALLEST, _LARGEST = 1e-30, 1e300
"""Between them the values of operations on literals are written as literals."""

_ZERO, _ONE, _MINUS_ONE = Const(0), Const(1), Const(-1)


def differentiate_lines(formula: Formula, parameter: int, name: str, *, masked: bool = False) -> Derived:
    """The partial derivative, by the chain rule over the atoms' partials. Not yet proved.

    Its lines include those of the formula that it needs, as they are. With `masked` a product of a factor
    that is bounded and one that is not is 0 where the former is.
    """
    chain = _Chain(formula, parameter, masked)
    return Derived(chain.sums.tape.finish(name, chain.run()), chain.sums.literals.exact)


class _Chain:
    """One walk along a tape."""

    def __init__(self, formula: Formula, parameter: int, masked: bool) -> None:
        self.formula = formula
        self.parameter = parameter
        self.masked = masked
        self.sums = _Sums(Tape(formula.parameters), Literals(given=_literals(formula)))
        self.sums.tape.inline(formula, list(range(len(formula.parameters))))
        self.slopes: dict[Ref, Ref] = {parameter: _ONE}
        """The derivative of each value that has one other than 0."""

    def run(self) -> Ref:
        for number, line in enumerate(self.formula.lines, len(self.formula.parameters)):
            slope = self.slope_of(number, line)
            if not _is(slope, 0):
                self.slopes[number] = slope
        return self.slope(self.formula.result)

    def slope(self, ref: Ref) -> Ref:
        return self.slopes.get(ref, _ZERO)

    def slope_of(self, number: int, line: Line) -> Ref:
        slopes = [self.slope(ref) for ref in line.arguments]
        if ATOMS[line.atom].flat or all(_is(slope, 0) for slope in slopes):
            return _ZERO
        arguments, sums = line.arguments, self.sums
        match line.atom:
            case "add":
                return sums.add(*slopes)
            case "sub":
                return sums.add(slopes[0], sums.neg(slopes[1]))
            case "neg":
                return sums.neg(slopes[0])
            case "div":  # (x / y)' = (x' - (x / y) y') / y keeps the size of x / y
                return sums.div(sums.add(slopes[0], sums.neg(sums.mul(number, slopes[1]))), arguments[1])
            case "where":
                return sums.where(arguments[0], *slopes[1:])
            case "zmul":
                return sums.add(sums.zmul(slopes[0], arguments[1]), sums.zmul(arguments[0], slopes[1]))
            case _:
                return self.of_atom(number, line, slopes)

    def of_atom(self, number: int, line: Line, slopes: list[Ref]) -> Ref:
        total: Ref = _ZERO
        for place, slope in enumerate(slopes):
            if not _is(slope, 0):
                total = self.sums.add(total, self.product(self.partial(number, line, place), slope))
        return total

    def product(self, x: Ref, y: Ref) -> Ref:
        """The product. What does not depend on the parameter is never hidden: a cotangent may be NaN."""
        if self.masked and all(self.sums.depends(ref, self.parameter) for ref in (x, y)):
            bounded = [self.sums.is_bounded(ref) for ref in (x, y)]
            if any(bounded) and not all(bounded):
                return self.sums.zmul(x, y) if bounded[0] else self.sums.zmul(y, x)
        return self.sums.mul(x, y)

    def partial(self, number: int, line: Line, place: int) -> Ref:
        """The partial of a line by one of its arguments."""
        if line.atom == "pow" and place == 0 and isinstance(line.arguments[1], Const):
            base, exponent = line.arguments
            is_falling = _is_negative(
                exponent
            )  # then the power itself is at hand, and infinite where its slope is
            if is_falling:
                return self.sums.div(self.sums.mul(exponent, number), base)
            return self.sums.mul(exponent, self.sums.power(base, exponent))
        if line.atom == "mul":
            return line.arguments[1 - place]
        return self.sums.inline(atom_partial(line.atom, place), line.arguments)


class _Sums:
    """Arithmetic on a tape that leaves out zeros, ones and double signs and gathers numbers in front.

    Of two products of the same operands there is one line.
    """

    def __init__(self, tape: Tape, literals: Literals) -> None:
        self.tape = tape
        self.literals = literals
        self.rules: Mapping[str, Callable[..., Ref]] = {
            "add": self.add, "mul": self.mul, "neg": self.opposite, "sub": self.sub, "div": self.div,
        }  # fmt: skip

    def inline(self, formula: Formula, arguments: tuple[Ref, ...]) -> Ref:
        """The value of a formula, by this arithmetic."""

        def emitter(atom: str) -> Callable[..., Ref]:
            return self.rules.get(atom) or (lambda *given: self.emit(atom, *given))

        return formula.evaluate({atom: emitter(atom) for atom in ATOMS}, arguments, Const)

    def depends(self, ref: Ref, parameter: int) -> bool:
        """Whether a value depends on a parameter."""
        return self.tape.finish("part", ref).uses(parameter)

    def is_bounded(self, ref: Ref) -> bool:
        """Whether a value is finite at finite arguments."""
        low, high = value_range(self.tape.finish("part", ref))
        return -math.inf < low and high < math.inf

    def emit(self, atom: str, *arguments: Ref) -> Ref:
        """The atom's line, or its value where every argument is a literal."""
        if not all(isinstance(item, Const) for item in arguments):
            return self.tape.emit(atom, *arguments)
        values = [
            precise_literal(item.value, self.literals.exact) for item in arguments if isinstance(item, Const)
        ]
        value = table()[atom](*values)
        is_number = not isinstance(value, bool) and (value == 0 or _SMALLEST < abs(value) < _LARGEST)
        return self.literals(value) if is_number else self.tape.emit(atom, *arguments)

    def commuting(self, atom: str, x: Ref, y: Ref) -> Ref:
        """The line of an atom whose operands may change places, whichever way it stands there already."""
        return self.tape.emit(atom, y, x) if self.tape.has(atom, y, x) else self.tape.emit(atom, x, y)

    def mul(self, x: Ref, y: Ref) -> Ref:
        (first, x), (second, y) = self.scaled(x), self.scaled(y)
        factor = self.emit("mul", first, second)
        if x == _ONE or y == _ONE:
            return self.times(factor, y if x == _ONE else x)
        pushed = self.into_branches(x, y) or self.into_branches(y, x)
        return self.times(factor, pushed or self.commuting("mul", x, y))

    def into_branches(self, x: Ref, y: Ref) -> Ref | None:
        """The product with a `where` that is a literal in a branch: the choice of two products."""
        line = self.tape.line(y)
        if (
            line is None
            or line.atom != "where"
            or not any(isinstance(item, Const) for item in line.arguments[1:])
        ):
            return None
        condition, chosen, other = line.arguments
        return self.where(condition, self.mul(x, chosen), self.mul(x, other))

    def times(self, factor: Ref, value: Ref) -> Ref:
        """A literal times a value."""
        if isinstance(value, Const):
            return self.emit("mul", factor, value)
        if _is(factor, 0):
            return _ZERO
        if _is(factor, 1):
            return value
        return self.tape.emit("neg", value) if _is(factor, -1) else self.multiple(factor, value)

    def multiple(self, factor: Ref, value: Ref) -> Ref:
        """The line of a literal times a value, of a product with a part that is so multiplied already.

        In the slope of `x * sigmoid(c * x)` the rounding of `c * x` then is one of the argument throughout.
        Products with powers of two are not rounded.
        """
        line = self.tape.line(value)
        is_rounded = isinstance(factor, Const) and math.frexp(factor.value)[0] not in (0.5, -0.5)
        if is_rounded and line is not None and line.atom == "mul":
            for one, other in permutations(line.arguments):
                if self.tape.has("mul", factor, one):
                    return self.commuting("mul", self.tape.emit("mul", factor, one), other)
        return self.tape.emit("mul", factor, value)

    def scaled(self, value: Ref) -> tuple[Const, Ref]:
        """A value as a literal times another; 1 stands for what is left of a literal."""
        line = self.tape.line(value)
        if isinstance(value, Const):
            return value, _ONE
        if line is not None and line.atom == "neg":
            return _MINUS_ONE, line.arguments[0]
        if line is not None and line.atom == "mul" and isinstance(line.arguments[0], Const):
            return line.arguments[0], line.arguments[1]
        return _ONE, value

    def neg(self, value: Ref) -> Ref:
        return self.mul(_MINUS_ONE, value)

    def opposite(self, value: Ref) -> Ref:
        """`-value` as it is written: in `sigmoid(-x)` no factor is to be multiplied by -1."""
        line = self.tape.line(value)
        return line.arguments[0] if line is not None and line.atom == "neg" else self.emit("neg", value)

    def add(self, x: Ref, y: Ref) -> Ref:
        if _is(x, 0) or _is(y, 0):
            return y if _is(x, 0) else x
        if isinstance(y, Const):
            x, y = y, x
        if isinstance(x, Const):
            factor, rest = self.scaled(y)
            is_negative = _is_negative(factor) and rest != _ONE
            return self.emit("sub", x, self.neg(y)) if is_negative else self.emit("add", x, y)
        (first, one), (second, other) = self.scaled(x), self.scaled(y)
        if one == other:
            return self.times(self.emit("add", first, second), one)
        if _is_negative(second):
            return self.tape.emit("sub", x, self.times(self.emit("mul", _MINUS_ONE, second), other))
        if _is_negative(first):
            return self.tape.emit("sub", y, self.times(self.emit("mul", _MINUS_ONE, first), one))
        return self.commuting("add", x, y)

    def sub(self, x: Ref, y: Ref) -> Ref:
        return self.add(x, self.neg(y))

    def div(self, x: Ref, y: Ref) -> Ref:
        factor, rest = self.scaled(x)
        if rest == _ONE:
            sign = _MINUS_ONE if _is_negative(factor) else _ONE
            return self.times(sign, self.emit("div", self.emit("mul", sign, factor), y))
        if abs(factor.value) < 1:  # the quotient may be infinite where a part of it is not
            return self.emit("div", x, y)
        return self.times(factor, self.emit("div", rest, y))

    def where(self, condition: Ref, chosen: Ref, other: Ref) -> Ref:
        return chosen if chosen == other else self.tape.emit("where", condition, chosen, other)

    def zmul(self, x: Ref, y: Ref) -> Ref:
        """0 where x is, whatever y is."""
        if _is(x, 0) or _is(y, 0):
            return _ZERO
        if isinstance(x, Const) or isinstance(y, Const):
            return self.mul(x, y)
        factor, rest = self.scaled(x)
        if self.tape.has("mul", factor, y):
            return self.tape.emit("zmul", rest, self.tape.emit("mul", factor, y))
        return self.tape.emit("zmul", x, y)

    def power(self, base: Ref, exponent: Ref) -> Ref:
        """`base ** (exponent - 1)`."""
        less = self.emit("sub", exponent, _ONE)
        if _is(less, 0) or _is(less, 1):
            return base if _is(less, 1) else _ONE
        return self.tape.emit("pow", base, less)


def _is(ref: Ref, number: int) -> bool:
    return isinstance(ref, Const) and ref.value == number


def _is_negative(ref: Any) -> bool:
    return ref.value < 0


def _literals(formula: Formula) -> frozenset[float]:
    found = (ref.value for line in formula.lines for ref in line.arguments if isinstance(ref, Const))
    return frozenset(value for value in found if isinstance(value, float))
