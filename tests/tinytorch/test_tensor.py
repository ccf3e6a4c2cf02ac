"""Tensors: operators and methods mean what NumPy's do."""

import operator
import pickle
import warnings

import numpy as np
import pytest

import tinytorch as tt

DTYPES = ["bool", "int32", "int64", "float32", "float64"]
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv]
COMPARING = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
LOGICAL = [operator.and_, operator.or_, operator.xor]


def compute(tensor: tt.Tensor) -> np.ndarray:
    return tt.compile([], tensor, passes=(), backend="reference")()


def values(dtype: str) -> np.ndarray:
    return np.array([[3, 1, 2], [1, 2, 0]]).astype(dtype)


@pytest.mark.parametrize("right", DTYPES)
@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.parametrize("function", [*ARITHMETIC, *COMPARING], ids=lambda item: item.__name__)
def test_operators_are_numpys(function, left, right):
    a, b = values(left), values(right)[:, ::-1].copy()
    if function in ARITHMETIC[:3] and left == right == "bool":
        with pytest.raises(tt.DTypeError, match="not defined for bool"):
            function(tt.constant(a), tt.constant(b))
        return
    with np.errstate(all="ignore"):
        expected = function(a, b)
    found = compute(function(tt.constant(a), tt.constant(b)))
    if expected.dtype == np.float64 and "float64" not in (left, right):
        expected = expected.astype(np.float32)  # float64 comes from float64 alone
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("function", [*ARITHMETIC, *COMPARING], ids=lambda item: item.__name__)
@pytest.mark.parametrize("scalar", [2, 0.5])
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_python_scalars_are_weak_on_both_sides(function, scalar, dtype):
    a = values(dtype)
    with np.errstate(all="ignore"):
        expected = function(a, scalar), function(scalar, a)
    for found, wanted in zip(
        (function(tt.constant(a), scalar), function(scalar, tt.constant(a))), expected, strict=True
    ):
        is_default = wanted.dtype == np.float64 and dtype == "int64"
        assert compute(found).dtype == (np.float32 if is_default else wanted.dtype)
        np.testing.assert_allclose(compute(found), wanted, rtol=1e-6)


@pytest.mark.parametrize("function", LOGICAL, ids=lambda item: item.__name__)
def test_logic_is_of_bools(function):
    a, b = np.array([True, True, False]), np.array([True, False, False])
    np.testing.assert_array_equal(compute(function(tt.constant(a), tt.constant(b))), function(a, b))
    np.testing.assert_array_equal(compute(~tt.constant(a)), ~a)


BITS = [*LOGICAL, operator.lshift, operator.rshift]


@pytest.mark.parametrize("right", ["bool", "int32", "int64"])
@pytest.mark.parametrize("left", ["int32", "int64"])
@pytest.mark.parametrize("function", BITS, ids=lambda item: item.__name__)
def test_bits_of_integers_are_numpys(function, left, right):
    a, b = np.array([6, -5, 2**31 - 1, -(2**31)], left), np.array([3, 1, 0, 2]).astype(right)
    expected = function(a, b)
    found = compute(function(tt.constant(a), tt.constant(b)))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(compute(~tt.constant(a)), ~a)
    np.testing.assert_array_equal(compute(function(tt.constant(a), 3)), function(a, 3))
    np.testing.assert_array_equal(compute(function(3, tt.constant(b))), function(3, b.astype(np.int64)))


def test_logic_of_integers_asks_whether_they_are_zero():
    """In formulas, too, where bits of 2 and 1 would have nothing in common."""
    x, y = tt.constant([2, 0, 1]), tt.constant([1, 1, 0])
    both = tt.elementwise("both", lambda x, y: tt.where(tt.logical_and(x, y), 1, 0))
    as_numpy = tt.elementwise("both", lambda x, y: tt.where(np.logical_and(x, y > 0), 1, 0))
    for found in (tt.logical_and(x, y), both(x, y), as_numpy(x, y)):
        np.testing.assert_array_equal(compute(found), [1, 0, 0])
    assert str(as_numpy.formula).count("!=") == 1


def test_bits_of_literals_keep_the_dtype_of_what_they_meet():
    op = tt.elementwise("op", lambda x, *, n=6: x * (n & 3))
    np.testing.assert_array_equal(compute(op(tt.constant([1.5]))), [3.0])
    assert op(tt.constant(np.array([2], np.int32))).dtype == "int32"


def test_an_array_on_the_left_asks_the_tensor():
    x = tt.constant(values("float32"))
    found = np.ones(3, np.float32) - x
    assert isinstance(found, tt.Tensor)
    np.testing.assert_array_equal(compute(found), 1 - values("float32"))
    np.testing.assert_array_equal(compute(np.ones((1, 2), np.float32) @ x), [[4, 3, 2]])


def test_powers():
    x = tt.constant([1.0, 2.0, 3.0])
    np.testing.assert_allclose(compute(x**2), [1, 4, 9])
    np.testing.assert_allclose(compute(2**x), [2, 4, 8])
    np.testing.assert_array_equal(compute(tt.constant([1, 2, 3]) ** 2), [1, 4, 9])


REDUCTIONS = ["sum", "max", "min", "mean", "argmax", "argmin"]


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_are_numpys(name, keepdims, axis):
    a = values("float64")
    expected = getattr(np, name)(a, axis=axis, keepdims=keepdims)
    found = compute(getattr(tt.constant(a), name)(axis, keepdims))
    np.testing.assert_allclose(found, expected)
    assert found.shape == np.shape(expected)


@pytest.mark.parametrize("correction", [0, 1])
def test_variance_is_torchs_by_default(correction):
    a = np.random.default_rng(0).standard_normal((4, 5))
    np.testing.assert_allclose(
        compute(tt.constant(a).var(1, correction=correction)), a.var(1, ddof=correction)
    )
    np.testing.assert_allclose(compute(tt.constant(a).std(correction=correction)), a.std(ddof=correction))


@pytest.mark.parametrize("axis", [(), (0, 1), [1, 0], (-1,)])
def test_several_axes(axis):
    a = values("float64")
    np.testing.assert_array_equal(compute(tt.constant(a).sum(axis)), a.sum(axis=tuple(axis)))


def test_shapes_are_numpys():
    a = np.arange(24.0).reshape(2, 3, 4)
    x = tt.constant(a)
    pairs = [
        (x.reshape(6, -1), a.reshape(6, -1)),
        (x.reshape((4, 6)), a.reshape(4, 6)),
        (x.T, a.T),
        (x.transpose(1, 0, 2), a.transpose(1, 0, 2)),
        (x.transpose((2, 0, 1)), a.transpose(2, 0, 1)),
        (x.swapaxes(0, -1), a.swapaxes(0, -1)),
        (x.unsqueeze(1), a[:, None]),
        (x.unsqueeze(-1).squeeze(-1), a),
        (x.flatten(), a.reshape(-1)),
        (x.flatten(1), a.reshape(2, 12)),
        (x.flatten(0, 1), a.reshape(6, 4)),
        (x.broadcast_to((5, 2, 3, 4)), np.broadcast_to(a, (5, 2, 3, 4))),
    ]
    for found, expected in pairs:
        np.testing.assert_array_equal(compute(found), expected)


def test_what_changes_nothing_is_the_tensor_itself():
    x = tt.input("x", ("n", 3))
    assert x.reshape("n", 3).node is x.node
    assert x.transpose(0, 1).node is x.node
    assert x.astype("float32").node is x.node
    assert (+x).node is x.node


def test_symbolic_shapes_are_polynomials():
    x = tt.input("x", ("n", 3))
    assert str(x.reshape(-1).type) == "f32[3*n]"
    assert str(tt.concatenate([x, x[1:]]).type) == "f32[2*n-1,3]"
    assert str(x.size) == "3*n"


def test_a_subclass_stays_one():
    class Mine(tt.Tensor):
        __slots__ = ()

    x = Mine(tt.input("x", (3,)).node)
    for found in (
        x + 1,
        1 + x,
        -x,
        x.sum(),
        x[0],
        tt.exp(x),
        x > 0,
        x.reshape(1, 3),
        tt.where(x > 0, x, 0.0),
    ):
        assert type(found) is Mine


def test_a_tensor_hashes_by_identity_and_compares_by_element():
    x = tt.input("x", (3,))
    assert {x: 1}[x] == 1
    assert str((x == x).type) == "bool[3]"  # what is tested


def test_repr_has_name_op_and_type():
    x = tt.input("x", ("n",))
    assert repr(x) == "Tensor(%x = input : f32[n])"
    assert repr(tt.exp(x)) == "Tensor(exp : f32[n])"
    assert repr(tt.exp(x).named("y")) == "Tensor(%y = exp : f32[n])"


def test_a_tensor_pickles_as_its_graph():
    x = tt.input("x", ("n",))
    y = pickle.loads(pickle.dumps((tt.exp(x) * 2).named("y")))  # noqa: S301  # our own bytes
    assert (y.name, str(y.type)) == ("y", "f32[n]")
    graph = tt.graph_of(y)
    assert [node.name for node in graph.inputs] == ["x"]


def test_building_warns_of_nothing():
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        x = tt.input("x", ("n",))
        _ = tt.log(x / 0) + np.float32(1e38) * x - np.inf
