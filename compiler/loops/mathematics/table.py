"""Every atom of formulas in atoms of machines, on scalars and on vectors of any width.

Errors are measured on samples, not proved: at most 3.6 units in the last place in float32 and 3.3 in float64,
with FMA or without, subnormal results included; the bits are the same in every lane of every width. Only what
arguments rarely need has a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from compiler.ir.formula.atoms import of_every_atom
from compiler.loops.mathematics import (
    elementary,
    error_function,
    exponentials,
    gammas,
    hyperbolics,
    inverse_angles,
    inverse_error,
    logarithms,
    powers,
    random_bits,
    remainders,
    roots,
    trigonometry,
)
from compiler.loops.mathematics.words import Lanes, Operand

Rule = Callable[..., Operand]
"""Records an atom of operands of the dtype of some `Lanes`, and returns its value."""


def _of_floats(rule: Rule) -> Rule:
    """A rule for floats, of integers the number itself."""

    def found(m: Lanes, x: Operand) -> Operand:
        return rule(m, x) if m.dtype.is_float else x

    return found


def _itself(_: Lanes, x: Operand) -> Operand:
    """The identity, which no gradient passes."""
    return x


_ATOMS: Final[Mapping[str, Rule]] = {
    "add": Lanes.add,
    "sub": Lanes.sub,
    "mul": Lanes.mul,
    "div": Lanes.div,
    "neg": elementary.negative,
    "pow": powers.power,
    "zmul": elementary.zmul,
    "stop": _itself,
    "abs": elementary.magnitude,
    "sign": elementary.sign,
    "floor": _of_floats(Lanes.floor),
    "ceil": _of_floats(Lanes.ceil),
    "round": _of_floats(Lanes.round),
    "maximum": elementary.maximum,
    "minimum": elementary.minimum,
    "lt": Lanes.lt,
    "le": Lanes.le,
    "gt": Lanes.gt,
    "ge": Lanes.ge,
    "eq": Lanes.eq,
    "ne": Lanes.ne,
    "isnan": elementary.is_nan,
    "and": Lanes.and_,
    "or": Lanes.or_,
    "xor": Lanes.xor,
    "not": Lanes.not_,
    "lshift": elementary.left_shift,
    "rshift": elementary.right_shift,
    "random32": random_bits.random32,
    "random64": random_bits.random64,
    "where": Lanes.select,
    "sqrt": Lanes.sqrt,
    "exp": exponentials.exp,
    "expm1": exponentials.expm1,
    "log": logarithms.log,
    "log1p": logarithms.log1p,
    "sin": trigonometry.sin,
    "cos": trigonometry.cos,
    "tanh": exponentials.tanh,
    "sech2": exponentials.sech2,
    "sigmoid": exponentials.sigmoid,
    "softplus": exponentials.softplus,
    "erf": error_function.erf,
    "erfc": error_function.erfc,
    "normcdf": error_function.normcdf,
    "normpdf": error_function.normpdf,
    "logit": logarithms.logit,
    "exp2": exponentials.exp2,
    "tan": trigonometry.tan,
    "log2": logarithms.log2,
    "log10": logarithms.log10,
    "asin": inverse_angles.asin,
    "acos": inverse_angles.acos,
    "atan": inverse_angles.atan,
    "atan2": inverse_angles.atan2,
    "sinh": hyperbolics.sinh,
    "cosh": hyperbolics.cosh,
    "asinh": hyperbolics.asinh,
    "acosh": hyperbolics.acosh,
    "atanh": hyperbolics.atanh,
    "cbrt": roots.cbrt,
    "hypot": roots.hypot,
    "copysign": elementary.copysign,
    "fmod": remainders.fmod,
    "floordiv": remainders.floordiv,
    "erfinv": inverse_error.erfinv,
    "lgamma": gammas.lgamma,
    "digamma": gammas.digamma,
    "zeta": gammas.zeta,
}

RULES: Final[Mapping[str, Rule]] = {
    **of_every_atom(_ATOMS, "the table of atoms in atoms of machines"),
    "fma": Lanes.fma,
    "fms": elementary.fms,
    "place": elementary.place,
    "cast": Lanes.cast,
}
"""How each atom of formulas, a place, and a cast, is computed. A cast's words are those of its result."""

_SHIPPED: Final = dict(RULES)


def strange_atoms() -> frozenset[str]:
    """The atoms whose rows are not those of this file: no digest of our sources says what they become."""
    return frozenset(name for name in RULES if RULES[name] is not _SHIPPED.get(name))
