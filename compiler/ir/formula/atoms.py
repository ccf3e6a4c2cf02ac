"""The atoms: the scalar functions that formulas are made of.

An atom states its definition in elementary functions. Its partial derivatives are derived by sympy from that
definition (`symbolic.py`), written in atoms again, and shipped in `derived.py`. What is differentiated is the
definition; what a backend evaluates is its own stable form of the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Rule(Enum):
    """How the dtype of an atom follows from those of its arguments."""

    ARITHMETIC = "the common dtype; not defined for two bools"
    SELECTING = "the common dtype, bool included"
    FLOATING = "the floating dtype of the common dtype"
    COMPARISON = "bool, of arguments in their common dtype"
    TEST = "bool, of one argument"
    LOGICAL = "bool, of bools"
    WHERE = "the common dtype of the second and third argument; the first is bool"


@dataclass(frozen=True, slots=True)
class Atom:
    """A scalar function of one to three reals.

    `definition` is a formula text in `x, y, z` over elementary functions and other atoms that are defined
    without this one; None marks an atom that is elementary itself. `latex` is a template over `{x} {y} {z}`.
    """

    name: str
    arity: int
    rule: Rule
    latex: str
    definition: str | None = None
    flat: bool = False
    """The derivative is 0 wherever it exists, and is taken to be 0 everywhere."""


_A, _F, _C, _L = Rule.ARITHMETIC, Rule.FLOATING, Rule.COMPARISON, Rule.LOGICAL

_TABLE = (
    Atom("add", 2, _A, "{x} + {y}"),
    Atom("sub", 2, _A, "{x} - {y}"),
    Atom("mul", 2, _A, r"{x} \, {y}"),
    Atom("div", 2, _F, r"\frac{{{x}}}{{{y}}}"),
    Atom("neg", 1, _A, "-{x}"),
    Atom("pow", 2, _A, "{{{x}}}^{{{y}}}"),
    Atom("zmul", 2, _A, r"{x} \,\dot{{\times}}\, {y}", "x * y"),
    Atom("stop", 1, Rule.SELECTING, r"\operatorname{{stop}}({x})", "x", flat=True),
    Atom("abs", 1, _A, r"\left|{x}\right|"),
    Atom("sign", 1, _A, r"\operatorname{{sgn}}({x})", flat=True),
    Atom("floor", 1, _A, r"\lfloor {x} \rfloor", flat=True),
    Atom("ceil", 1, _A, r"\lceil {x} \rceil", flat=True),
    Atom("round", 1, _A, r"\operatorname{{round}}({x})", flat=True),
    Atom("maximum", 2, Rule.SELECTING, r"\max({x}, {y})", "(x + y + abs(x - y)) / 2"),
    Atom("minimum", 2, Rule.SELECTING, r"\min({x}, {y})", "(x + y - abs(x - y)) / 2"),
    Atom("lt", 2, _C, "{x} < {y}", flat=True),
    Atom("le", 2, _C, r"{x} \leq {y}", flat=True),
    Atom("gt", 2, _C, "{x} > {y}", flat=True),
    Atom("ge", 2, _C, r"{x} \geq {y}", flat=True),
    Atom("eq", 2, _C, "{x} = {y}", flat=True),
    Atom("ne", 2, _C, r"{x} \ne {y}", flat=True),
    Atom("isnan", 1, Rule.TEST, r"\operatorname{{isnan}}({x})", flat=True),
    Atom("and", 2, _L, r"{x} \wedge {y}", flat=True),
    Atom("or", 2, _L, r"{x} \vee {y}", flat=True),
    Atom("xor", 2, _L, r"{x} \oplus {y}", flat=True),
    Atom("not", 1, _L, r"\neg {x}", flat=True),
    Atom("where", 3, Rule.WHERE, r"\begin{{cases}} {y} & {x} \\ {z} & \text{{otherwise}} \end{{cases}}"),
    Atom("sqrt", 1, _F, r"\sqrt{{{x}}}"),
    Atom("exp", 1, _F, "e^{{{x}}}"),
    Atom("expm1", 1, _F, "(e^{{{x}}} - 1)", "exp(x) - 1"),
    Atom("log", 1, _F, r"\ln({x})"),
    Atom("log1p", 1, _F, r"\ln(1 + {x})", "log(1 + x)"),
    Atom("sin", 1, _F, r"\sin({x})"),
    Atom("cos", 1, _F, r"\cos({x})"),
    Atom("tanh", 1, _F, r"\tanh({x})"),
    Atom("sech2", 1, _F, r"\operatorname{{sech}}^2({x})", "1 - tanh(x) ** 2"),
    Atom("sigmoid", 1, _F, r"\sigma({x})", "1 / (1 + exp(-x))"),
    Atom("softplus", 1, _F, r"\operatorname{{softplus}}({x})", "log(1 + exp(x))"),
    Atom("erf", 1, _F, r"\operatorname{{erf}}({x})"),
    Atom("erfc", 1, _F, r"\operatorname{{erfc}}({x})", "1 - erf(x)"),
    Atom("normcdf", 1, _F, r"\Phi({x})", "(1 + erf(x / sqrt(2))) / 2"),
    Atom("normpdf", 1, _F, r"\varphi({x})", "exp(-x ** 2 / 2) / sqrt(2 * pi)"),
)

ATOMS: Final[dict[str, Atom]] = {atom.name: atom for atom in _TABLE}
"""Every atom by name, in the order of the table."""

COMMUTATIVE: Final = frozenset({"add", "mul", "maximum", "minimum", "eq", "ne", "and", "or", "xor"})
COMPARISONS: Final = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
"""Comparing atoms and their operators in text."""

BREAKING: Final = frozenset({*COMPARISONS, "abs", "sign", "maximum", "minimum"})
"""Atoms whose value or derivative may jump where their arguments are equal (or where the one is 0)."""
