"""The text of a formula, which `parsing.py` reads back exactly, and its LaTeX.

    formula    ::= name "(" parameter, ... ")" "=" body
    body       ::= expression | "{" name "=" expression ";" ... expression "}"

Operators and their precedence are Python's; `&  ^  |  ~` are the logical atoms. A value that is used twice
gets a name in braces. Floats print as their shortest decimal, which reads back to the same bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from compiler.ir.formula.atoms import ATOMS, COMPARISONS

if TYPE_CHECKING:
    from compiler.ir.formula.tape import Const, Formula, Line, Ref


class Infix(NamedTuple):
    """How an infix atom binds: an operand of lower precedence than its side's gets parentheses."""

    symbol: str
    precedence: int
    left: int
    right: int


_COMPARING, _OR, _XOR, _AND, _SUM, _PRODUCT, _UNARY, _POWER, _HIGHEST = range(1, 10)

INFIX: Final = {
    **{name: Infix(symbol, _COMPARING, _OR, _OR) for name, symbol in COMPARISONS.items()},
    "or": Infix("|", _OR, _OR, _XOR),
    "xor": Infix("^", _XOR, _XOR, _AND),
    "and": Infix("&", _AND, _AND, _SUM),
    "add": Infix("+", _SUM, _SUM, _PRODUCT),
    "sub": Infix("-", _SUM, _SUM, _PRODUCT),
    "mul": Infix("*", _PRODUCT, _PRODUCT, _UNARY),
    "div": Infix("/", _PRODUCT, _PRODUCT, _UNARY),
    "pow": Infix("**", _POWER, _HIGHEST, _UNARY),
}
PREFIX: Final = {"neg": "-", "not": "~"}


class _Piece(NamedTuple):
    text: str
    precedence: int

    def at(self, least: int) -> str:
        return self.text if self.precedence >= least else f"({self.text})"


def print_formula(formula: Formula) -> str:
    """`gelu(x) = x * normcdf(x)`."""
    return f"{formula.name}({', '.join(formula.parameters)}) = {print_body(formula)}"


def print_body(formula: Formula) -> str:
    """The right-hand side alone."""
    shared = _shared_names(formula)
    bindings: list[str] = []
    pieces = [_Piece(name, _HIGHEST) for name in formula.parameters]
    for position, line in enumerate(formula.lines, start=len(pieces)):
        piece = _print_line(line, pieces)
        if position in shared:
            bindings.append(f"{shared[position]} = {piece.text}")
            piece = _Piece(shared[position], _HIGHEST)
        pieces.append(piece)
    body = _print_ref(formula.result, pieces).text
    return "{ " + "; ".join([*bindings, body]) + " }" if bindings else body


def print_scalar(value: bool | int | float) -> str:
    """A literal: `true`, `2`, `0.5`, `-inf`, `nan`."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _print_line(line: Line, pieces: list[_Piece]) -> _Piece:
    arguments = [_print_ref(ref, pieces) for ref in line.arguments]
    if line.atom in INFIX:
        infix = INFIX[line.atom]
        left, right = arguments[0].at(infix.left), arguments[1].at(infix.right)
        return _Piece(f"{left} {infix.symbol} {right}", infix.precedence)
    if line.atom in PREFIX:
        # A literal keeps parentheses: `-2` is the literal, `-(2)` the negation of one.
        least = _UNARY if isinstance(line.arguments[0], int) else _HIGHEST + 1
        return _Piece(PREFIX[line.atom] + arguments[0].at(least), _UNARY)
    return _Piece(f"{line.atom}({', '.join(piece.text for piece in arguments)})", _HIGHEST)


def _print_ref(ref: Ref, pieces: list[_Piece]) -> _Piece:
    if isinstance(ref, int):
        return pieces[ref]
    text = print_scalar(ref.value)
    return _Piece(text, _UNARY if text.startswith("-") else _HIGHEST)


def _shared_names(formula: Formula) -> dict[int, str]:
    uses = Counter(ref for line in formula.lines for ref in line.arguments if isinstance(ref, int))
    first = len(formula.parameters)
    shared = [ref for ref in range(first, first + len(formula.lines)) if uses[ref] > 1]
    taken, names, number = set(formula.parameters), dict[int, str](), 0
    for ref in shared:
        while f"t{number}" in taken:
            number += 1
        names[ref], number = f"t{number}", number + 1
    return names


def latex(formula: Formula) -> str:
    """The right-hand side in LaTeX mathematics, without delimiters. Shared values are written out again."""
    pieces = [_Piece(_latex_name(name), _HIGHEST) for name in formula.parameters]
    for line in formula.lines:
        pieces.append(
            _latex_line(line, lambda ref: pieces[ref] if isinstance(ref, int) else _latex_const(ref))
        )
    result = formula.result
    return pieces[result].text if isinstance(result, int) else _latex_const(result).text


def _latex_line(line: Line, look: Callable[[Ref], _Piece]) -> _Piece:
    arguments = [look(ref) for ref in line.arguments]
    template = ATOMS[line.atom].latex
    infix = INFIX.get(line.atom)
    if line.atom in ("div", "where", "pow") or infix is None:
        least = _HIGHEST if line.atom in ("pow", "neg") else 0
        bare = [arguments[0].at(least), *(piece.text for piece in arguments[1:])]
        precedence = _POWER if line.atom in ("pow", "div") else _UNARY if line.atom == "neg" else _HIGHEST
        return _Piece(template.format(**dict(zip("xyz", bare, strict=False))), precedence)
    return _Piece(
        template.format(x=arguments[0].at(infix.left), y=arguments[1].at(infix.right)), infix.precedence
    )


def _latex_const(ref: Const) -> _Piece:
    text = print_scalar(ref.value).replace("inf", r"\infty")
    return _Piece(text, _UNARY if text.startswith("-") else _HIGHEST)


def _latex_name(name: str) -> str:
    return name if len(name) == 1 else r"\mathrm{" + name.replace("_", r"\_") + "}"
