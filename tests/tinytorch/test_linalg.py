"""Dense linear algebra: stacks, texts, pickles, singular matrices, bad input. Numbers are in the op table."""

import pickle

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL

RNG = np.random.default_rng(5)
MATRICES = (RNG.uniform(-1, 1, (2, 3, 3)) + 3 * np.eye(3)).astype(np.float32)
RIGHT = RNG.uniform(-1, 1, (2, 3, 2)).astype(np.float32)


def solved():
    a, b = tt.input("a", ("n", 3, 3)), tt.input("b", ("n", 3, 2))
    x = tt.linalg.solve(a, b)
    return [a, b], [x, *tt.grad((x * x).sum(), [a, b])]


@pytest.mark.parametrize("backend", ALL)
def test_stacks_of_symbolic_extent_on_every_backend(backend):
    inputs, outputs = solved()
    found = tt.compile(inputs, outputs, backend=backend)(MATRICES, RIGHT)
    np.testing.assert_allclose(found[0], np.linalg.solve(MATRICES, RIGHT), rtol=1e-5)
    of_right = np.linalg.solve(MATRICES.swapaxes(-1, -2), 2 * found[0])
    np.testing.assert_allclose(found[2], of_right, rtol=1e-5)
    np.testing.assert_allclose(found[1], -of_right @ found[0].swapaxes(-1, -2), rtol=1e-4, atol=1e-5)


def test_a_text_is_read_without_its_functions_and_has_the_gradients():
    inputs, outputs = solved()
    graph = tt.graph_of(outputs)
    text = str(graph)
    assert "call tt.linalg.solve(" in text
    again = tt.parse(text)
    assert str(again) == text
    x = tt.Tensor(again.outputs[0])
    leaves = [tt.Tensor(node) for node in again.inputs]
    found = tt.compile(leaves, tt.grad((x * x).sum(), leaves))(MATRICES, RIGHT)
    expected = tt.compile(inputs, outputs[1:])(MATRICES, RIGHT)
    for mine, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, wanted)


def test_programs_are_pickled_with_it():
    inputs, outputs = solved()
    program = tt.compile(inputs, outputs)
    for mine, wanted in zip(
        pickle.loads(pickle.dumps(program))(MATRICES, RIGHT),  # noqa: S301  # our own
        program(MATRICES, RIGHT),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, wanted)


def test_why_says_what_is_a_python_step():
    inputs, outputs = solved()
    assert "is a Python function" not in str(tt.compile(inputs, outputs).why(outputs[0]))
    a = tt.input("a", ("n", "k", "k"))
    found = tt.linalg.inv(a)
    assert "tt.linalg.inv is a Python function" in str(tt.compile([a], found).why(found))


@pytest.mark.parametrize("backend", ALL)
def test_a_singular_matrix_is_an_error_that_names_it_and_the_line(backend):
    a = tt.input("matrices", ("n", 3, 3))
    program = tt.compile([a], tt.linalg.inv(a), backend=backend)
    with pytest.raises(tt.LinearAlgebraError) as caught:
        program(np.stack([np.eye(3, dtype=np.float32), np.ones((3, 3), np.float32)]))
    message = str(caught.value)
    assert "tt.linalg.inv: singular matrix at [1]" in message
    assert "%matrices" in message
    assert "test_linalg.py" in message
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # our own
    assert str(copy) == message


@pytest.mark.parametrize(
    ("call", "matrix", "words"),
    [
        (tt.linalg.cholesky, -np.eye(2), "not positive definite"),
        (lambda a: tt.linalg.solve(a, a), np.zeros((2, 2)), "singular matrix"),
        (lambda a: tt.linalg.solve_triangular(a, a, upper=True), np.zeros((2, 2)), "singular matrix"),
        (lambda a: tt.grad(tt.linalg.det(a), a), np.ones((2, 2)), "singular matrix"),
    ],
)
def test_what_has_no_such_factor_is_an_error(call, matrix, words):
    a = tt.input("a", (2, 2), dtype="float64")
    found = call(a)
    program = tt.compile([a], found[0] if isinstance(found, tuple) else found)
    with pytest.raises(tt.LinearAlgebraError, match=words):
        program(matrix)


def test_determinants_of_singular_and_of_no_matrices():
    a = tt.input("a", ("n", "n"), dtype="float64")
    program = tt.compile([a], [tt.linalg.det(a), *tt.linalg.slogdet(a), tt.linalg.logdet(a)])
    np.testing.assert_array_equal(program(np.zeros((2, 2))), [0, 0, -np.inf, -np.inf])
    np.testing.assert_array_equal(program(np.zeros((0, 0))), [1, 1, 0, 0])
    np.testing.assert_array_equal(program(np.diag([1.0, -1.0])), [-1, -1, 0, np.nan])


def test_integers_are_float32_and_dtypes_are_kept():
    numbers = tt.input("numbers", (2, 2), dtype="int64")
    assert str(tt.linalg.inv(numbers).dtype) == "float32"
    assert str(tt.linalg.det(tt.input("a", (2, 2), dtype="float64")).dtype) == "float64"
    np.testing.assert_allclose(
        tt.compile([numbers], tt.linalg.inv(numbers))(np.array([[2, 0], [0, 4]])), [[0.5, 0], [0, 0.25]]
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tt.linalg.inv(tt.input("a", (2, 3))), "inv is of square matrices, not 2 by 3: %a"),
        (lambda: tt.linalg.inv(tt.input("a", (3,))), "inv is of matrices, in the last two axes: %a"),
        (lambda: tt.linalg.inv(tt.input("a", ("m", "n"))), "not m by n"),
        (lambda: tt.linalg.solve(tt.input("a", (3, 3)), tt.input("b", (2, 2))), "of 3 columns"),
        (lambda: tt.linalg.solve(tt.input("a", (2, 3, 3)), tt.input("b", (4, 3, 2))), "solve"),
        (lambda: tt.linalg.qr(tt.input("a", ("m", "n"))), "which of m and n is less"),
        (lambda: tt.linalg.lstsq(tt.input("a", (2, 3)), tt.input("b", (2, 1))), "as many rows as columns"),
    ],
)
def test_shapes_that_do_not_fit_are_errors(call, words):
    with pytest.raises(tt.ShapeError) as caught:
        call()
    assert words in str(caught.value)


def test_a_power_is_whole():
    with pytest.raises(tt.ArgumentError, match="the power of a matrix is an int"):
        tt.linalg.matrix_power(tt.input("a", (2, 2)), 0.5)


@pytest.mark.parametrize("p", [0.5, 1.0, 1.5, 2.0, 3.0, np.inf])
def test_the_gradient_of_a_distance_between_equal_rows_is_zero(p):
    x = tt.input("x", (2, 3), "float64")
    step = tt.compile([x], tt.grad(tt.cdist(x, x, p).sum(), x), backend="reference")
    np.testing.assert_array_equal(step(np.full((2, 3), 0.5)), np.zeros((2, 3)))
