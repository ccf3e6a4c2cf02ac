"""Element-wise ops: dtypes, settings, edge cases that the comparison with torch does not reach."""

import math

import numpy as np
import pytest

from compiler.errors import ArgumentError, DTypeError
from compiler.ir.verify import verify
from tinytorch import api
from tinytorch.ops import activations as oa
from tinytorch.ops import elementwise as oe


def value(result, *arrays, inputs=()):
    return api.compile(list(inputs), result)(*arrays)


INTEGER_KEEPING = {
    "relu": oa.relu,
    "abs": oe.abs,
    "negative": oe.negative,
    "square": oe.square,
    "sign": oe.sign,
    "floor": oe.floor,
    "ceil": oe.ceil,
    "round": oe.round,
    "stop_gradient": oe.stop_gradient,
    "maximum": lambda x: oe.maximum(x, 1),
    "minimum": lambda x: oe.minimum(x, 1),
    "clip": lambda x: oe.clip(x, -1, 1),
    "clip min": lambda x: oe.clip(x, min=-1),
    "where": lambda x: oe.where(x > 0, x, 5),
    "add": lambda x: oe.add(x, 1),
    "pow": lambda x: oe.pow(x, 3),
    "multiply": lambda x: oe.multiply(x, x),
    "subtract": lambda x: oe.subtract(3, x),
}


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("name", INTEGER_KEEPING)
def test_integers_stay_integers(name, dtype):
    array = np.array([-3, -1, 0, 1, 4], dtype)
    x = api.input("x", (5,), dtype)
    found = value(INTEGER_KEEPING[name](x), array, inputs=[x])
    assert found.dtype == array.dtype
    floats = api.input("x", (5,), "float64")
    expected = value(INTEGER_KEEPING[name](floats), array.astype(np.float64), inputs=[floats])
    np.testing.assert_array_equal(found, expected)


def test_rounding_keeps_large_integers():
    array = np.array([2**62 + 1, -(2**53) - 1])
    x = api.input("x", (2,), "int64")
    for op in (oe.round, oe.floor, oe.ceil):
        np.testing.assert_array_equal(value(op(x), array, inputs=[x]), array)


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64"])
def test_floating_functions_of_integers_are_float32(dtype):
    x = api.input("x", (2,), dtype)
    for op in (oe.exp, oa.sigmoid, oe.sqrt, oe.rsqrt, oe.log1p, oe.erf, oe.tanh):
        assert op(x).dtype.value == "float32"


def test_a_float32_op_stays_float32():
    x = api.input("x", (2,))
    for op in (oa.gelu, oa.selu, oa.softplus, oa.hard_swish, oa.elu, oa.silu, oe.clip):
        result = op(x, 0.5, 2) if op is oe.clip else op(x)
        assert result.dtype.value == "float32"


def test_round_takes_halves_to_the_even():
    x = api.input("x", (5,), "float64")
    found = value(oe.round(x), np.array([0.5, 1.5, 2.5, -0.5, -1.5]), inputs=[x])
    np.testing.assert_array_equal(found, [0.0, 2.0, 2.0, -0.0, -2.0])
    np.testing.assert_array_equal(np.signbit(found), [False, False, False, True, True])


def test_clip_keeps_nan_of_bounds_and_lets_the_upper_bound_win():
    x, low, high = (api.input(name, (5,), "float64") for name in ("x", "low", "high"))
    arrays = (
        np.array([1.0, 5.0, -5.0, np.nan, 0.0]),
        np.array([np.nan, 0, 3, 0, 3]),
        np.array([2.0, np.nan, 1, 1, 1]),
    )
    found = value(oe.clip(x, low, high), *arrays, inputs=[x, low, high])
    np.testing.assert_array_equal(found, [np.nan, np.nan, 1.0, np.nan, 1.0])


def test_clip_needs_a_bound():
    with pytest.raises(ArgumentError, match="clip needs min, max or both"):
        oe.clip(api.input("x"))


def test_an_unknown_approximation_of_gelu():
    with pytest.raises(ArgumentError, match="'none', 'tanh', 'sigmoid', not 'fast'"):
        oa.gelu(api.input("x"), approximate="fast")  # type: ignore[arg-type]  # that is what is tested


def test_integers_have_no_negative_powers():
    with pytest.raises(DTypeError, match="no negative powers"):
        oe.pow(api.input("x", (), "int32"), -1)


def test_numbers_and_arrays_are_operands():
    assert value(oe.exp(0.0)) == 1
    np.testing.assert_array_equal(value(oe.maximum(np.array([1.0, 3.0]), 2)), [2, 3])
    assert value(oe.pow(2.0, 3)) == 8


def test_what_is_not_zero_is_true():
    x = api.input("x", (4,))
    found = value(oe.logical_and(x, True), np.array([0, -0.0, np.nan, 0.5], "float32"), inputs=[x])
    np.testing.assert_array_equal(found, [False, False, True, True])


def test_a_branch_that_is_not_taken_has_no_gradient():
    x = api.input("x", (3,), "float64")
    slopes = api.grad(oe.where(x > 0, oe.sqrt(x), 0.0).sum(), x)
    second = api.grad(slopes.sum(), x)
    found = api.compile(x, [slopes, second])(np.array([0.0, -1.0, 4.0]))
    np.testing.assert_array_equal(found[0], [0, 0, 0.25])
    np.testing.assert_array_equal(found[1], [0, 0, -1 / 32])


TIES = {
    "relu": (oa.relu, [0.0], 0.0),
    "abs": (oe.abs, [0.0], 0.0),
    "leaky_relu": (oa.leaky_relu, [0.0], 0.01),
    "hard_sigmoid at -3": (oa.hard_sigmoid, [-3.0], 0.0),
    "hard_sigmoid at 3": (oa.hard_sigmoid, [3.0], 0.0),
    "hard_swish at -3": (oa.hard_swish, [-3.0], 0.0),
    "hard_swish at 3": (oa.hard_swish, [3.0], 1.0),
    "clip at its lower bound": (lambda x: oe.clip(x, 0, 1), [0.0], 1.0),
    "clip at its upper bound": (lambda x: oe.clip(x, 0, 1), [1.0], 1.0),
    "maximum": (oe.maximum, [2.0, 2.0], 0.5),
    "minimum": (oe.minimum, [2.0, 2.0], 0.5),
    "pow 0 of 0": (lambda x: oe.pow(x, 0.0), [0.0], 0.0),
    "pow 1 of 0": (lambda x: oe.pow(x, 1.0), [0.0], 1.0),
}


@pytest.mark.parametrize("name", TIES)
def test_slopes_at_break_points(name):
    op, point, expected = TIES[name]
    inputs = [api.input(f"x{k}", (), "float64") for k in range(len(point))]
    found = api.compile(inputs, api.grad(op(*inputs), inputs[0], allow_unused=True))(*map(np.float64, point))
    assert found == expected


def test_the_exponent_of_a_power_has_a_gradient_at_base_zero():
    x, y = api.input("x", (), "float64"), api.input("y", (), "float64")
    program = api.compile([x, y], api.grad(oe.pow(x, y), [x, y]))
    np.testing.assert_array_equal(program(np.float64(0), np.float64(2)), [0, 0])
    np.testing.assert_allclose(program(np.float64(2), np.float64(3)), [12, 8 * math.log(2)])


def test_every_op_obeys_the_laws():
    x = api.input("x", ("n", 3))
    verify(api.graph_of([oa.gelu(x), oe.clip(x, -1, 1), oa.softplus(x), oe.where(x > 0, x, -x)]))
