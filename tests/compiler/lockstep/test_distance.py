"""How far apart two arrays are."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from compiler.lockstep.distance import distance

nan, inf = math.nan, math.inf


def of(found, expected, dtype=np.float64):
    return distance(np.array(found, dtype), np.array(expected, dtype))


def test_nan_in_another_place_is_infinitely_far():
    assert of([1, nan], [1, nan]).absolute == 0
    assert of([nan], [nan]).ulps == 0
    for found, expected in (
        ([nan, nan], [1, nan]),
        ([1, 1.0], [1, nan]),
        ([1, inf], [1, -inf]),
        ([inf], [5]),
    ):
        apart = of(found, expected)
        assert [apart.absolute, apart.relative, apart.ulps, apart.scaled] == [inf] * 4
    assert of([inf, -inf], [inf, -inf]).relative == 0


def test_absolute_relative_and_scaled_have_their_own_elements():
    apart = of([0.5, 4, 100.5], [0.25, 4, 100])
    assert apart.absolute == 0.5
    assert apart.place == (2,)
    assert apart.relative == 0.5
    assert apart.scaled == 0.005
    assert of([[0.0, 1.0]], [[0.0, 0.0]]).scaled == 1
    assert of([[0.0, 1.0]], [[0.0, 0.0]]).place == (0, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ulps_count_the_numbers_between(dtype):
    one = np.array([1.0, -1.0, 0.0, -0.0], dtype)
    assert distance(np.nextafter(one, dtype(2)), one).ulps == 1
    assert of([0.0], [-0.0], dtype).ulps == 0
    least = np.nextafter(dtype(0), dtype(1))
    assert of([least], [-least], dtype).ulps == 2
    assert of([1.0], [2.0], dtype).ulps == 2 ** np.finfo(dtype).nmant
    largest = np.finfo(dtype).max
    between = 2.0 * float(np.array(largest).view(np.int64 if dtype is np.float64 else np.int32))
    assert of([largest], [-largest], dtype).ulps == between


@given(some.floats(width=32, allow_nan=False, allow_infinity=False), some.integers(-1000, 1000))
def test_so_many_steps_are_so_many_ulps(start, steps):
    value = np.array([start], np.float32)
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.float32(inf if steps > 0 else -inf))
    if np.isfinite(value).all():
        assert distance(value, np.array([start], np.float32)).ulps == abs(steps)


def test_integers_and_bools_have_no_ulps():
    apart = of([1, 7], [1, 5], np.int64)
    assert (apart.absolute, apart.place) == (2, (1,))
    assert math.isnan(apart.ulps)
    assert of([True], [False], bool).absolute == 1
    assert of([2**62 + 1, -(2**62)], [2**62, -(2**62)], np.int64).absolute == 1  # no digit of a float64
    assert of([-3], [2], np.int32).absolute == 5
    assert of([2**63 - 1], [-(2**63)], np.int64).absolute == 2.0**64
    assert json.loads(json.dumps(apart.to_dict()))["ulps"] is None


def test_nothing_is_not_far_from_nothing():
    assert of([], []).absolute == 0
    assert of([], []).place is None
    assert of([], []).to_dict()["place"] is None
