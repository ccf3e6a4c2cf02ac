"""Reads the text of a formula. Tokens only: nothing is evaluated, and nesting is bounded."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from compiler.errors import FormulaError, ParseError
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.printing import INFIX, PREFIX
from compiler.ir.formula.tape import Const, Formula, Ref, Tape
from compiler.ir.types import Scalar

_TOKENS = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_][\w.'~]*)"
    r"|(?P<op>\*\*|<<|>>|<=|>=|==|!=|[-+*/<>|&^~(){},;=]))"
)
_CONSTANTS: Final[dict[str, Scalar]] = {
    "true": True,
    "false": False,
    "inf": math.inf,
    "nan": math.nan,
    "pi": math.pi,
}
_INFIX_ATOM = {infix.symbol: atom for atom, infix in INFIX.items()}
_PREFIX_ATOM = {symbol: atom for atom, symbol in PREFIX.items()}
_DEEPEST = 100
_MOST_DIGITS = 18
"""Every integer of so many digits is one of int64."""
_POWER, _UNARY = INFIX["pow"], INFIX["pow"].right


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


@lru_cache(maxsize=4096)
def parse_formula(text: str) -> Formula:
    """The formula that `text` prints, e.g. `gelu(x) = x * normcdf(x)`. Raises ParseError with the column."""
    try:
        return _Reader(text).formula()
    except FormulaError as error:
        raise ParseError(f"not a formula: {error}, in {text[:200]!r}") from None


def parse_scalar(text: str) -> Scalar:
    """A literal alone. Raises ParseError."""
    formula = _Reader(f"f() = {text}").formula()
    if isinstance(formula.result, Const):
        return formula.result.value
    raise ParseError(f"not a number: {text!r}")


class _Reader:
    """One pass over the tokens by precedence climbing (Richards, 1979), writing onto a tape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_split(text))
        self.position = 0
        self.depth = 0
        self.names: dict[str, Ref] = {}
        self.tape = Tape(())

    def formula(self) -> Formula:
        name = self.take("name").text
        self.expect("(")
        parameters: list[str] = []
        while not self.accept(")"):
            if parameters:
                self.expect(",")
            parameters.append(self.take("name").text)
        self.expect("=")
        self.tape = Tape(parameters)
        self.names = {parameter: k for k, parameter in enumerate(parameters)}
        result = self.block() if self.accept("{") else self.expression()
        if self.position < len(self.tokens):
            raise self.error("the formula should end here")
        return self.tape.finish(name, result)

    def block(self) -> Ref:
        while self.peek(1) == "=":
            token = self.take("name")
            if token.text in self.names:
                raise self.error(f"{token.text!r} has a value already", token)
            self.expect("=")
            self.names[token.text] = self.expression()
            self.expect(";")
        result = self.expression()
        self.expect("}")
        return result

    def expression(self, least: int = 0) -> Ref:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error("the expression is nested too deeply")
        left = self.unary()
        while (atom := _INFIX_ATOM.get(self.peek())) and INFIX[atom].precedence >= least:
            self.position += 1
            left = self.tape.emit(atom, left, self.expression(INFIX[atom].right))
        self.depth -= 1
        return left

    def unary(self) -> Ref:
        atom = _PREFIX_ATOM.get(self.peek())
        if atom is None:
            return self.primary()
        self.position += 1
        is_literal = atom == "neg" and self.is_number() and self.peek(1) != "**"
        value = self.expression(_UNARY) if not is_literal else self.primary()
        if is_literal and isinstance(value, Const):
            return Const(-value.value)
        return self.tape.emit(atom, value)

    def is_number(self) -> bool:
        if self.position >= len(self.tokens):
            return False
        token = self.tokens[self.position]
        return token.kind == "number" or (token.text in ("inf", "nan") and token.text not in self.names)

    def primary(self) -> Ref:
        if self.accept("("):
            value = self.expression()
            self.expect(")")
            return value
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind != "name":
            raise self.error("a value is expected", token)
        if self.peek() == "(":
            return self.call(token)
        if token.text in self.names:
            return self.names[token.text]
        if token.text in _CONSTANTS:
            return Const(_CONSTANTS[token.text])
        raise self.error(f"{token.text!r} is no parameter of this formula", token)

    def number(self, token: _Token) -> Const:
        if not token.text.isdigit():
            return Const(float(token.text))
        if len(token.text) > _MOST_DIGITS:
            raise self.error(f"an integer has {_MOST_DIGITS} digits at most; write a float", token)
        return Const(int(token.text))

    def call(self, token: _Token) -> Ref:
        atom = ATOMS.get(token.text)
        if atom is None:
            raise self.error(f"{token.text!r} is no atom; the atoms are {', '.join(ATOMS)}", token)
        self.expect("(")
        arguments: list[Ref] = []
        while not self.accept(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.expression())
        if len(arguments) != atom.arity:
            raise self.error(f"{atom.name} takes {atom.arity} arguments, not {len(arguments)}", token)
        return self.tape.emit(atom.name, *arguments)

    def peek(self, ahead: int = 0) -> str:
        position = self.position + ahead
        return self.tokens[position].text if position < len(self.tokens) else ""

    def accept(self, text: str) -> bool:
        found = self.peek() == text
        self.position += found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.error(f"{text!r} is expected")

    def take(self, kind: str | None = None) -> _Token:
        if self.position >= len(self.tokens):
            raise self.error("the text ends too early")
        token = self.tokens[self.position]
        if kind is not None and token.kind != kind:
            raise self.error(f"a {kind} is expected", token)
        self.position += 1
        return token

    def error(self, message: str, token: _Token | None = None) -> ParseError:
        if token is None and self.position < len(self.tokens):
            token = self.tokens[self.position]
        column = token.column if token else len(self.text)
        return ParseError(f"not a formula: {message}, at column {column + 1} of {self.text[:200]!r}")


def _split(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKENS.match(text, position)
        if match is None:
            raise ParseError(f"not a formula: {text[position]!r} at column {position + 1} of {text[:200]!r}")
        kind = match.lastgroup or ""
        yield _Token(kind, match[kind], match.start(kind))
        position = match.end()
