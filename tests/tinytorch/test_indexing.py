"""Indexing is NumPy's, for every key that has a static meaning."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt

SHAPE = (4, 3, 2)
ARRAY = np.arange(24, dtype=np.float32).reshape(SHAPE)


def indexed(key: Any, shape: tuple[Any, ...] = SHAPE, array: np.ndarray = ARRAY) -> np.ndarray:
    x = tt.input("x", shape)
    return tt.compile([x], x[key], passes=(), backend="reference")(array)


@st.composite
def keys(draw: st.DrawFn) -> Any:
    items: list[Any] = []
    for extent in SHAPE[: draw(st.integers(0, 3))]:
        items.append(draw(st.integers(-extent, extent - 1) | st.slices(extent)))
    for _ in range(draw(st.integers(0, 2))):
        items.insert(draw(st.integers(0, len(items))), None)
    if draw(st.booleans()):
        items.append(Ellipsis)
    return tuple(items) if len(items) != 1 or draw(st.booleans()) else items[0]


@given(keys())
def test_basic_keys_are_numpys(key):
    np.testing.assert_array_equal(indexed(key), ARRAY[key])


@pytest.mark.parametrize(
    "key",
    [
        [2, 0],
        np.array([[1, 1], [0, 3]]),
        (slice(None), [2, 0, 2]),
        (slice(1, 3), [0], 1),
        (Ellipsis, [1, 0]),
        (None, [1, 2], slice(None, None, -1)),
        (slice(None), None, np.array([1])),
        np.array([], np.int64),
    ],
    ids=str,
)
def test_one_index_array_is_numpys(key):
    np.testing.assert_array_equal(indexed(key), ARRAY[key])


def test_an_index_may_be_a_tensor():
    x, index = tt.input("x", SHAPE), tt.input("index", ("k",), "int64")
    program = tt.compile([x, index], x[:, index], backend="reference")
    np.testing.assert_array_equal(program(ARRAY, np.array([2, 2, 0])), ARRAY[:, [2, 2, 0]])


@pytest.mark.parametrize(
    "key",
    [
        slice(None),
        slice(1, None),
        slice(None, -1),
        slice(1, -2),
        slice(-3, None),
        slice(-3, -1),
        slice(None, None, -1),
        0,
        -1,
        (slice(2, None), slice(None, None, 2)),
    ],
    ids=str,
)
def test_slices_of_a_symbolic_axis_are_numpys(key):
    np.testing.assert_array_equal(indexed(key, ("n", 3, 2)), ARRAY[key])


def test_a_polynomial_axis_is_sliced_by_steps_that_divide_it():
    x = tt.input("x", ("2*n",))
    keys = [slice(None, None, 2), slice(1, None, 2), slice(None, None, -2), slice(3, None, 2)]
    program = tt.compile([x], [x[key] for key in keys], backend="reference")
    for count in (4, 6):
        argument = np.arange(count, dtype=np.float32)
        for found, key in zip(program(argument), keys, strict=True):
            np.testing.assert_array_equal(found, argument[key])


def test_iterating_takes_the_first_axis_apart():
    x = tt.input("x", (2, 3))
    rows = list(x)
    assert [str(row.type) for row in rows] == ["f32[3]", "f32[3]"]
    assert len(x) == 2


def test_a_whole_slice_is_the_tensor_itself():
    x = tt.input("x", ("n", 3))
    assert x[:].node is x.node
    assert x[...].node is x.node
    assert x[:, 0:3].node is x.node
