"""Sorting: what the table of ops does not say. Texts, symbols, methods, and whatever is wrong."""

import pickle

import numpy as np
import pytest

import tinytorch as tt
from tests.tinytorch.evaluation import operands, ours
from tests.tinytorch.op_table.sorting import SORTING
from tinytorch import rows

BACKENDS = ["reference", "numpy", "llvm", "c"]
A = np.array([[3.0, 1.0, 2.0, 1.0], [0.0, np.nan, -0.0, 5.0]], np.float32)


def everything(x):
    values, places = x.topk(2)
    small, place = x.kthvalue(2, axis=0)
    return [
        x.sort(), x.sort(0, descending=True), x.argsort(None), values, places, small, place, x.median(1),
        tt.nanmedian(x, 1), tt.quantile(x, [0.25, 0.5], 0), x.diff(),
        tt.nanquantile(x, 0.5, 1, interpolation="midpoint"), tt.searchsorted(x.sort(), x),
        tt.logcumsumexp(x, 1), *tt.histogram(x, 3, (0, 3)),
        tt.grad((x.sort() * tt.arange(4)).sum() + (values * values).sum() + x.median(0).sum(), x),
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(2, 4), ("n", 4), (2, "n"), ("n", "m")], ids=str)
def test_every_backend_agrees_and_every_text_reads_back(shape):
    x = tt.input("x", shape)
    made = everything(x) if shape[1] == 4 else [x.sort(), *x.topk(2), *x.kthvalue(2), x.median(1)]
    graph = tt.graph_of(made)
    assert str(tt.parse(str(graph), graph.arrays)) == str(graph)
    wanted = tt.compile([x], made, passes=(), backend="reference")(A)
    for backend in BACKENDS:
        program = tt.compile([x], made, backend=backend)
        for found, expected in zip(program(A), wanted, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    again = pickle.loads(pickle.dumps(program))  # noqa: S301  # our own
    for found, expected in zip(again(A), wanted, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_text_of_a_call_with_a_wrong_type_is_an_error():
    text = str(tt.graph_of(tt.input("x", ("n",)).argsort()))
    with pytest.raises(tt.ParseError, match=r"tt\.argsort of f32\[n\] is i64\[n\], not f32\[n\]"):
        tt.parse(text.replace("i64[n]", "f32[n]"))


@pytest.mark.parametrize("row", SORTING, ids=repr)
def test_short_rows_and_calls_agree(row, monkeypatch):
    """What is compared each with each and what a call sorts have the same values, slopes and texts."""
    case = max(row.cases, key=lambda case: sum(np.size(item) for item in case))
    arrays = operands(case, "float32")
    wanted = ours(row.ours, arrays, row.orders)
    monkeypatch.setattr(rows, "is_short", lambda node: False)
    for found, expected in zip(ours(row.ours, arrays, row.orders), wanted, strict=True):
        np.testing.assert_array_equal(found, expected)
    inputs = [tt.input(f"x{k}", array.shape, array.dtype) for k, array in enumerate(arrays)]
    result = row.ours(*inputs)
    graph = tt.graph_of(result)
    assert str(tt.parse(str(graph), graph.arrays)) == str(graph)
    assert any(node.op.name.startswith("tt.") for node in graph.nodes)
    np.testing.assert_array_equal(tt.compile(inputs, result, backend="llvm")(*arrays), wanted[0])


def test_rows_that_are_short_are_compared():
    shapes = ("n", 16), ("n", 17), (10, 30)
    short, long, few = (tt.input("x", shape, dtype="float16").node for shape in shapes)
    assert not rows.is_short(tt.input("x", (10, 10)).node)  # a network sorts it
    assert [rows.is_short(node) for node in (short, long, few)] == [True, False, True]
    names = {node.op.name for node in tt.graph_of(tt.Tensor(short).sort()).nodes}
    assert "tt.sort" not in names
    assert "comes_before" in names


def test_values_alone_are_sorted_without_places():
    x = tt.input("x", (5, 400))
    assert [node.op.name for node in tt.graph_of(x.sort()).nodes] == ["input", "tt.sort"]
    names = [node.op.name for node in tt.graph_of(tt.grad((x.sort() ** 2).sum(), x)).nodes]
    assert names.count("tt.argsort") == 1


def test_the_program_says_that_it_calls_numpy():
    x = tt.input("x", (5, 4000))
    y = x.sort()
    program = tt.compile([x], tt.exp(y) + 1, backend="llvm")
    told = program.why(y)
    assert "OPAQUE, a result of tt.sort is an opaque call" in str(told)
    assert told.slow == ()  # the call is as fast as any


def test_what_is_passed_is_left_alone_and_memory_is_shared_with_nobody():
    x = tt.input("x", (200,))
    y = (x * 2.0).sort() + 1.0
    given = np.random.default_rng(0).standard_normal(200).astype(np.float32)
    kept = given.copy()
    for backend in BACKENDS:
        out = np.empty(200, np.float32)
        tt.compile([x], y, backend=backend)(given, out=out)
        np.testing.assert_array_equal(out, np.sort(kept * 2) + 1)
        np.testing.assert_array_equal(given, kept)


def test_a_symbol_may_say_how_many():
    x = tt.input("x", ("n", 4))
    values, places = x.topk("n")
    found = tt.compile([x], [values, places])(A)
    np.testing.assert_array_equal(found[1], [[0, 2], [1, 3]])
    np.testing.assert_array_equal(found[0], np.take_along_axis(A, found[1], 1))


def test_the_first_true_places_of_a_mask():
    """What stands for nonzero, whose shape depends on values."""
    x = tt.input("x", (6,))
    places = tt.argsort(x > 0, descending=True)[:3]
    found = tt.compile([x], places)(np.array([-1, 2, -3, 4, 5, 6], np.float32))
    assert found.tolist() == [1, 3, 4]


def test_bools_differ_or_not_and_ends_are_added():
    x, b = tt.input("x", (2, 3)), tt.input("b", (3,), "bool")
    made = [x.diff(2), x.diff(1, 0, prepend=1, append=x), b.diff(), x.diff(0), x.diff(3, 1)]
    given = np.array([[1, 4, 9], [2, 2, 7]], np.float32)
    found = tt.compile([x, b], made)(given, np.array([True, False, False]))
    for mine, theirs in zip(
        found,
        [
            np.diff(given, 2), np.diff(given, 1, 0, np.ones((1, 3), np.float32), given),
            np.array([True, False]), given, given[:, :0],
        ],
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype


def test_counts_of_integers_that_are_known():
    found = tt.bincount(tt.constant([1, 5, 1]))
    assert (found.shape, tt.bincount(tt.constant([1]), minlength=4).shape) == ((6,), (4,))
    assert tt.compile([], found)().tolist() == [0, 2, 0, 0, 0, 1]
    i = tt.input("i", (3,), "int64")
    with pytest.raises(tt.IndexRangeError):
        tt.compile([i], tt.bincount(i, minlength=2))([0, 1, 2])


def test_a_histogram_of_equal_elements_and_a_density():
    x = tt.input("x", (4,))
    found = tt.compile([x], [*tt.histogram(x, 2), tt.histogram(x, 3, (0, 2), density=True)[0]])
    for given in (np.full(4, 1.5, np.float32), np.array([0, 0.5, 2, 3], np.float32)):
        counts, edges, density = found(given)
        np.testing.assert_array_equal(counts, np.histogram(given, 2)[0])
        np.testing.assert_allclose(edges, np.histogram(given, 2)[1])
        np.testing.assert_allclose(density, np.histogram(given, 3, (0, 2), density=True)[0], rtol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_logarithms_of_sums_at_infinities(reverse):
    given = np.array([-np.inf, -np.inf, 1, -1000, -np.inf, 1000, 2, 3])
    given = given[::-1] if reverse else given
    x = tt.input("x", (8,), "float64")
    y = tt.logcumsumexp(x, reverse=reverse)
    slope = tt.grad(tt.where(tt.isfinite(y), y, 0).sum(), x)
    value, found = tt.compile([x], [y, slope])(given)
    ordered, found = (value[::-1], found[::-1]) if reverse else (value, found)
    np.testing.assert_array_equal(ordered, [-np.inf, -np.inf, 1, 1, 1, 1000, 1000, 1000])
    np.testing.assert_array_equal(found, [0, 0, 3, 0, 0, 3, 0, 0])
    above = tt.compile([x], tt.logcumsumexp(x))(np.array([1, np.inf, -np.inf, 5, np.inf, 1, np.nan, 2]))
    np.testing.assert_array_equal(above, [1, *[np.inf] * 5, np.nan, np.nan])


x = tt.input("x", (3, 4))
n = tt.input("n", ("n", 4))
i = tt.input("i", (3, 4), "int64")
HERE = r", from \S*test_sorting\.py:\d+: "

WRONG = {
    "axis": (lambda: x.sort(2), tt.ShapeError, rf"axis 2 is out of range for 2 axes: %x : f32\[3,4\]{HERE}"),
    "no axis": (lambda: tt.sort(tt.constant(1.0)), tt.ShapeError, "a scalar has no axes"),
    "too many": (
        lambda: x.topk(5),
        tt.ShapeError,
        rf"topk of k = 5 along axis 1 of 4 elements: %x .*{HERE}.*\n  fix: k from 0",
    ),
    "negative": (lambda: tt.topk(x, -1), tt.ShapeError, "k = -1"),
    "no k": (lambda: x.kthvalue(1.5), tt.ArgumentError, r"an int or an extent as k, not 1\.5: %x"),
    "the zeroth": (lambda: x.kthvalue(0), tt.ShapeError, r"(?s)k = 0 .*fix: k from 1 to 4"),
    "median of none": (lambda: tt.median(x[:0]), tt.ShapeError, "median of no elements"),
    "quantile of none": (lambda: tt.quantile(x[:, :0], 0.5, 1), tt.ShapeError, "quantile of no elements"),
    "a share": (lambda: tt.quantile(x, 1.5), tt.ArgumentError, r"a number from 0 to 1, or a list .*1\.5"),
    "a tensor's share": (lambda: tt.quantile(x, x[0]), tt.ArgumentError, "(?s)quantile takes .*fix: numbers"),
    "NaN as a share": (lambda: tt.quantile(x, [np.nan]), tt.ArgumentError, "from 0 to 1"),
    "interpolation": (
        lambda: tt.nanquantile(x, 0.5, interpolation="cubic"),
        tt.ArgumentError,
        "nanquantile interpolates linear, lower, .*, not 'cubic'",
    ),
    "method": (lambda: tt.quantile(x, 0.5, method="lower"), tt.KeywordError, "fix: interpolation='lower'"),
    "dim": (lambda: tt.sort(x, dim=1), tt.KeywordError, "fix: axis=1"),
    "side": (lambda: tt.searchsorted(x[0], x, "middle"), tt.ArgumentError, "'left' or 'right', not 'middle'"),
    "rows": (lambda: tt.searchsorted(x, x[:2]), tt.ShapeError, "(?s)one for each row of the values:.*%x"),
    "boundaries": (lambda: tt.bucketize(x, x), tt.ShapeError, "bucketize takes one sorted row, not %x"),
    "floats": (lambda: tt.bincount(x[0], minlength=3), tt.ShapeError, "integers of one axis"),
    "axes": (lambda: tt.bincount(i, minlength=3), tt.ShapeError, r"(?s)of one axis, not %i.*fix: x\.flatten"),
    "no length": (
        lambda: tt.bincount(i[0]),
        tt.ArgumentError,
        "(?s)known when the graph is built.*fix: minlength=n",
    ),
    "a negative length": (lambda: tt.bincount(i[0], minlength=-1), tt.ArgumentError, "not negative, not -1"),
    "weights": (lambda: tt.bincount(i[0], x, 3), tt.ShapeError, "(?s)a weight for each integer:.*%x"),
    "bins": (lambda: tt.histogram(x, 0), tt.ArgumentError, "a number of bins from 1 on, not 0"),
    "edges": (lambda: tt.histogram(x, [1.0]), tt.ArgumentError, "edges of one axis"),
    "differences": (lambda: x.diff(-1), tt.ArgumentError, "not negative, not -1"),
    "differences of a graph": (lambda: tt.diff(x), tt.ArgumentError, r"(?s)two graphs.*fix: x\.diff\(\)"),
    "nonzero": (lambda: tt.nonzero, tt.MissingNameError, r"(?s)fix: tt\.argsort\(mask, descending=True\)"),
    "unique": (lambda: tt.unique, tt.MissingNameError, r"(?s)fix: tt\.bincount.*depend on values"),
    "few in a call": (
        lambda: tt.compile([n], n.topk(3, axis=0)[0])(A),
        tt.ShapeError,
        rf"with n = 2, .* fewer elements than the 3 .*{HERE}",
    ),
    "none in a call": (
        lambda: tt.compile([n], n.median(0))(A[:0]),
        tt.ShapeError,
        rf"with n = 0, .*{HERE}",
    ),
    "few of a symbol": (
        lambda: tt.compile([n], n.kthvalue(3, 0)[0])(A),
        tt.ShapeError,
        rf"with n = 2, .*{HERE}",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_whatever_is_wrong_says_so(name):
    call, kind, sentence = WRONG[name]
    with pytest.raises(kind, match=sentence):
        call()
