"""Nothing that is written widens a float32 network in silence: float64 comes from what is float64 alone."""

import itertools

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL

X = tt.input("x", ("n", 4))
J, K, B = (tt.input(dtype, ("n", 4), dtype) for dtype in ("int32", "int64", "bool"))
W = tt.parameter(np.ones((4, 3), np.float32), "w")

FLOAT32 = {
    "an arange": lambda: X + tt.arange(4),
    "a fraction of one": lambda: X + tt.arange(4) / 4,
    "a product of one": lambda: X * (tt.arange(4) * 0.5),
    "a function of one": lambda: X + tt.sin(tt.arange(4)),
    "a mean of integers": lambda: X + K.mean(),
    "a mask": lambda: X * B,
    "one_hot": lambda: X * tt.one_hot(K[:, 0], 4),
    "selected integers": lambda: tt.where(B, X, K),
    "the larger": lambda: tt.maximum(X, K),
    "a power": lambda: tt.abs(X) ** K,
    "a comparison of a float and an integer": lambda: tt.where(X < K, X, 0),
    "a product of matrices": lambda: X @ tt.one_hot(K[0], 3),
    "einsum": lambda: tt.einsum("ij,ij->i", X, K),
    "map_reduce": lambda: tt.map_reduce("sum", "ij->i", X, map=lambda x, i, size_j: x * i / size_j),
    "concatenate": lambda: tt.concatenate([X, K, B]),
    "stack": lambda: tt.stack([X.sum(), K.sum(), 1, 2.5]),
    "a list of ints": lambda: X - [1, 2, 3, 4],
    "a list of floats": lambda: [0.1, 0.2, 0.3, 0.4] * X,
    "a matrix as a list": lambda: X @ [[1.5], [2], [3], [4]],
    "a function of a number": lambda: X / tt.sqrt(64),
    "functions of lists": lambda: X + tt.exp([1, 2, 3, 4]) + tt.maximum([1, 2, 3, 4], 0.5),
    "losses": lambda: tt.losses.mse(X, K),
    "shares": lambda: tt.losses.cross_entropy([[1, 2]], [[0.5, 0.5]]),
    "arange of floats": lambda: tt.arange(4, step=0.5),
}


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("passes", [None, ()], ids=["passes", "none"])
def test_it_stays_float32(backend, passes):
    results = {name: make() for name, make in FLOAT32.items()}
    program = tt.compile([X, J, K, B], results, backend=backend, passes=passes)
    x, k = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4), np.arange(12).reshape(3, 4) % 3
    found = program(x, k.astype(np.int32), k, k == 1)
    for name, value in found.items():
        assert results[name].dtype == value.dtype == np.float32, name
    expected = tt.compile([X, J, K, B], results, backend="reference", passes=())(
        x, k.astype(np.int32), k, k == 1
    )
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(found["an arange"], x + np.arange(4), rtol=1e-6)
    np.testing.assert_allclose(found["a mask"], x * (k == 1))
    np.testing.assert_allclose(found["a fraction of one"], x + np.arange(4) / 4, rtol=1e-6)
    np.testing.assert_allclose(found["a function of a number"], x / 8)
    np.testing.assert_allclose(found["concatenate"], np.concatenate([x, k, k == 1]))
    np.testing.assert_allclose(found["arange of floats"], [0, 0.5, 1, 1.5])


LAYERS = {
    "Dense": lambda: tt.nn.Dense(2, 3),
    "Tanh first": lambda: tt.nn.Sequential(tt.nn.Tanh(), tt.nn.Dense(2, 3)),
    "ReLU first": lambda: tt.nn.Sequential(tt.nn.ReLU(), tt.nn.Dense(2, 3)),
    "LayerNorm": lambda: tt.nn.LayerNorm(2),
    "Softmax": lambda: tt.nn.Softmax(),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    "given", [[[1, 2]], [[1.5, 2]], [[True, False]], np.array([[1, 2]]), K[:, :2]], ids=str
)
def test_a_network_of_lists_and_integers_is_float32(name, given):
    assert LAYERS[name]()(given).dtype == np.float32


@pytest.mark.parametrize(
    ("left", "right"), list(itertools.product(["float32", "float64"], ["bool", "int32", "int64"]))
)
def test_integers_take_the_floating_dtype_and_their_gradient_is_of_it(left, right):
    x, i = tt.input("x", ("n",), left), tt.input("i", ("n",), right)
    y = x * i
    assert y.dtype == tt.grad(y.sum(), x).dtype == left
    assert (i * x).dtype == left


def test_lists_adapt_and_lose_no_digits():
    wide, small = tt.input("wide", (2,), "float64"), tt.input("small", (2,), "int32")
    digits = [0.1, 0.2]
    found = tt.compile(
        wide, [wide * digits, tt.maximum(digits, wide), wide @ digits, tt.losses.mse(wide, digits)]
    )(np.ones(2))
    np.testing.assert_array_equal(found[0], digits)
    np.testing.assert_allclose(found[2], 0.1 + 0.2, rtol=1e-15)
    np.testing.assert_allclose(found[3], (0.81 + 0.64) / 2, rtol=1e-15)
    assert (small - [1, 2]).dtype == np.int32
    assert (small * [0.5, 2]).dtype == np.float32
    assert (small > [True, False]).dtype == np.bool_
    assert tt.where([True, False], wide, 0).dtype == np.float64
    with pytest.raises(tt.DTypeError, match=r"not within int32: \[1, 4294967296\]"):
        small - [1, 2**32]
    with pytest.raises(tt.DTypeError, match="not within int64"):
        tt.constant([2**63])


def test_a_float64_is_asked_for_by_name_and_is_exact():
    found = tt.compile([], tt.arange(4, start=0.1, step=0.1, dtype="float64"))()
    np.testing.assert_array_equal(found, 0.1 + 0.1 * np.arange(4))
    assert (X + np.float64([1, 2, 3, 4])).dtype == np.float64
    assert (X + np.array(1.0)).dtype == np.float64


@pytest.mark.parametrize(
    "shape", [4, (4,), [4], X.shape[-1:], X.shape, X.shape[0], 1.0, np.int64(4)], ids=str
)
@pytest.mark.parametrize("place", ["weight", "bias"])
def test_a_shape_is_no_weight(shape, place):
    with pytest.raises(
        tt.ArgumentError, match=rf"the {place} of layer_norm .*\n  fix: tt.layer_norm\(x, axis=\("
    ):
        tt.layer_norm(X, **{place: (3, 4)})
    with pytest.raises(tt.ArgumentError, match=f"the {place} of layer_norm is a tensor or an array, not "):
        tt.layer_norm(X, **{place: shape})


def test_weights_are_tensors_arrays_and_lists_of_floats():
    weight = np.float32([1, 2, 3, 4])
    x = np.arange(8, dtype=np.float32).reshape(2, 4) ** 2
    plain = tt.compile(X, tt.layer_norm(X))(x)
    for given in (weight, tt.constant(weight), [1.0, 2.0, 3.0, 4.0]):
        np.testing.assert_allclose(tt.compile(X, tt.layer_norm(X, given))(x), plain * weight, rtol=1e-6)


def test_passes_are_left_out_by_name():
    names = [item.name for item in tt.default_passes()]
    assert [item.name for item in tt.default_passes(without=("inplace",))] == names[:-1]
    assert [item.name for item in tt.default_passes(without="simplify")] == [
        n for n in names if n != "simplify"
    ]
    assert tt.default_passes(without=names) == ()
    program = tt.compile(X, tt.exp(X + 1), passes=tt.default_passes(without=("inplace",)))
    assert "inplace" not in [record.name for record in program.history]
    with pytest.raises(tt.ArgumentError, match="no default pass is named 'inplaces'; they are dead_code, "):
        tt.default_passes(without=("inplaces",))


def test_a_pass_is_not_compared_with_its_name():
    passes = tt.default_passes()
    for compare in (
        lambda: [item for item in passes if item != "inplace"], lambda: "inplace" in passes,
        lambda: passes.index("inplace"), lambda: passes[0] == "inplace",
    ):  # fmt: skip
        with pytest.raises(tt.ArgumentError, match=r"never equals 'inplace'(.|\n)*without=\('inplace',\)"):
            compare()
    assert passes == tt.default_passes()
    assert len({*passes, *tt.default_passes()}) == len(passes)
