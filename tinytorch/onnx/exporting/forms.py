"""What each of NumPy's functions is in ONNX, for values of any dtype that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from tinytorch.onnx.exporting import mathematics as m
from tinytorch.onnx.exporting.values import Value, numpy

Form = Callable[..., Value]

_HALVES: Final = ("float16", "float32")
_FLOATS: Final = (*_HALVES, "float64")


def standard(operator: str) -> Form:
    """An operator of the standard; its result has the dtype of its inputs."""
    return lambda *inputs: inputs[0].nodes.node(operator, *inputs)


def _test(operator: str) -> Form:
    return lambda *inputs: inputs[0].nodes.node(operator, *inputs, kind=np.bool_)


def composed(name: str, body: Callable[..., Any]) -> Form:
    """What a function in NumPy's language writes, as a function of the model where it is long."""
    return lambda *inputs: inputs[0].nodes.call(name, body, inputs)


def _kernel(operator: str, body: Callable[..., Any], dtypes: tuple[str, ...] = _HALVES) -> Form:
    """An operator of the standard for dtypes of which ONNX Runtime has kernels, a function for others."""
    name = body.__name__
    return lambda *inputs: (standard(operator) if inputs[0].dtype.name in dtypes else composed(name, body))(
        *inputs
    )


def _by_kind(floats: Form, integers: Form | None = None, bools: Form | None = None) -> Form:
    """One form for each kind of dtype; the form of floats where there is no other."""
    forms = {"f": floats, "V": floats, "i": integers or floats, "u": integers or floats, "b": bools or floats}
    return lambda *inputs: forms[inputs[0].dtype.kind](*inputs)


def _itself(x: Value) -> Value:
    return x


def _nowhere(x: Value) -> Value:
    """Integers are no NaN."""
    return numpy.not_equal(x, x)


def _choice(condition: Value, a: Value, b: Value) -> Value:
    return a.nodes.node("Where", condition, a, b)


def _divided(x: Value, y: Value) -> Value:
    return x.nodes.node("Div", x, y)


def _rest(x: Value, y: Value) -> Value:
    return x.nodes.node("Mod", x, y, fmod=1)


def _integer_quotient(x: Any, y: Any) -> Any:
    return m.floored_quotient(x, y, _divided)


def _integer_rest(x: Any, y: Any) -> Any:
    """The sign is that of x; 0 by 0."""
    return numpy.where(y == 0, 0, x - m.cut_quotient(x, y, _divided) * y)


def _bits(x: Value) -> int:
    return 8 * x.dtype.itemsize


def _shifted(x: Value, count: Value, direction: str) -> Value:
    """Bits as unsigned ones, which every version of the standard moves."""
    plain = f"uint{_bits(x)}"
    moved = x.nodes.node("BitShift", x.astype(plain), count.astype(plain), direction=direction)
    return moved.astype(x.dtype)


def _left_shift(x: Any, count: Any) -> Any:
    """0 where as many bits are moved as there are, or more, or fewer than none."""
    is_within = (count >= 0) & (count < _bits(x))
    return numpy.where(is_within, _shifted(x, numpy.where(is_within, count, 0), "LEFT"), 0)


def _right_shift(x: Any, count: Any) -> Any:
    """The sign comes in from the left: ~(~x >> n) below 0. Where a left shift is 0, the sign alone."""
    last = _bits(x) - 1
    places = numpy.where((count >= 0) & (count < last), count, last)
    sign = numpy.where(x < 0, -1, 0)
    return _shifted(x ^ sign, places, "RIGHT") ^ sign


def _different(x: Value, y: Value) -> Value:
    return x.nodes.node("Not", numpy.equal(x, y))


FORMS: Final[Mapping[Any, Form]] = {
    np.add: standard("Add"),
    np.subtract: standard("Sub"),
    np.multiply: standard("Mul"),
    np.divide: standard("Div"),
    np.negative: standard("Neg"),
    np.absolute: standard("Abs"),
    np.sign: standard("Sign"),
    np.floor: _by_kind(standard("Floor"), _itself),
    np.ceil: _by_kind(standard("Ceil"), _itself),
    np.rint: _by_kind(standard("Round"), _itself),
    np.maximum: _by_kind(standard("Max"), bools=standard("Or")),
    np.minimum: _by_kind(standard("Min"), bools=standard("And")),
    np.less: _test("Less"),
    np.less_equal: _test("LessOrEqual"),
    np.greater: _test("Greater"),
    np.greater_equal: _test("GreaterOrEqual"),
    np.equal: _test("Equal"),
    np.not_equal: _different,
    np.isnan: _by_kind(_test("IsNaN"), _nowhere, _nowhere),
    np.bitwise_and: _by_kind(standard("BitwiseAnd"), bools=standard("And")),
    np.bitwise_or: _by_kind(standard("BitwiseOr"), bools=standard("Or")),
    np.bitwise_xor: _by_kind(standard("BitwiseXor"), bools=standard("Xor")),
    np.invert: _by_kind(standard("BitwiseNot"), bools=standard("Not")),
    np.left_shift: composed("left_shift", _left_shift),
    np.right_shift: composed("right_shift", _right_shift),
    np.where: _choice,
    np.sqrt: standard("Sqrt"),
    np.exp: standard("Exp"),
    np.expm1: composed("expm1", m.expm1),
    np.log: standard("Log"),
    np.log1p: composed("log1p", m.log1p),
    np.sin: standard("Sin"),
    np.cos: standard("Cos"),
    np.tanh: standard("Tanh"),
    np.exp2: composed("exp2", m.exp2),
    np.log2: composed("log2", m.log2),
    np.log10: composed("log10", m.log10),
    np.tan: _kernel("Tan", m.tan),
    np.arcsin: _kernel("Asin", m.asin),
    np.arccos: _kernel("Acos", m.acos),
    np.arctan: _kernel("Atan", m.atan),
    np.arctan2: composed("atan2", m.atan2),
    np.sinh: _kernel("Sinh", m.sinh),
    np.cosh: _kernel("Cosh", m.cosh),
    np.arcsinh: _kernel("Asinh", m.asinh),
    np.arccosh: _kernel("Acosh", m.acosh),
    np.arctanh: _kernel("Atanh", m.atanh),
    np.cbrt: composed("cbrt", m.cbrt),
    np.hypot: composed("hypot", m.hypot),
    np.copysign: composed("copysign", m.copysign),
    np.power: _by_kind(standard("Pow"), composed("power", m.integer_power)),
    np.fmod: _by_kind(_rest, composed("fmod", _integer_rest)),
    np.floor_divide: _by_kind(
        composed("floor_divide", m.floor_divide), composed("floor_divide", _integer_quotient)
    ),
}  # fmt: skip
"""By NumPy's function."""

sigmoid: Final = standard("Sigmoid")
softplus: Final = _kernel("Softplus", m.softplus)
erf: Final = _kernel("Erf", m.erf)
