"""The comparison with the oracle sees what it should, and no more."""

import numpy as np
import pytest

from compiler.ir.build import apply, input_node, reduce
from compiler.ir.graph import Graph
from compiler.ir.op import Reducer
from compiler.ir.types import FLOAT32, FLOAT64, TensorType
from tests.properties.comparing import Answer, difference, oracle

WANT = np.array([1.0, np.nan, np.inf, -0.0], np.float32)


def changed(place: int, value: float) -> np.ndarray:
    array = WANT.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("got", "is_equal"),
    [
        (WANT, True),
        (changed(0, 1 + 5e-6), True),
        (changed(0, 1 + 5e-5), False),
        (changed(0, np.nan), False),
        (changed(1, 0.0), False),
        (changed(2, -np.inf), False),
        (changed(3, 0.0), True),
        (WANT.astype(np.float64), False),
        (WANT.reshape(2, 2), False),
    ],
)
def test_floats_are_equal_within_the_margin_with_nan_and_infinities_in_place(got, is_equal):
    assert (difference(Answer([WANT], [1e-5]), [got]) == "") is is_equal


def test_integers_are_equal_exactly():
    want = Answer([np.array([1, 2])], [0.0])
    assert difference(want, [np.array([1, 2])]) == ""
    assert difference(want, [np.array([1, 3])])


def test_places_that_are_not_finite_can_be_left_out():
    assert difference(Answer([WANT], [1e-5]), [changed(1, 0.0)], finite_only=True) == ""
    assert difference(Answer([WANT], [1e-5]), [changed(0, np.nan)], finite_only=True)


def test_a_missing_result_is_seen():
    assert difference(Answer([WANT], [1e-5]), []) == "0 results instead of 1"


def test_the_margin_is_that_of_the_largest_value_and_the_coarsest_dtype_before_a_result():
    x = input_node("x", TensorType(FLOAT64, (2,)))
    large = apply("mul", x, 1000.0)
    fine = apply("add", large, 1.0)
    coarse = apply("mul", reduce(Reducer.SUM, apply("mul", x, 1.0, dtype=FLOAT32), [0]), 2.0, dtype=FLOAT64)
    answer = oracle(Graph.of([fine, coarse]), [np.array([1.0, np.inf])], {})
    assert answer.margins == [pytest.approx(1001e-12), pytest.approx(2e-5, rel=0.6)]
