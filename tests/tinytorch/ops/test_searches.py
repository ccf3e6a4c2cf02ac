"""argmin and argmax, max and min: every dtype, ties, NaN, the ends of the range, and nothing at all."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinytorch as tt
from compiler.ir.graph import Graph
from tests.backends import ALL

BACKENDS = ALL
DTYPES = ["float32", "float64", "int32", "int64", "bool"]


def elements(dtype: str) -> list:
    """Few, so that there are ties; the ends of the range, NaN and zeros of both signs among them."""
    if dtype == "bool":
        return [False, True]
    if dtype.startswith("int"):
        return [np.iinfo(dtype).min, -1, 0, np.iinfo(dtype).max]
    return [-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan]


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.sampled_from([(1,), (7,), (19,), (3, 5), (5, 1), (2, 33), (3, 2, 4)]))
    count = int(np.prod(shape))
    found = draw(st.lists(st.sampled_from(elements(dtype)), min_size=count, max_size=count))
    return np.array(found, dtype).reshape(shape)


@settings(max_examples=20)
@given(arrays(), st.data(), st.booleans(), st.booleans())
def test_places_and_extremes_are_those_of_numpy(array, data, keepdims, is_symbolic):
    axis = data.draw(st.sampled_from([None, *range(-array.ndim, array.ndim)]))
    shape = [f"n{k}" if is_symbolic else n for k, n in enumerate(array.shape)]
    x = tt.input("x", shape, str(array.dtype))
    names = ["argmin", "argmax", "min", "max"]
    outputs = [getattr(x, name)(axis, keepdims) for name in names]
    for backend in BACKENDS:
        for passes in ((), None):
            program = tt.compile([x], outputs, backend=backend, passes=passes)
            for name, found in zip(names, program(array), strict=True):
                np.testing.assert_array_equal(found, getattr(array, name)(axis, keepdims=keepdims), name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_search_over_many_elements_and_chunks(backend, dtype):
    """Long enough to be cut into tiles and chunks; what wins stands twice."""
    random = np.random.default_rng(0)
    array = np.sort(random.standard_normal(200_000)).astype(dtype).reshape(500, 400)
    array[100, 50] = array[400, 3] = elements(dtype)[0]
    array[200, 20] = array[300, 2] = True if dtype == "bool" else elements(dtype)[-1]
    x = tt.input("x", ("a", "b"), dtype)
    outputs = [x.argmin(), x.argmin(0), x.argmin(1), x.argmax(), x.argmax(0), x.argmax(1)]
    found = tt.compile([x], outputs, backend=backend)(array)
    wanted = [find(array, axis) for find in (np.argmin, np.argmax) for axis in (None, 0, 1)]
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_the_least_integer_is_the_least(backend, dtype):
    x = tt.input("x", (2,), dtype)
    least = np.iinfo(dtype).min
    assert tt.compile([x], x.argmin(), backend=backend)(np.array([least, 0], dtype)) == 0


def test_argmin_has_a_text_that_reads_back_and_an_explanation():
    x = tt.input("x", (3, 4))
    program = tt.compile([x], x.argmin(1))
    assert "%0[i] = argmin[j:4] %x[i,j] : i64[3]" in str(program.source_graph)
    assert str(Graph.parse(str(program.source_graph))) == str(program.source_graph)
    array = np.array([[3, 1, 1, 2], [0, 0, 0, 0], [5, 4, 3, 2]], np.float32)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(program))(array), [1, 0, 3])  # noqa: S301  # ours
    shown = tt.explain(x.argmin(1))
    assert shown.formula == "y[i] = argmin over j < 4 of x[i,j]"
    assert shown.latex == r"y_{i} = \operatorname{argmin}_{j} x_{i j}"


def test_argmin_in_index_notation():
    x, y = tt.input("x", (2, 3)), tt.input("y", (3, 4))
    z = tt.map_reduce("argmin", "ik,kj->ij", x, y, map=lambda a, b: a + b)
    left, right = np.random.default_rng(0).standard_normal((2, 2, 3)).astype(np.float32), None
    left, right = left[0], np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
    np.testing.assert_array_equal(
        tt.compile([x, y], z)(left, right), (left[:, :, None] + right[None]).argmin(1)
    )


NOTHING = {
    "max": lambda x: x.max(0),
    "min": lambda x: tt.min(x, axis=(0, 1)),
    "argmax": lambda x: x.argmax(),
    "argmin": lambda x: x.argmin(0, keepdims=True),
    "max in index notation": lambda x: tt.map_reduce("max", "nk->k", x, map=lambda a: a * 2),
    "a written-out softmax": lambda x: tt.exp(x - x.max(0, keepdims=True)),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("passes", [(), None])
@pytest.mark.parametrize("name", NOTHING)
def test_nothing_has_no_largest_or_smallest(backend, passes, name):
    x = tt.input("x", ("n", 3))
    w = tt.parameter(np.zeros(3, np.float32), "w")
    program = tt.compile(
        [x], [NOTHING[name](x), x], updates={w: w + x.sum(0) + 1}, backend=backend, passes=passes
    )
    given = np.zeros((2, 3), np.float32)
    assert np.isfinite(program(given)[0]).all()
    out = [np.full_like(array, 7) for array in program(given)]
    before = tt.value_of(w)
    out[1] = np.full((0, 3), 7, np.float32)
    with pytest.raises(tt.ShapeError, match=r"with n = 0, arg|with n = 0, m(ax|in) of no elements"):
        program(np.zeros((0, 3), np.float32), out=None if out[0].shape[:1] == (2,) else out)
    np.testing.assert_array_equal(tt.value_of(w), before)
    assert out[0].shape[:1] == (2,) or (out[0] == 7).all()


def test_the_error_names_the_reduction_and_the_users_line():
    x = tt.input("x", ("n", 3))
    program = tt.compile([x], x.max(0))
    with pytest.raises(tt.ShapeError) as caught:
        program(np.zeros((0, 3), np.float32))
    assert "with n = 0, max of no elements has no value" in str(caught.value)
    assert "program = tt.compile([x], x.max(0))" in str(caught.value)


def test_known_extents_are_refused_when_the_graph_is_built():
    x = tt.input("x", (0, 3))
    for reducer in ("max", "min", "argmax", "argmin"):
        with pytest.raises(tt.ShapeError, match=f"{reducer} of no elements has no value"):
            tt.map_reduce(reducer, "nk->k", x)
        with pytest.raises(tt.ShapeError, match=f"{reducer} of no elements has no value"):
            getattr(x, reducer)(0)
        assert getattr(x, reducer)(1).shape == (0,)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("passes", [(), None])
def test_an_empty_axis_has_a_softmax_and_an_empty_batch_everything(backend, passes):
    x, t = tt.input("x", ("n", "k")), tt.input("t", ("n",), "int64")
    fixed = tt.input("f", ("n", 4))
    outputs = [
        tt.softmax(x), tt.log_softmax(x), tt.logsumexp(x, -1), tt.logsumexp(x, 0), tt.layer_norm(x, axis=-1),
        tt.softmax(x, axis=0), tt.softmax(fixed), fixed.max(1), fixed.argmin(1),
        tt.losses.cross_entropy(fixed, t), tt.grad(tt.softmax(x).sum(), x),
    ]  # fmt: skip
    program = tt.compile([x, t, fixed], outputs, backend=backend, passes=passes)
    for rows, columns in ((3, 0), (0, 5), (0, 0)):
        found = program(
            np.zeros((rows, columns), np.float32), np.zeros(rows, np.int64), np.zeros((rows, 4), np.float32)
        )
        for k in (0, 1, 4, 5, 10):
            assert found[k].shape == (rows, columns)
        np.testing.assert_array_equal(found[2], np.full(rows, -np.inf))
        np.testing.assert_array_equal(found[3], np.full(columns, -np.inf))
        assert found[6].shape == (rows, 4)
        assert found[7].shape == found[8].shape == (rows,)
        assert rows or np.isnan(found[9])


def test_what_a_call_is_asked_costs_no_slower_way_in():
    x = tt.input("x", ("n", 3))
    program = tt.compile([x], (x[2:].max(0), x[2:].argmin(0)), backend="llvm")
    assert type(program._enter) is type(len)
    given = np.arange(12, dtype=np.float32).reshape(4, 3)
    largest, places = program(given)
    np.testing.assert_array_equal(largest, [9, 10, 11])
    np.testing.assert_array_equal(places, [0, 0, 0])
    with pytest.raises(tt.ShapeError, match="with n = 2, max of no elements has no value"):
        program(given[:2])
    with pytest.raises(tt.ShapeError, match="with n = 1, axis 0 would have n-2 elements"):
        program(given[:1])
