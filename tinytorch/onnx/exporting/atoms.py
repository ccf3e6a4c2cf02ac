"""Every atom of formulas in ONNX: one row each, in NumPy's language, which `forms` writes as nodes.

What the oracle computes with NumPy's functions alone is written from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.formula.atoms import of_every_atom
from compiler.ir.formula.threefry import Words, threefry
from tinytorch.onnx.exporting import forms
from tinytorch.onnx.exporting import mathematics as m
from tinytorch.onnx.exporting.values import Value, numpy

Atom: TypeAlias = Callable[..., Any]


def _of_oracle(atom: str) -> Atom:
    return forms.composed(atom, ATOMS_IN_NUMPY[atom])


def _itself(x: Any) -> Any:
    """The identity, which no gradient passes."""
    return x


def _where(condition: Any, a: Any, b: Any) -> Any:
    return numpy.where(condition, a, b)


def _rotated(word: Any, count: int) -> Any:
    def moved(by: int, direction: str) -> Value:
        return word.nodes.node("BitShift", word, word.nodes.constant(by, word.dtype), direction=direction)

    return moved(count, "LEFT") | moved(32 - count, "RIGHT")


_WORDS: Final[Words[Any]] = Words(np.add, np.bitwise_xor, _rotated)


def _halves(x: Any) -> tuple[Any, Any]:
    """The upper and the lower word of 64 bits; casts between integers keep the lower bits."""
    wide = x.astype(np.uint64)
    upper = x.nodes.node("BitShift", wide, x.nodes.constant(32, wide.dtype), direction="RIGHT")
    return upper.astype(np.uint32), wide.astype(np.uint32)


def _random32(key: Any, counter: Any) -> Any:
    first, second = threefry(_WORDS, _halves(key), _halves(counter))
    return (first ^ second).astype(np.int32)


def _random64(key: Any, counter: Any) -> Any:
    first, second = (word.astype(np.uint64) for word in threefry(_WORDS, _halves(key), _halves(counter)))
    nodes = first.nodes
    upper = nodes.node("BitShift", first, nodes.constant(32, first.dtype), direction="LEFT")
    return (upper | second).astype(np.int64)


NO_FORM: Final[Mapping[str, str]] = {}
"""Atoms that ONNX cannot say, and why."""

ATOMS: Final[Mapping[str, Atom]] = of_every_atom({
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "pow": np.power, "zmul": _of_oracle("zmul"), "stop": _itself, "abs": np.absolute, "sign": np.sign,
    "floor": np.floor, "ceil": np.ceil, "round": np.rint, "maximum": np.maximum, "minimum": np.minimum,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal, "isnan": np.isnan, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor, "not": np.invert, "lshift": np.left_shift, "rshift": np.right_shift,
    "random32": forms.composed("random32", _random32), "random64": forms.composed("random64", _random64),
    "where": _where, "sqrt": np.sqrt, "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p,
    "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "sech2": _of_oracle("sech2"), "sigmoid": forms.sigmoid,
    "softplus": forms.softplus, "erf": forms.erf, "erfc": forms.composed("erfc", m.erfc),
    "normcdf": forms.composed("normcdf", m.normcdf), "normpdf": _of_oracle("normpdf"),
    "logit": _of_oracle("logit"), "exp2": np.exp2, "tan": np.tan, "log2": np.log2, "log10": np.log10,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh,
    "cosh": np.cosh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "cbrt": np.cbrt,
    "hypot": np.hypot, "copysign": np.copysign, "fmod": np.fmod, "floordiv": np.floor_divide,
    "erfinv": _of_oracle("erfinv"), "lgamma": _of_oracle("lgamma"), "digamma": _of_oracle("digamma"),
    "zeta": _of_oracle("zeta"),
}, "the exporter's table of atoms", but=NO_FORM)  # fmt: skip
"""By name. Arguments have the dtype that the IR states for the atom."""
