"""Orders of arrays: those of a stable sort, on every way in which they are found."""

import numpy as np
import pytest

from compiler.errors import DTypeError, IndexRangeError, ShapeError
from compiler.ir import ordering
from compiler.ir.dims import symbol
from compiler.ir.known_calls import (
    KNOWN,
    AtRanks,
    First,
    FirstValues,
    Order,
    Ranked,
    Search,
    Sorted,
    known_call,
)
from compiler.ir.types import BOOL, COMPUTE, FLOAT32, FLOAT64, INT32, INT64, TensorType

SHAPES = [(0,), (1,), (5,), (3, 0), (0, 3), (7, 10), (40, 1000), (2, 3, 400), (30000,)]
SPECIAL = [np.nan, -np.nan, np.inf, -np.inf, -0.0, 0.0]


def plain(random, shape):
    return random.standard_normal(shape) * 1e6


def ties(random, shape):
    return np.round(random.standard_normal(shape) * 2) * random.choice([-1.0, 1.0, 0.0], shape)


def special(random, shape):
    return np.where(random.random(shape) < 0.2, random.choice(SPECIAL, shape), ties(random, shape))


def zeros(random, shape):
    return np.zeros(shape) * random.choice([-1.0, 1.0], shape)


def near(random, shape):
    """Doubles of which many differ in their last bits alone, and some not at all."""
    return 1.0 + random.integers(0, 2000, shape) * np.finfo(np.float64).eps


def expected_order(x, descending):
    """A stable order, by ranks: NaN last, zeros equal; of the negated ranks, where it descends."""
    _, ranks = np.unique(x + x.dtype.type(0), return_inverse=True)
    ranks = ranks.reshape(x.shape)
    return np.argsort(-ranks if descending else ranks, axis=-1, kind="stable")


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("make", [plain, ties, special, zeros, near])
@pytest.mark.parametrize("dtype", COMPUTE, ids=str)
def test_an_order_is_that_of_a_stable_sort(dtype, make, descending):
    random = np.random.default_rng(5)
    for shape in SHAPES:
        x = make(random, shape)
        is_whole = dtype in (INT32, INT64)
        x = (np.nan_to_num(x, posinf=9, neginf=-9) if is_whole else x).astype(dtype.numpy)
        order = expected_order(x, descending)
        np.testing.assert_array_equal(Order(descending)(x), order)
        values, wanted = Sorted(descending)(x), np.take_along_axis(x, order, -1)
        np.testing.assert_array_equal(values, wanted)
        if dtype.is_float:
            is_zero = wanted == 0
            np.testing.assert_array_equal(np.signbit(values[is_zero]), np.signbit(wanted[is_zero]))
        for count in {min(count, shape[-1]) for count in (0, 1, 3, shape[-1])}:
            np.testing.assert_array_equal(First(count, descending)(x), order[..., :count])
            found = FirstValues(count, descending)(x)
            np.testing.assert_array_equal(found, wanted[..., :count])
            if dtype.is_float:
                is_zero = found == 0
                signs = np.signbit(wanted[..., :count][is_zero])
                np.testing.assert_array_equal(np.signbit(found[is_zero]), signs)
        if shape[-1] and not descending:
            for ranks in ([0], [(shape[-1] - 1) // 2, shape[-1] - 1], [0] * 9):
                np.testing.assert_array_equal(AtRanks()(x, np.array(ranks)), order[..., ranks])
                np.testing.assert_array_equal(Ranked()(x, np.array(ranks)), wanted[..., ranks])


def test_bits_that_have_no_room_are_sorted_afterwards():
    x = np.array([2.0**-1074 * k for k in (5, 3, 4, 3)] + [1e300, -1e300] * 3000)
    np.testing.assert_array_equal(Order()(x), np.argsort(x, kind="stable"))
    whole = np.random.default_rng(0).integers(-(2**62), 2**62, 5000)
    pairs = np.concatenate([whole + 1, whole, whole + 1])
    np.testing.assert_array_equal(Order()(pairs), np.argsort(pairs, kind="stable"))
    extremes = np.array([2**63 - 1, -(2**63), 0, -(2**63), 2**63 - 1])
    np.testing.assert_array_equal(Order(True)(extremes), [0, 4, 2, 1, 3])


def test_few_are_sought_among_candidates_and_never_in_vain(monkeypatch):
    found = []
    seek = ordering._candidates
    monkeypatch.setattr(ordering, "_candidates", lambda *given: found.append(seek(*given)) or found[-1])
    random = np.random.default_rng(1)
    x = random.standard_normal((20, 1000)).astype(np.float32)
    First(5)(x)
    assert found[-1] is not None
    assert found[-1][0].shape[1] < 100
    for other in (np.where(random.random(x.shape) < 0.01, np.nan, x), np.ones_like(x), x[:, :20]):
        np.testing.assert_array_equal(First(5)(other), expected_order(other, True)[:, :5])
        assert found[-1] is None


def test_a_rank_of_a_row_with_a_nan_is_its_last_nan():
    x = np.array([[3.0, np.nan, 1.0, np.nan], [4.0, 2.0, 3.0, 1.0]])
    assert AtRanks(or_nan=True)(x, np.array([0, 1])).tolist() == [[3, 3], [3, 1]]
    assert AtRanks()(x, np.array([0, 1])).tolist() == [[2, 0], [3, 1]]
    np.testing.assert_array_equal(Ranked(or_nan=True)(x, np.array([1])), [[np.nan], [2.0]])
    np.testing.assert_array_equal(Ranked()(x, np.array([1])), [[3.0], [2.0]])


def test_threads_write_what_one_would():
    x = np.random.default_rng(2).standard_normal((7, 3, 50))
    ranks = np.array([3, 40])
    for function, operands in ((Order(), [x]), (Sorted(True), [x]), (First(4), [x]), (Ranked(), [x, ranks])):
        wanted = function(*operands)
        for count in (1, 2, 40):
            out = np.empty_like(wanted)
            parts = function.parts(count, out, operands)
            assert len(parts) == min(count, 21)
            for part in parts:
                function.write(*part)
            np.testing.assert_array_equal(out, wanted)
    assert len(Order().parts(2, np.empty(5), [np.empty(5)])) == 1


def test_many_values_are_found_where_few_are():
    random = np.random.default_rng(3)
    row, values = np.sort(random.integers(0, 500, 300)), random.integers(-5, 505, (20, 30))
    np.testing.assert_array_equal(Search()(row, values), np.searchsorted(row, values))
    np.testing.assert_array_equal(Search(True)(row, values), np.searchsorted(row, values, "right"))


@pytest.mark.parametrize("ranks", [[-1], [0, 3]])
def test_a_rank_that_no_element_has_is_an_error(ranks):
    with pytest.raises(IndexRangeError, match="of 3 elements none has one of the ranks"):
        AtRanks()(np.arange(3), np.array(ranks))


def test_searches_of_one_row_and_of_many():
    rows, values = np.array([[1.0, 2.0, 2.0], [0.0, 5.0, np.nan]]), np.array([[2.0, 0.5], [np.nan, 5.0]])
    assert Search()(rows, values).tolist() == [[1, 0], [2, 1]]
    assert Search(right=True)(rows, values).tolist() == [[3, 0], [3, 2]]
    assert Search()(rows[0], values).tolist() == [[1, 0], [3, 3]]


X = TensorType(FLOAT32, (2, 3))


@pytest.mark.parametrize("label", KNOWN)
def test_a_call_knows_the_type_of_its_result(label):
    others = {name: (INT64, (2,)) for name in KNOWN if "rank" in name}
    others |= {name: (FLOAT32, (2, 5)) for name in KNOWN if "search" in name}
    operands = [X, *([TensorType(*others[label])] if label in others else [])]
    function = KNOWN[label](TensorType(INT64, (2, 1)))
    op = known_call(label, function.infer(operands))
    assert op is not None
    assert op.infer(operands) == op.type
    assert (op.name, op.function) == (label, function)
    with pytest.raises(ShapeError, match=f"{label} takes [12] operands? with axes"):
        function.infer([])
    with pytest.raises(ShapeError, match=f"{label} of .* is .*, not bool"):
        known_call(label, TensorType(BOOL, (2, 1))).infer(operands)


def test_what_does_not_fit_is_an_error():
    with pytest.raises(ShapeError, match="as many as an int says"):
        known_call("tt.largest", TensorType(INT64, (2, symbol("k"))))
    with pytest.raises(ShapeError, match="ranks of one axis, int32 or int64"):
        AtRanks().infer([X, X])
    with pytest.raises(DTypeError, match="of one dtype"):
        Search().infer([X, TensorType(FLOAT64, (2, 3))])
    with pytest.raises(ShapeError, match="one for each row"):
        Search().infer([X, TensorType(FLOAT32, (3, 3))])


@pytest.mark.parametrize("width", [10, 31, 200])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zeros_keep_their_signs_where_the_sort_of_numpy_loses_all_of_one(dtype, width):
    random = np.random.default_rng(0)
    for _ in range(40):
        x = (np.round(random.standard_normal((1, width)) * 2) * random.choice([-1, 1], width)).astype(dtype)
        found = Sorted()(x)
        np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(x[x == 0]))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("make", [plain, ties, zeros, near])
def test_candidates_of_long_rows_are_found_in_groups_and_in_the_rest(make, descending):
    random = np.random.default_rng(3)
    for dtype in (np.float32, np.float64, np.int64):
        x = make(random, (3, 40013)).astype(dtype)
        x[1, -3:] = -5e6 if descending else 5e6
        x[2, -3:] = x[2, 7:40000:9000][:3] = 5e6 if descending else -5e6
        found = np.empty((3, 12), np.int64)
        ordering.write_first(found, x, descending)
        np.testing.assert_array_equal(found, expected_order(x, descending)[:, :12])
