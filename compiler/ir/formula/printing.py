"""The text of a formula, which `parsing.py` reads back exactly, and its LaTeX.

    formula    ::= name "(" parameter, ... ")" "=" body
    body       ::= expression | "{" name "=" expression ";" ... expression "}"

Operators and their precedence are Python's; `&  ^  |  ~  <<  >>` are those of bits. A value that is used
twice gets a name in braces. Floats print as their shortest decimal, which reads back to the same bits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from compiler.ir.formula.atoms import ATOMS, COMPARISONS

if TYPE_CHECKING:
    from compiler.ir.formula.tape import Formula, Line, Ref


class Infix(NamedTuple):
    """How an infix atom binds: an operand of lower precedence than its side's gets parentheses."""

    symbol: str
    precedence: int
    left: int
    right: int


_COMPARING, _OR, _XOR, _AND, _SHIFT, _SUM, _PRODUCT, _UNARY, _POWER, HIGHEST = range(1, 11)

INFIX: Final = {
    **{name: Infix(symbol, _COMPARING, _OR, _OR) for name, symbol in COMPARISONS.items()},
    "or": Infix("|", _OR, _OR, _XOR),
    "xor": Infix("^", _XOR, _XOR, _AND),
    "and": Infix("&", _AND, _AND, _SHIFT),
    "lshift": Infix("<<", _SHIFT, _SHIFT, _SUM),
    "rshift": Infix(">>", _SHIFT, _SHIFT, _SUM),
    "add": Infix("+", _SUM, _SUM, _PRODUCT),
    "sub": Infix("-", _SUM, _SUM, _PRODUCT),
    "mul": Infix("*", _PRODUCT, _PRODUCT, _UNARY),
    "div": Infix("/", _PRODUCT, _PRODUCT, _UNARY),
    "pow": Infix("**", _POWER, HIGHEST, _UNARY),
}
PREFIX: Final = {"neg": "-", "not": "~"}


_DEEPEST: Final = 24
"""Atoms in each other's arguments; a text that is nested more deeply would not be read back."""


class Piece(NamedTuple):
    """A part of an expression, and how strongly it holds together."""

    text: str
    precedence: int

    def at(self, least: int) -> str:
        """The text, in parentheses if it holds together less strongly than it must."""
        return self.text if self.precedence >= least else f"({self.text})"


def print_formula(formula: Formula) -> str:
    """`gelu(x) = x * normcdf(x)`."""
    return f"{formula.name}({', '.join(formula.parameters)}) = {print_body(formula)}"


def print_body(formula: Formula) -> str:
    """The right-hand side alone."""
    shared = _shared_names(formula)
    bindings: list[str] = []
    pieces = [Piece(name, HIGHEST) for name in formula.parameters]
    for position, line in enumerate(formula.lines, start=len(pieces)):
        piece = print_line(line, pieces)
        if position in shared:
            bindings.append(f"{shared[position]} = {piece.text}")
            piece = Piece(shared[position], HIGHEST)
        pieces.append(piece)
    body = print_ref(formula.result, pieces).text
    return "{ " + "; ".join([*bindings, body]) + " }" if bindings else body


def print_scalar(value: bool | int | float) -> str:
    """A literal: `true`, `2`, `0.5`, `-inf`, `nan`."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def print_line(line: Line, pieces: Sequence[Piece]) -> Piece:
    """An atom of earlier values."""
    arguments = [print_ref(ref, pieces) for ref in line.arguments]
    if line.atom in INFIX:
        infix = INFIX[line.atom]
        left, right = arguments[0].at(infix.left), arguments[1].at(infix.right)
        return Piece(f"{left} {infix.symbol} {right}", infix.precedence)
    if line.atom in PREFIX:
        # A literal keeps parentheses: `-2` is the literal, `-(2)` the negation of one.
        least = _UNARY if isinstance(line.arguments[0], int) else HIGHEST + 1
        return Piece(PREFIX[line.atom] + arguments[0].at(least), _UNARY)
    return Piece(f"{line.atom}({', '.join(piece.text for piece in arguments)})", HIGHEST)


def print_ref(ref: Ref, pieces: Sequence[Piece]) -> Piece:
    """A literal, or an earlier value."""
    if isinstance(ref, int):
        return pieces[ref]
    text = print_scalar(ref.value)
    return Piece(text, _UNARY if text.startswith("-") else HIGHEST)


def _shared_names(formula: Formula) -> dict[int, str]:
    """Names for values that are used twice, and for some of those on a long way down."""
    uses = Counter(ref for line in formula.lines for ref in line.arguments if isinstance(ref, int))
    depths, shared = [0] * len(formula.parameters), list[int]()
    for ref, line in enumerate(formula.lines, len(formula.parameters)):
        depth = 1 + max((depths[item] for item in line.arguments if isinstance(item, int)), default=0)
        if uses[ref] > 1 or depth == _DEEPEST:
            shared.append(ref)
        depths.append(0 if ref in shared[-1:] else depth)
    taken, names, number = set(formula.parameters), dict[int, str](), 0
    for ref in shared:
        while f"t{number}" in taken:
            number += 1
        names[ref], number = f"t{number}", number + 1
    return names


_LONGEST_REPEATED: Final = 40
"""Characters of LaTeX up to which a value that is used twice is written out twice."""
_GREEK: Final = frozenset({"alpha", "beta", "gamma", "delta", "epsilon", "lambda", "mu", "sigma"})
_LATEX_PLACES: Final[dict[str, tuple[int, tuple[int, ...]]]] = {
    "div": (_POWER, (0, 0)),
    "pow": (_POWER, (HIGHEST, 0)),
    "exp": (_POWER, (0,)),
    "neg": (_PRODUCT, (_PRODUCT,)),
    "not": (_UNARY, (_UNARY,)),
    "zmul": (_PRODUCT, (_PRODUCT, _UNARY)),
    "where": (0, (0, 0, 0)),
}
"""Precedence of what an atom's template gives and least precedence of each argument, where special."""


def latex(formula: Formula) -> str:
    """The right-hand side in LaTeX mathematics, without delimiters.

    A long value that is used twice gets a name, and what it is follows after commas.
    """
    shared, bindings = list(_shared_names(formula)), list[str]()
    pieces = [Piece(_latex_name(name), HIGHEST) for name in formula.parameters]
    for position, line in enumerate(formula.lines, start=len(pieces)):
        piece = _latex_line(line, [_latex_ref(ref, pieces) for ref in line.arguments])
        if position in shared and len(piece.text) > _LONGEST_REPEATED:
            name = f"t_{{{len(bindings)}}}"
            bindings.append(f"{name} = {piece.text}")
            piece = Piece(name, HIGHEST)
        pieces.append(piece)
    return r", \quad ".join([_latex_ref(formula.result, pieces).text, *bindings])


def _latex_line(line: Line, arguments: list[Piece]) -> Piece:
    infix = INFIX.get(line.atom)
    usual = (infix.precedence, (infix.left, infix.right)) if infix else (HIGHEST, (0,) * len(arguments))
    precedence, places = _LATEX_PLACES.get(line.atom, usual)
    texts = [_latex_at(piece, least) for piece, least in zip(arguments, places, strict=True)]
    if line.atom in ("add", "sub", "mul", "neg") and texts[-1].startswith("-"):
        texts[-1] = f"({texts[-1]})"
    template = ATOMS[line.atom].latex
    if line.atom == "mul" and texts[1][0].isdigit():
        template = r"{x} \cdot {y}"
    return Piece(template.format(**dict(zip("xyz", texts, strict=False))), precedence)


def _latex_at(piece: Piece, least: int) -> str:
    if piece.precedence >= least:
        return piece.text
    is_tall = r"\frac" in piece.text or r"\begin" in piece.text
    return rf"\left({piece.text}\right)" if is_tall else f"({piece.text})"


def _latex_ref(ref: Ref, pieces: list[Piece]) -> Piece:
    if isinstance(ref, int):
        return pieces[ref]
    if ref.value == math.pi:
        return Piece(r"\pi", HIGHEST)
    text = print_scalar(ref.value).replace("inf", r"\infty")
    digits, _, exponent = text.partition("e")
    if exponent.lstrip("+-").isdigit():
        power = f"10^{{{int(exponent)}}}"
        return Piece(power if digits == "1" else rf"{digits} \cdot {power}", _PRODUCT)
    if text.isalpha():
        text = rf"\mathrm{{{text}}}"
    return Piece(text, _PRODUCT if text.startswith("-") else HIGHEST)


def _latex_name(name: str) -> str:
    if name in _GREEK:
        return f"\\{name}"
    return name if len(name) == 1 else r"\mathrm{" + name.replace("_", r"\_").replace("~", r"\sim ") + "}"
