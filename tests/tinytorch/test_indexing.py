"""Indexing is NumPy's, for every key that has a static meaning."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt
from tests.backends import ALL

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


def along(x: tt.Tensor, indices: Any) -> tt.Tensor:
    return tt.take_along_axis(x, np.reshape(indices, (-1, 1, 1)), axis=0)


KNOWN = {
    "list": lambda x, k: x[k],
    "nested list": lambda x, k: x[[k, k[::-1]]],
    "array": lambda x, k: x[np.array(k)],
    "narrow array": lambda x, k: x[np.array(k, np.int8)],
    "behind a slice": lambda x, k: x[1:, ...][:, 0][[n - (n > 0) for n in k]],
    "constant": lambda x, k: x[tt.constant(k)],
    "take": lambda x, k: tt.take(x, k, axis=0),
    "take of all": lambda x, k: tt.take(x, k),
    "take along": along,
}
"""Ways to pick what is known when the graph is built."""


def of_numpy(name: str, array: np.ndarray, k: list[int]) -> np.ndarray:
    match name:
        case "nested list":
            return array[[k, k[::-1]]]
        case "behind a slice":
            return array[1:, 0][[n - (n > 0) for n in k]]
        case "take of all":
            return np.take(array, k)
        case _:
            return array[k]


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("rows", [4, "n"])
@pytest.mark.parametrize("backend", ALL)
def test_what_is_known_counts_from_the_end(name, rows, backend):
    x = tt.input("x", (rows, 3, 2))
    for passes in ((), None):
        for k in ([0, -1], [-3, 1, -2], [3]):
            program = tt.compile([x], KNOWN[name](x, k), backend=backend, passes=passes)
            np.testing.assert_array_equal(program(ARRAY), of_numpy(name, ARRAY, k))


@pytest.mark.parametrize(
    "key", [[], range(1, 3), np.array(-1), np.uint8([1, 2]), (slice(None), [-1, -3])], ids=str
)
def test_other_index_arrays_are_numpys(key):
    np.testing.assert_array_equal(indexed(key), ARRAY[key])


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in ("behind a slice", "take of all")])
@pytest.mark.parametrize("wrong", [4, -5])
def test_what_is_known_and_outside_is_refused_when_the_graph_is_built(name, wrong):
    with pytest.raises(tt.IndexRangeError) as caught:
        KNOWN[name](tt.input("x", SHAPE), [0, wrong])
    first, constant, fix = str(caught.value).splitlines()
    assert first.startswith(f"index {wrong} at [")
    assert " is outside axis 0 of %x : f32[4,3,2], from " in first
    assert constant.startswith("  a constant without a name : i64[")
    assert fix == "  fix: pass indices from -4 to 3"


def test_what_a_call_makes_too_short_is_refused_by_the_call():
    x = tt.input("x", ("n", 2))
    program = tt.compile([x], x[[0, -3]])
    np.testing.assert_array_equal(program(np.float32([[1, 2], [3, 4], [5, 6]])), [[1, 2], [1, 2]])
    with pytest.raises(tt.IndexRangeError, match=r"index -3 at \[1\] is outside 0 .. 1"):
        program(np.zeros((2, 2), np.float32))


@pytest.mark.parametrize("backend", ALL)
def test_what_only_a_call_knows_does_not_count_from_the_end(backend):
    x, k = tt.input("x", (4,)), tt.input("k", (2,), "int64")
    program = tt.compile([x, k], x[k], backend=backend)
    with pytest.raises(tt.IndexRangeError, match=r"index -1 at \[1\] is outside 0 .. 3"):
        program(np.zeros(4, np.float32), np.array([0, -1]))


X = tt.input("x", (4, 3))
CLASSES = {
    "one_hot": lambda k: tt.one_hot(k, 3),
    "one_hot of a constant": lambda k: tt.one_hot(tt.constant(k), 3),
    "cross_entropy": lambda k: tt.losses.cross_entropy(X, k),
    "cross_entropy of an array": lambda k: tt.losses.cross_entropy(X, np.array(k)),
    "cross_entropy of columns": lambda k: tt.losses.cross_entropy(X.T, k, axis=0),
}


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("wrong", [3, -1, -100])
def test_a_class_that_is_known_and_does_not_exist_is_refused_when_the_graph_is_built(name, wrong):
    CLASSES[name]([0, 1, 2, 2])
    with pytest.raises(
        tt.IndexRangeError, match=rf"index {wrong} at \[2\] is outside 3 classes(.|\n)*from 0 to 2"
    ):
        CLASSES[name]([0, 1, wrong, 2])


def test_a_negative_class_is_none_of_any_number_of_classes():
    x = tt.input("x", (2, "k"))
    with pytest.raises(tt.IndexRangeError, match=r"index -1 at \[1\] is outside k classes"):
        tt.losses.cross_entropy(x, [0, -1])
    loss = tt.compile([x], tt.losses.cross_entropy(x, [0, 1]))(np.zeros((2, 2), np.float32))
    assert loss == pytest.approx(np.log(2))
