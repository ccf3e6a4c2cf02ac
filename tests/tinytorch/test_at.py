"""Keys with several indices, and `x.at[key]`: NumPy's reads and writes, on every backend, in place or not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt
from compiler.rewrite.refusal import Reason
from tests.backends import ALL

SHAPE = (4, 3, 5, 2)
ARRAY = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
UFUNCS = {"add": np.add, "multiply": np.multiply, "max": np.maximum, "min": np.minimum}


def changed(array: np.ndarray, key: Any, how: str, values: Any) -> np.ndarray:
    found = array.copy()
    if how == "set":
        found[key] = values
    elif how == "subtract":
        np.subtract.at(found, key, values)
    else:
        UFUNCS[how].at(found, key, values)
    return found


@st.composite
def keys(draw: st.DrawFn) -> tuple[Any, ...]:
    """Items for some axes; at least one index array, all of which broadcast."""
    shape = draw(st.sampled_from([(), (1,), (3,), (2, 3), (0,)]))
    items: list[Any] = []
    for extent in SHAPE[: draw(st.integers(1, 4))]:
        values = st.integers(-extent, extent - 1)
        kind = draw(st.sampled_from(["index", "index", "slice"]))
        if kind == "slice":
            items.append(draw(st.slices(extent)))
        else:
            own = draw(st.sampled_from([shape, (1,) * len(shape)]))
            flat = [draw(values) for _ in range(int(np.prod(own)))]
            items.append(np.array(flat, np.int64).reshape(own))
    for _ in range(draw(st.integers(0, 1))):
        items.insert(draw(st.integers(0, len(items))), None)
    if draw(st.booleans()):
        items.append(Ellipsis)
    return tuple(items)


def is_torchs(key: tuple[Any, ...]) -> bool:
    """Whether NumPy means another order of axes: it counts what has no axes as an index among others."""
    indices = [item for item in key if isinstance(item, np.ndarray)]
    return any(item.ndim == 0 for item in indices) and any(item.ndim for item in indices)


@given(keys(), st.sampled_from(["set", "add", "subtract", "multiply", "max", "min"]))
def test_reads_and_updates_are_numpys(key, how):
    if is_torchs(key):
        return
    x = tt.input("x", SHAPE)
    expected = ARRAY[key]
    values = np.arange(expected.size, dtype=np.float32).reshape(expected.shape) % 7 - 3
    v = tt.input("v", values.shape)
    place = x.at[key]
    program = tt.compile([x, v], [x[key], place.get(), getattr(place, how)(v)], backend="reference")
    read, got, update = program(ARRAY, values)
    np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(update, changed(ARRAY, key, how, values))


FIRST, SECOND = np.array([[3, 0, 3], [1, 3, 0]]), np.array([2, 0, 2])
MASK = np.random.default_rng(1).integers(0, 2, SHAPE[:2]) == 1
KEYS: dict[str, Any] = {
    "pairs": (FIRST, SECOND),
    "apart": (FIRST, slice(None), SECOND),
    "behind": (slice(None), SECOND, FIRST),
    "in steps": (FIRST, slice(2, None, -2), SECOND),
    "mask": MASK,
    "mask between": (slice(1, None), MASK[0], slice(None, None, -2)),
    "no such element": (np.zeros(SHAPE, bool),),
    "slice": (slice(1, 3), slice(None, None, -1)),
    "negative ints": (-1, slice(None), -2),
    "everything": Ellipsis,
}


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("name", KEYS)
def test_every_backend_has_the_bits_of_numpy(name, backend):
    key = KEYS[name]
    x = tt.input("x", SHAPE)
    shape = ARRAY[key].shape
    values = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    v = tt.input("v", shape)
    hows = ["set", "add", "multiply", "max", "min"]
    program = tt.compile([x, v], [x[key], *(getattr(x.at[key], how)(v) for how in hows)], backend=backend)
    read, *updates = program(ARRAY, values)
    np.testing.assert_array_equal(read, ARRAY[key])
    for how, found in zip(hows, updates, strict=True):
        np.testing.assert_array_equal(found, changed(ARRAY, key, how, values))


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float64"])
@pytest.mark.parametrize("backend", ALL)
def test_every_dtype_is_set(backend, dtype):
    x, v, i = tt.input("x", (5,), dtype), tt.input("v", (3,), dtype), tt.input("i", (3,), "int32")
    hows = ["set"] if dtype == "bool" else ["set", "add", "max", "min", "multiply"]
    program = tt.compile([x, v, i], [getattr(x.at[i], how)(v) for how in hows], backend=backend)
    array, values = np.array([0, 1, 2, 1, 0]).astype(dtype), np.array([1, 3, 0]).astype(dtype)
    found = program(array, values, np.array([4, 1, 4], np.int32))
    for how, result in zip(hows, found, strict=True):
        np.testing.assert_array_equal(result, changed(array, [4, 1, 4], how, values))
        assert result.dtype == dtype


@pytest.mark.parametrize("backend", ALL)
def test_nan_stays_and_wins(backend):
    x, v = tt.input("x", (3,)), tt.input("v", (4,))
    key = [0, 1, 1, 2]
    program = tt.compile([x, v], [x.at[key].max(v), x.at[key].min(v), x.at[key].add(v)], backend=backend)
    largest, smallest, total = program(np.float32([np.nan, -np.inf, 0.0]), np.float32([1, np.nan, 2, -0.0]))
    np.testing.assert_array_equal(largest, np.float32([np.nan, np.nan, 0]))
    np.testing.assert_array_equal(smallest, np.float32([np.nan, np.nan, -0.0]))
    np.testing.assert_array_equal(total, np.float32([np.nan, np.nan, 0]))


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("width", [1, 3, 1000])
def test_the_last_value_stays_for_any_number_of_threads(backend, width):
    rows, many = 50, 20_000
    random = np.random.default_rng(0)
    index = random.integers(0, rows, many)
    values = random.standard_normal((many, width)).astype(np.float32)
    x, v, i = tt.input("x", (rows, width)), tt.input("v", (many, width)), tt.input("i", (many,), "int64")
    program = tt.compile([x, v, i], [x.at[i].set(v), x.at[i].add(v)], backend=backend)
    start = np.zeros((rows, width), np.float32)
    found = []
    threads = tt.get_num_threads()
    for count in (1, 2, 7):
        tt.set_num_threads(count)
        found.append(program(start, values, index))
    tt.set_num_threads(threads)
    for last, total in found:
        np.testing.assert_array_equal(last, changed(start, index, "set", values))
        np.testing.assert_array_equal(total, found[0][1])


@pytest.mark.parametrize("backend", ALL)
def test_symbolic_extents_are_indexed(backend):
    x, i, j = tt.input("x", ("n", "m", 2)), tt.input("i", ("k",), "int64"), tt.input("j", ("k",), "int32")
    v = tt.input("v", ("k", 2))
    program = tt.compile(
        [x, i, j, v], [x[i, j], x[j, :, [1]], x.at[i, j].add(v), x.at[1:, 0].set(7)], backend=backend
    )
    for n, m, k in [(4, 3, 5), (3, 3, 0), (2, 5, 1)]:
        array = np.random.default_rng(n).standard_normal((n, m, 2)).astype(np.float32)
        a, b = np.arange(k) % n, (np.arange(k) % 2).astype(np.int32)
        values = np.ones((k, 2), np.float32)
        pairs, apart, added, filled = program(array, a, b, values)
        np.testing.assert_array_equal(pairs, array[a, b])
        np.testing.assert_array_equal(apart, array[b, :, [1]])
        np.testing.assert_array_equal(added, changed(array, (a, b), "add", values))
        np.testing.assert_array_equal(filled, changed(array, (slice(1, None), 0), "set", 7))


@pytest.mark.parametrize("backend", ALL)
def test_each_index_is_checked_against_its_own_axis(backend):
    x, i, j = tt.input("x", (4, 3)), tt.input("i", (2,), "int64"), tt.input("j", (2,), "int32")
    read = tt.compile([x, i, j], x[i, j], backend=backend)
    write = tt.compile([x, i, j], x.at[i, j].add(1.0), backend=backend)
    array = np.zeros((4, 3), np.float32)
    for program, op in [(read, "gather"), (write, "scatter")]:
        for wrong, axis, most, name in [([0, 4], 0, 3, "i"), ([-1, 0], 0, 3, "i")]:
            with pytest.raises(tt.IndexRangeError) as caught:
                program(array, np.array(wrong), np.int32([0, 1]))
            first, second, *_, fix = str(caught.value).splitlines()
            place = [k for k, item in enumerate(wrong) if not 0 <= item <= most]
            assert first == f"{op}: the index of axis {axis} at {place} is outside 0 .. {most}"
            assert second.startswith(f"  %{name} : i64[2]")
            assert fix == "  fix: pass indices from 0 to 3; negative ones do not count from the end in a call"
        with pytest.raises(
            tt.IndexRangeError, match=r"the index of axis 1 at \[1\] is outside 0 .. 2\n  %j : i32"
        ):
            program(array, np.array([0, 1]), np.int32([0, 3]))  # inside the whole, and outside its axis


# In place


def steps_over(program: tt.Program) -> list[tuple[str, str]]:
    """Which results are written over which operands."""
    names = program.graph.names.values
    marks = [pair for kernel in program.schedule.kernels for pair in kernel.in_place.items()]
    return [(names[result], names[operand]) for result, operand in marks]


@pytest.mark.parametrize("backend", ALL)
def test_an_update_of_a_donated_array_is_that_array(backend):
    x, v, i = tt.input("x", (50, 4)), tt.input("v", (3, 4)), tt.input("i", (3,), "int64")
    program = tt.compile([x, v, i], x.at[i].add(v), donate=["x"], backend=backend)
    array = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    values, index = np.ones((3, 4), np.float32), np.array([4, 0, 4])
    expected = changed(array, index, "add", values)
    given, before = array.copy(), array.copy()
    found = program(given, values, index)
    np.testing.assert_array_equal(found, expected)
    if backend != "reference":
        assert found is given
        assert len(steps_over(program)) == 1
    with pytest.raises(tt.IndexRangeError):
        program(before, values, np.array([0, 50, 1]))
    np.testing.assert_array_equal(before, array)


def test_updates_of_a_value_that_is_dead_follow_each_other_in_its_memory():
    x, i = tt.input("x", (40, 8)), tt.input("i", (3,), "int64")
    y = tt.exp(x)
    program = tt.compile(
        [x, i], y.at[i].set(0.0).at[2:9:3].max(1.0).at[[0], [1]].multiply(3.0).sum(), backend="llvm"
    )
    assert len(steps_over(program)) == 3
    array = np.random.default_rng(0).standard_normal((40, 8)).astype(np.float32)
    index = np.array([3, 1, 1])
    expected = changed(np.exp(array), index, "set", 0)
    expected = changed(expected, slice(2, 9, 3), "max", 1)
    expected = changed(expected, ([0], [1]), "multiply", 3)
    assert program(array, index) == pytest.approx(expected.sum(), rel=1e-5)


def test_a_parameter_is_updated_where_it_is():
    w, i, v = (
        tt.parameter(np.zeros((50, 4), np.float32), "w"),
        tt.input("i", (3,), "int64"),
        tt.input("v", (3, 4)),
    )
    step = tt.compile([i, v], updates={w: w.at[i].add(v)}, outputs=[])
    assert step.plan.peak_bytes == 0
    step(np.array([1, 1, 2]), np.ones((3, 4), np.float32))
    np.testing.assert_array_equal(tt.value_of(w).sum(axis=1)[:4], [0, 8, 4, 0])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda x, i: x.at[i].add(x[:3]), Reason.OTHER_INDEX),
        (lambda x, i: x.T.at[i].add(1.0), Reason.NOT_DENSE),
        (lambda x, i: x.at[i].add(1.0) + x, Reason.READ_LATER),
    ],
)
def test_an_update_that_must_not_be_in_place_says_why(make, reason):
    x, i = tt.input("x", (5, 5)), tt.input("i", (3,), "int64")
    y = tt.exp(x)
    program = tt.compile([x, i], make(y, i).sum(), backend="llvm")
    array, index = np.eye(5, dtype=np.float32), np.array([4, 4, 0])
    assert steps_over(program) == [] or reason is Reason.READ_LATER
    found = {refusal.reason for record in program.history for refusal in record.report.refusals}
    assert reason in found
    other = tt.compile([x, i], make(y, i).sum(), backend="reference", passes=())
    assert program(array, index) == pytest.approx(other(array, index), rel=1e-5)


def test_indices_that_are_the_same_along_other_axes_move_whole_slices():
    x, i, v = tt.input("x", (5, 3)), tt.input("i", (4,), "int64"), tt.input("v", (4, 3))
    spread = i.unsqueeze(1).broadcast_to((4, 3))
    made = [x.gather(0, spread), x.scatter_add(0, spread, v), tt.take_along_axis(x, i.unsqueeze(1), 0)]
    assert "batched=true" not in str(tt.graph_of(made))
    program = tt.compile([x, i, v], made)
    random = np.random.default_rng(0)
    array, values = random.standard_normal((5, 3)).astype("f"), random.standard_normal((4, 3)).astype("f")
    index = np.array([4, 0, 4, 1])
    read, added, along = program(array, index, values)
    np.testing.assert_array_equal(read, array[index])
    np.testing.assert_array_equal(along, array[index])
    np.testing.assert_array_equal(added, changed(array, index, "add", values))


# Gradients


def test_of_several_values_the_one_that_stayed_has_the_gradient():
    x, v, i = tt.input("x", (3,)), tt.input("v", (4,)), tt.input("i", (4,), "int64")
    loss = (x.at[i].set(v) * np.float32([2, 3, 5])).sum()
    program = tt.compile([x, v, i], tt.grad(loss, [x, v]))
    by_x, by_v = program(np.zeros(3, np.float32), np.zeros(4, np.float32), np.array([2, 0, 2, 0]))
    np.testing.assert_array_equal(by_x, [0, 3, 0])
    np.testing.assert_array_equal(by_v, [0, 0, 5, 2])


def test_indices_that_are_known_and_differ_need_no_search_for_the_last():
    v = tt.input("v", (2, 3))
    loss = tt.sin(tt.zeros((4, 3)).at[[2, 0]].set(v)).sum()
    assert "scatter" in str(tt.graph_of(loss))
    assert "last" not in str(tt.graph_of(tt.grad(loss, v)))


def test_every_node_of_a_key_has_the_line_that_wrote_it():
    x, i = tt.input("x", ("n", 3)), tt.input("i", (2,), "int32")
    graph = tt.graph_of([x[i, :, None], x[i, i], x.at[i, i].add(1.0).at[1:, ::-1].set(2.0)])
    assert {str(node.origin.source).split(":")[0].rsplit("/")[-1] for node in graph.nodes} == {"test_at.py"}


def test_a_text_reads_back():
    x, i = tt.input("x", ("n", 3)), tt.input("i", (2,), "int64")
    graph = tt.graph_of([x.at[i, [0, 2]].max(1.0), x.at[1:, ::2].set(2.0)])
    assert str(tt.parse(str(graph), graph.arrays)) == str(graph)
    with pytest.raises(tt.ParseError, match="combine is one of set, add, multiply, max, min"):
        tt.parse(str(graph).replace("combine=max", "combine=median"), graph.arrays)
