"""Functions of mathematics: edges, dtypes and settings that the comparison with torch does not reach."""

import math

import numpy as np
import pytest

from compiler.errors import ArgumentError
from tests.backends import ALL, NATIVE
from tinytorch import api
from tinytorch.elementwise import elementwise
from tinytorch.ops import functions as of

INF, NAN = math.inf, math.nan


def values(function, *columns, backend="reference", slopes=False):
    """The function of columns of numbers in float64, and its slopes by each."""
    inputs = [api.input(f"x{k}", (len(column),), "float64") for k, column in enumerate(columns)]
    result = function(*inputs)
    wanted = [result, *(api.grad(result.sum(), inputs) if slopes else [])]
    return api.compile(inputs, wanted, backend=backend)(*(np.array(column, float) for column in columns))


EDGES = [
    (
        of.logaddexp,
        [(INF, INF, INF), (-INF, -INF, -INF), (INF, -INF, INF), (-INF, 3.0, 3.0), (NAN, 1.0, NAN)],
    ),
    (of.xlogy, [(0.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, INF, 0.0), (0.0, NAN, NAN), (2.0, 0.0, -INF)]),
    (of.isclose, [(INF, INF, 1), (INF, -INF, 0), (NAN, NAN, 0), (1.0, 1 + 1e-6, 1), (1.0, INF, 0)]),
]


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize(("function", "rows"), EDGES, ids=lambda item: getattr(item, "__name__", ""))
def test_edges_of_two_operands(function, rows, backend):
    x, y, wanted = map(list, zip(*rows, strict=True))
    np.testing.assert_array_equal(values(function, x, y, backend=backend)[0], wanted)


def test_what_is_far_apart_adds_nothing_and_shares_the_slope():
    found, by_x, by_y = values(of.logaddexp, [1000.0, -1000.0, 2.0], [-1000.0, 1e-3, 2.0], slopes=True)
    np.testing.assert_allclose(found, [1000, 1e-3, 2 + math.log(2)], rtol=1e-15)
    np.testing.assert_array_equal(by_x, [1, 0, 0.5])
    np.testing.assert_array_equal(by_y, [0, 1, 0.5])


def test_a_weight_of_zero_times_a_logarithm_of_zero_has_the_slope_zero():
    _, by_x, by_y = values(of.xlogy, [0.0, 0.0, 2.0], [0.0, 4.0, 4.0], slopes=True)
    np.testing.assert_array_equal(by_x, [0, math.log(4), math.log(4)])
    np.testing.assert_array_equal(by_y, [0, 0, 0.5])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinities_become_the_outermost_numbers_of_the_dtype(dtype):
    x = api.input("x", (4,), dtype)
    found = api.compile(x, of.nan_to_num(x))(np.array([INF, -INF, NAN, 1.5], dtype))
    limits = np.finfo(dtype)
    np.testing.assert_array_equal(found, np.array([limits.max, limits.min, 0, 1.5], dtype))


def test_integers_have_no_infinities_and_are_whole():
    x = api.input("x", (3,), "int32")
    assert of.nan_to_num(x) is x
    np.testing.assert_array_equal(api.compile(x, of.trunc(x))(np.array([-3, 0, 2], "int32")), [-3, 0, 2])


def test_a_formula_says_which_numbers_stand_for_infinities():
    kept = elementwise("kept", lambda x: of.nan_to_num(x, posinf=9.0, neginf=-9.0))
    np.testing.assert_array_equal(values(kept, [INF, -INF, NAN, 2.0])[0], [9, -9, 0, 2])
    with pytest.raises(ArgumentError, match="needs posinf and neginf"):
        elementwise("lost", lambda x: of.nan_to_num(x))


def test_what_is_cut_towards_zero_keeps_its_sign():
    found = values(of.trunc, [-0.0, -0.5, 0.5, -2.5, NAN, -INF])[0]
    np.testing.assert_array_equal(found, [-0.0, -0.0, 0.0, -2.0, NAN, -INF])
    np.testing.assert_array_equal(np.signbit(found[:3]), [True, True, False])


def test_powers_of_two_are_exact_on_native_backends():
    """NumPy's may be off by one unit, as the processor has it."""
    for dtype, least in (("float32", -149), ("float64", -1074)):
        k = np.arange(least, 128).astype(dtype)
        x = api.input("x", k.shape, dtype)
        for backend in NATIVE:
            found = api.compile(x, of.exp2(x), backend=backend)(k)
            np.testing.assert_array_equal(found, np.ldexp(np.ones_like(k), k.astype(int)))


@pytest.mark.parametrize("backend", ALL)
def test_an_operand_may_be_a_number(backend):
    """float32's is computed in float64 natively: a literal beside vectors is cast."""
    x = api.input("x", (8,))
    numbers = np.linspace(-2, 2, 8, dtype="float32")
    found = api.compile(x, [of.hypot(x, 1.1), of.atan2(x, -1), of.copysign(2, x)], backend=backend)(numbers)
    for mine, wanted in zip(found, (np.hypot, np.arctan2, np.copysign), strict=True):
        other = {"hypot": np.float32(1.1), "arctan2": np.float32(-1)}.get(wanted.__name__)
        exact = wanted(numbers, other) if other is not None else wanted(np.float32(2), numbers)
        np.testing.assert_allclose(mine, exact, rtol=3e-7)


def test_angles_have_no_slope_at_the_origin_and_keep_the_signs_of_zeros():
    zeros = [0.0, -0.0, 0.0, -0.0], [0.0, 0.0, -0.0, -0.0]
    found, *slopes = values(of.atan2, *zeros, slopes=True)
    np.testing.assert_array_equal(found, [0, -0.0, math.pi, -math.pi])
    np.testing.assert_array_equal(slopes, np.zeros((2, 4)))


@pytest.mark.parametrize("backend", ALL)
def test_sinc_is_0_at_whole_numbers_and_smooth_at_0(backend):
    x = api.input("x", (7,), "float64")
    first = api.grad(of.sinc(x).sum(), x)
    program = api.compile(x, [of.sinc(x), first, api.grad(first.sum(), x)], backend=backend)
    found = program(np.array([0.0, 1.0, -7.0, 1e15, 0.5, -1e300, INF]))
    np.testing.assert_array_equal(found[0][[0, 1, 2, 3, 5]], [1, 0, 0, 0, 0])
    np.testing.assert_allclose(found[0][4], 2 / math.pi, rtol=1e-15)
    assert np.isnan(found[0][6])
    assert found[1][0] == 0
    np.testing.assert_allclose(found[2][0], -(math.pi**2) / 3, rtol=1e-15)


def test_logit_keeps_its_digits_near_a_half():
    found = values(of.logit, [0.5 + 2.0**-40, 0.5, 1.0, 0.0, 1.5])[0]
    np.testing.assert_allclose(found[0], 2.0**-38, rtol=1e-15)
    np.testing.assert_array_equal(found[1:], [0, INF, -INF, NAN])
