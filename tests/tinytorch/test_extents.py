"""An extent is a value: what is computed with it is the same whether it is a number or a symbol."""

import pickle
from functools import cache

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL
from tinytorch.testing import check_gradient

VALUES = {
    "quotient of a sum": lambda x: x.sum() / x.shape[0],
    "times": lambda x: x * x.shape[0],
    "reflected": lambda x: x.shape[0] - x,
    "under": lambda x: 2.0 / x.shape[0] * x,
    "size": lambda x: (x / x.size).sum(),
    "function": lambda x: x / tt.sqrt(x.shape[0]),
    "function of a product": lambda x: x * tt.log(x.shape[0] * x.shape[1]),
    "root": lambda x: x / x.shape[0] ** 0.5,
    "polynomial": lambda x: x * (x.shape[0] ** 2 - 1),
    "power": lambda x: tt.abs(x) ** x.shape[0],
    "scaled": lambda x: x + x.shape[0] * 2.0,
    "maximum": lambda x: tt.maximum(x, x.shape[0] - 2),
    "comparison": lambda x: tt.where(x.shape[0] > 3, x, -x),
    "comparison of a function": lambda x: tt.where(tt.less_equal(x.shape[0], 3), x, -x),
    "compared with the tensor": lambda x: tt.where(x < x.shape[0], x, 0.0),
    "arange": lambda x: x * tt.arange(x.shape[0]).unsqueeze(1),
    "arange from it": lambda x: x * tt.arange(4, start=x.shape[0], step=x.shape[0]),
    "fraction of an arange": lambda x: x + (tt.arange(x.shape[0]) / x.shape[0]).unsqueeze(1),
    "full": lambda x: x * tt.broadcast_to(tt.stack([x.shape[0], 1]).sum(), x.shape),
    "einsum": lambda x: tt.einsum("ij,->ij", x, x.shape[0]),
    "setting": lambda x: tt.leaky_relu(x - 1, negative_slope=x.shape[0]),
    "clip": lambda x: tt.clip(x, 0, x.shape[0] / 2),
    "array": lambda x: x + x.shape[0] * np.float32([1, 2, 3, 4]),
    "list": lambda x: x + [1, 2, 3, 4] * tt.abs(x.shape[0]),
    "reshape": lambda x: x.reshape(x.shape[0] * 2, 2).sum(0),
    "place": lambda x: x[x.shape[0] - 1] + x[: x.shape[0] - 1].sum(0) + x[x.shape[0] - 2 :].sum(0),
    "half": lambda x: tt.concatenate([x, 2 * x])[: x.shape[0]],
}


def data(rows):
    return np.linspace(-1, 3, rows * 4, dtype=np.float32).reshape(rows, 4)


@cache
def expected(rows):
    """With the extents of an input that is all numbers, which are Python ints."""
    x = tt.input("x", (rows, 4))
    results = {name: make(x) for name, make in VALUES.items()}
    return tt.compile(x, results, backend="reference", passes=())(data(rows))


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("passes", [None, ()], ids=["passes", "none"])
def test_a_symbol_is_as_good_as_a_number(backend, passes):
    x = tt.input("x", ("n", 4))
    program = tt.compile(x, {name: make(x) for name, make in VALUES.items()}, backend=backend, passes=passes)
    for rows in (3, 5, 2):
        for name, found in program(data(rows)).items():
            wanted = expected(rows)[name]
            assert found.dtype == wanted.dtype == np.float32, name
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", VALUES)
def test_its_text_reads_back_and_it_pickles(name):
    tensor = VALUES[name](tt.input("x", ("n", 4)))
    text = str(tt.Graph.of([tensor.node]))
    assert str(tt.parse(text)) == text
    copy = pickle.loads(pickle.dumps(tensor))  # noqa: S301  # our own bytes
    assert str(tt.Graph.of([copy.node])) == text


@pytest.mark.parametrize("name", VALUES)
def test_gradients_pass_through_it(name):
    given = np.linspace(0.1, 2.7, 12).reshape(3, 4)
    check_gradient(VALUES[name], given)
    x, fixed = tt.input("x", ("n", 4)), tt.input("x", (3, 4))
    found, wanted = (
        tt.compile(item, tt.grad(VALUES[name](item).sum(), item))(given.astype(np.float32))
        for item in (x, fixed)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_alone_it_is_an_int64_scalar_and_beside_others_it_is_weak():
    n = tt.input("x", ("n", 4)).shape[0]
    assert str(tt.abs(n).type) == str(tt.stack([n]).sum().type) == "i64[]"
    assert str(tt.sqrt(n).type) == str((n * 2.0).type) == str((n / 3).type) == str((3 / n).type) == "f32[]"
    assert str((n > 3).type) == str((n <= 3).type) == "bool[]"
    for dtype in ("int32", "int64", "float32", "float64"):
        assert str((tt.input("y", (), dtype) * n).type.dtype) == dtype


def test_what_is_a_polynomial_stays_an_extent():
    n = tt.input("x", ("n", 4)).shape[0]
    for found, text in (
        (n * 2, "2*n"), (np.int64(2) * n, "2*n"), (n * np.uint8(2), "2*n"), (-n + 3, "-n+3"), (n**2, "n^2"),
        (n - np.int32(1), "n-1"), (np.int32(1) + n, "n+1"), (n * 4 // np.int64(2), "2*n"),
    ):  # fmt: skip
        assert isinstance(found, tt.Dim)
        assert str(found) == text
        assert all(type(coefficient) is int for _, coefficient in found.terms)
    assert n == tt.input("y", ("n",)).shape[0]
    assert (n == 3) is False


def test_values_of_numpy_and_of_a_formula_answer_themselves():
    x = tt.input("x", ("n", 4))
    n = x.shape[0]
    for found in (
        np.float64(2) * n,
        n * np.float32(2),
        np.array([1, 2]) * n,
        n - np.array([1.0]),
        n * [1, 2],
    ):
        assert isinstance(found, tt.Tensor)
    assert isinstance(n * x, tt.Tensor)
    with pytest.raises(tt.FormulaError, match="a formula is made of its variables"):
        tt.elementwise("f", lambda v: n * v)


X = tt.input("x", ("n", 4))
BAD = {
    "truth": (lambda: bool(X.shape[0] > 3), tt.SymbolicValueError, r"neither true nor false; use tt.where"),
    "largest": (lambda: max(X.shape[0], 3), tt.SymbolicValueError, r"neither true nor false"),
    "range": (lambda: range(X.shape[0]), tt.SymbolicValueError, "n is known when a program is called"),
    "zeros": (lambda: np.zeros(X.shape), tt.SymbolicValueError, "n is known when a program is called"),
    "float": (lambda: float(X.shape[0]), tt.SymbolicValueError, r"fix: compute with it as with a tensor"),
    "constant": (lambda: tt.constant(X.shape[0]), tt.SymbolicValueError, "known when a program is called"),
    "axis": (lambda: X.sum(X.shape[0]), tt.SymbolicValueError, "n is known when a program is called"),
    "half": (lambda: X.shape[0] // 2, tt.ShapeError, "n is not divisible by 2"),
    "no input has it": (
        lambda: tt.compile([], tt.sqrt(X.shape[0])), tt.UndeclaredInputError, "in the shape of no input"
    ),
    "place": (lambda: X[X.shape[0]], tt.ShapeError, "index n is outside axis 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_known_is_a_typed_error(name):
    function, kind, match = BAD[name]
    with pytest.raises(kind, match=match):
        function()


def test_a_place_beyond_the_axis_is_an_error_in_the_call():
    x, y = tt.input("x", ("n", 4)), tt.input("y", ("m",))
    program = tt.compile([x, y], x[: y.shape[0]] * 1)
    np.testing.assert_array_equal(program(data(3), np.zeros(2, np.float32)), data(3)[:2])
    with pytest.raises(tt.ShapeError, match="the slice leaves axis 0 of its operand"):
        program(data(3), np.zeros(4, np.float32))


def test_where_nothing_makes_values_an_extent_has_polynomials_only():
    assert tt.Dim.beyond("mul", object(), X.shape[0]) is NotImplemented
    with pytest.raises(TypeError, match="unsupported operand"):
        object() * X.shape[0]
