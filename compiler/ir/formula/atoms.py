"""The atoms: the scalar functions that formulas are made of.

What holds of an atom everywhere is declared here, in one row; what evaluates it is a row of a table elsewhere
(`examples/docs/how_to/atom.md` lists them). An atom states its definition in elementary functions. Its
partial derivatives are derived by sympy from that definition (`symbolic.py`), written in atoms again, and
shipped in `derived.py`. What is differentiated is the definition; what a backend evaluates is its own stable
form of the same function.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from compiler.errors import LawError


class Rule(Enum):
    """How the dtype of an atom follows from those of its arguments."""

    ARITHMETIC = "the common dtype; not defined for two bools"
    SELECTING = "the common dtype, bool included"
    FLOATING = "the floating dtype of the common dtype"
    COMPARISON = "bool, of arguments in their common dtype"
    TEST = "bool, of one argument"
    BITWISE = "the common dtype of bools and integers"
    INTEGER = "the common dtype of integers"
    WORD = "int32, of integers that are read as int64"
    WORDS = "int64, of integers that are read as int64"
    WHERE = "the common dtype of the second and third argument; the first is bool"


OF_INTEGERS: Final = (Rule.BITWISE, Rule.INTEGER, Rule.WORD, Rule.WORDS)
"""Those by which no argument is a float."""


class Rounding(Enum):
    """How far from the exact value of its arguments every backend's value of an atom is."""

    EXACT = "nothing is rounded"
    NEAREST = "the float nearest to the exact value"
    CLOSE = "a few units in the last place, which depend on the backend"


@dataclass(frozen=True, slots=True)
class Atom:
    """A scalar function of one to three reals.

    `definition` is a formula text in `x, y, z` over elementary functions and other atoms that are defined
    without this one; None marks an atom that is elementary itself. `latex` is a template over `{x} {y} {z}`.
    `instructions` is about how many instructions of a processor it takes, for costs.
    """

    name: str
    arity: int
    rule: Rule
    rounding: Rounding
    instructions: int
    latex: str
    definition: str | None = None
    flat: bool = False
    """The derivative is 0 wherever it exists, and is taken to be 0 everywhere."""
    commutes: bool = False
    """The arguments may change places; of maximum and minimum of 0.0 and -0.0 the sign may then change."""
    breaks: bool = False
    """Value or derivative may jump where the arguments are equal (or where the one is 0)."""


_A, _F, _C, _B = Rule.ARITHMETIC, Rule.FLOATING, Rule.COMPARISON, Rule.BITWISE
_EXACT, _NEAREST, _CLOSE = Rounding.EXACT, Rounding.NEAREST, Rounding.CLOSE

_TABLE = (
    Atom("add", 2, _A, _NEAREST, 1, "{x} + {y}", commutes=True),
    Atom("sub", 2, _A, _NEAREST, 1, "{x} - {y}"),
    Atom("mul", 2, _A, _NEAREST, 1, r"{x} \, {y}", commutes=True),
    Atom("div", 2, _F, _NEAREST, 4, r"\frac{{{x}}}{{{y}}}"),
    Atom("neg", 1, _A, _EXACT, 1, "-{x}"),
    Atom("pow", 2, _A, _CLOSE, 90, "{{{x}}}^{{{y}}}"),
    Atom("zmul", 2, _A, _NEAREST, 1, r"{x} \,\dot{{\times}}\, {y}", "x * y"),
    Atom("stop", 1, Rule.SELECTING, _EXACT, 1, r"\operatorname{{stop}}({x})", "x", flat=True),
    Atom("abs", 1, _A, _EXACT, 1, r"\left|{x}\right|", breaks=True),
    Atom("sign", 1, _A, _EXACT, 1, r"\operatorname{{sgn}}({x})", flat=True, breaks=True),
    Atom("floor", 1, _A, _EXACT, 1, r"\lfloor {x} \rfloor", flat=True),
    Atom("ceil", 1, _A, _EXACT, 1, r"\lceil {x} \rceil", flat=True),
    Atom("round", 1, _A, _EXACT, 1, r"\operatorname{{round}}({x})", flat=True),
    Atom(
        "maximum",
        2,
        Rule.SELECTING,
        _EXACT,
        1,
        r"\max({x}, {y})",
        "(x + y + abs(x - y)) / 2",
        commutes=True,
        breaks=True,
    ),
    Atom(
        "minimum",
        2,
        Rule.SELECTING,
        _EXACT,
        1,
        r"\min({x}, {y})",
        "(x + y - abs(x - y)) / 2",
        commutes=True,
        breaks=True,
    ),
    Atom("lt", 2, _C, _EXACT, 1, "{x} < {y}", flat=True, breaks=True),
    Atom("le", 2, _C, _EXACT, 1, r"{x} \leq {y}", flat=True, breaks=True),
    Atom("gt", 2, _C, _EXACT, 1, "{x} > {y}", flat=True, breaks=True),
    Atom("ge", 2, _C, _EXACT, 1, r"{x} \geq {y}", flat=True, breaks=True),
    Atom("eq", 2, _C, _EXACT, 1, "{x} = {y}", flat=True, commutes=True, breaks=True),
    Atom("ne", 2, _C, _EXACT, 1, r"{x} \ne {y}", flat=True, commutes=True, breaks=True),
    Atom("isnan", 1, Rule.TEST, _EXACT, 1, r"\operatorname{{isnan}}({x})", flat=True),
    Atom("and", 2, _B, _EXACT, 1, r"{x} \wedge {y}", flat=True, commutes=True),
    Atom("or", 2, _B, _EXACT, 1, r"{x} \vee {y}", flat=True, commutes=True),
    Atom("xor", 2, _B, _EXACT, 1, r"{x} \oplus {y}", flat=True, commutes=True),
    Atom("not", 1, _B, _EXACT, 1, r"\neg {x}", flat=True),
    Atom("lshift", 2, Rule.INTEGER, _EXACT, 3, r"{x} \ll {y}", flat=True),
    Atom("rshift", 2, Rule.INTEGER, _EXACT, 3, r"{x} \gg {y}", flat=True),
    Atom("random32", 2, Rule.WORD, _EXACT, 120, r"\operatorname{{random}}_{{32}}({x}, {y})", flat=True),
    Atom("random64", 2, Rule.WORDS, _EXACT, 240, r"\operatorname{{random}}_{{64}}({x}, {y})", flat=True),
    Atom(
        "where",
        3,
        Rule.WHERE,
        _EXACT,
        1,
        r"\begin{{cases}} {y} & {x} \\ {z} & \text{{otherwise}} \end{{cases}}",
    ),
    Atom("sqrt", 1, _F, _NEAREST, 6, r"\sqrt{{{x}}}"),
    Atom("exp", 1, _F, _CLOSE, 11, "e^{{{x}}}"),
    Atom("expm1", 1, _F, _CLOSE, 16, "(e^{{{x}}} - 1)", "exp(x) - 1"),
    Atom("log", 1, _F, _CLOSE, 18, r"\ln({x})"),
    Atom("log1p", 1, _F, _CLOSE, 22, r"\ln(1 + {x})", "log(1 + x)"),
    Atom("sin", 1, _F, _CLOSE, 24, r"\sin({x})"),
    Atom("cos", 1, _F, _CLOSE, 24, r"\cos({x})"),
    Atom("tanh", 1, _F, _CLOSE, 20, r"\tanh({x})"),
    Atom("sech2", 1, _F, _CLOSE, 22, r"\operatorname{{sech}}^2({x})", "1 - tanh(x) ** 2"),
    Atom("sigmoid", 1, _F, _CLOSE, 16, r"\sigma({x})", "1 / (1 + exp(-x))"),
    Atom("softplus", 1, _F, _CLOSE, 30, r"\operatorname{{softplus}}({x})", "log(1 + exp(x))"),
    Atom("erf", 1, _F, _CLOSE, 24, r"\operatorname{{erf}}({x})"),
    Atom("erfc", 1, _F, _CLOSE, 40, r"\operatorname{{erfc}}({x})", "1 - erf(x)"),
    Atom("normcdf", 1, _F, _CLOSE, 30, r"\Phi({x})", "(1 + erf(x / sqrt(2))) / 2"),
    Atom("normpdf", 1, _F, _CLOSE, 13, r"\varphi({x})", "exp(-x ** 2 / 2) / sqrt(2 * pi)"),
    Atom("exp2", 1, _F, _CLOSE, 10, "2^{{{x}}}", "exp(x * log(2))"),
    Atom("tan", 1, _F, _CLOSE, 30, r"\tan({x})"),
    Atom("log2", 1, _F, _CLOSE, 20, r"\log_2({x})", "log(x) / log(2)"),
    Atom("log10", 1, _F, _CLOSE, 22, r"\log_{{10}}({x})", "log(x) / log(10)"),
    Atom("logit", 1, _F, _CLOSE, 40, r"\operatorname{{logit}}({x})", "log(x / (1 - x))"),
    Atom("asin", 1, _F, _CLOSE, 24, r"\arcsin({x})"),
    Atom("acos", 1, _F, _CLOSE, 26, r"\arccos({x})"),
    Atom("atan", 1, _F, _CLOSE, 24, r"\arctan({x})"),
    Atom("atan2", 2, _F, _CLOSE, 40, r"\operatorname{{atan2}}({x}, {y})"),
    Atom("sinh", 1, _F, _CLOSE, 26, r"\sinh({x})", "(exp(x) - exp(-x)) / 2"),
    Atom("cosh", 1, _F, _CLOSE, 18, r"\cosh({x})", "(exp(x) + exp(-x)) / 2"),
    Atom("asinh", 1, _F, _CLOSE, 45, r"\operatorname{{arsinh}}({x})", "log(x + sqrt(x * x + 1))"),
    Atom("acosh", 1, _F, _CLOSE, 40, r"\operatorname{{arcosh}}({x})", "log(x + sqrt(x * x - 1))"),
    Atom("atanh", 1, _F, _CLOSE, 32, r"\operatorname{{artanh}}({x})", "log((1 + x) / (1 - x)) / 2"),
    Atom("cbrt", 1, _F, _CLOSE, 30, r"\sqrt[3]{{{x}}}"),
    Atom("hypot", 2, _F, _CLOSE, 12, r"\sqrt{{{x}^2 + {y}^2}}"),
    Atom("copysign", 2, _F, _EXACT, 1, r"\operatorname{{copysign}}({x}, {y})"),
    Atom("fmod", 2, _A, _EXACT, 16, r"\operatorname{{fmod}}({x}, {y})"),
    Atom("floordiv", 2, _A, _CLOSE, 30, r"\lfloor {x} / {y} \rfloor", flat=True),
    Atom("erfinv", 1, _F, _CLOSE, 40, r"\operatorname{{erf}}^{{-1}}({x})"),
    Atom("lgamma", 1, _F, _CLOSE, 70, r"\ln\left|\Gamma({x})\right|"),
    Atom("digamma", 1, _F, _CLOSE, 60, r"\psi({x})"),
    Atom("zeta", 2, _F, _CLOSE, 90, r"\zeta({x}, {y})"),
)

ATOMS: Final[dict[str, Atom]] = {atom.name: atom for atom in _TABLE}
"""Every atom by name, in the order of the table."""

COMMUTATIVE: Final = frozenset(name for name, atom in ATOMS.items() if atom.commutes)
COMPARISONS: Final = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
"""Comparing atoms and their operators in text."""

BREAKING: Final = frozenset(name for name, atom in ATOMS.items() if atom.breaks)

Row = TypeVar("Row")


def of_every_atom(table: Mapping[str, Row], what: str, *, but: Collection[str] = ()) -> Mapping[str, Row]:
    """A table with a row for each atom, `but` for those that are looked after elsewhere.

    Tables are passed through here where they are written, so that none can lack an atom unnoticed. Raises
    LawError naming the atoms that have no row, and the rows that are no atom's.
    """
    missing = [name for name in ATOMS if name not in table and name not in but]
    unknown = [name for name in table if name not in ATOMS or name in but]
    if missing or unknown:
        holes = [f"no row for {', '.join(missing)}"] * bool(missing)
        holes += [f"a row for {', '.join(unknown)}, of which it has none to have"] * bool(unknown)
        raise LawError(f"{what} has {' and '.join(holes)}")
    return table
