"""Linear algebra as loops against LAPACK: across and along, of every size near a vector's and a block's."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.steps import lowering
from compiler.errors import LinearAlgebraError
from compiler.loops.factors.drafting import WIDEST, factor_draft
from tests.backends import NATIVE

SHAPES = [(*stack, size, size) for stack in [(), (8,)] for size in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 25)]
SHAPES += [(*stack, size, size) for stack in [(1,), (3,), (19,), (2, 3)] for size in (2, 9, 17)]
SHAPES += [
    (70, 70),
    (2, 33, 33),
    (1, 130, 130),
    (WIDEST, 3, 3),
    (4, WIDEST, WIDEST),
    (4, WIDEST + 1, WIDEST + 1),
]


def matrices(shape, dtype="float64", seed=0):
    """Matrices that are neither symmetric nor near a singular one."""
    rng = np.random.default_rng((seed, *shape))
    found = rng.standard_normal(shape) + 2 * np.eye(shape[-1])[rng.permutation(shape[-1])]
    return (found / np.sqrt(shape[-1])).astype(dtype)


def positive(shape, dtype="float64"):
    half = matrices(shape)
    return (half @ half.swapaxes(-1, -2) + np.eye(shape[-1])).astype(dtype)


def run(build, *arrays, backend="llvm"):
    leaves = [tt.input(f"x{k}", array.shape, array.dtype) for k, array in enumerate(arrays)]
    program = tt.compile(leaves, build(*leaves), backend=backend)
    assert not program._executable.python_steps
    return program(*arrays)


def nearly(found, expected, dtype):
    """In units of the largest element: what is computed in float64, and rounded once."""
    allowed = {"float32": 3e-7, "float64": 2e-12}[dtype]
    scale = max(np.abs(expected).max(initial=0), 1e-300)
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_elimination_is_lapacks(shape, dtype):
    a, b = (
        matrices(shape, dtype),
        matrices((*shape[:-1], 3), dtype, 1) if shape[-1] == 3 else matrices(shape, dtype, 1),
    )
    wide = a.astype("float64")
    right = b[..., :2] if shape[-1] > 1 else b
    found = run(lambda x: [tt.linalg.det(x), *tt.linalg.slogdet(x), tt.linalg.inv(x)], a)
    sign, logarithm = np.linalg.slogdet(wide)
    for mine, expected in zip(
        found, [np.linalg.det(wide), sign, logarithm, np.linalg.inv(wide)], strict=True
    ):
        nearly(mine, expected, dtype)
        assert str(mine.dtype) == dtype
    nearly(run(tt.linalg.solve, a, right), np.linalg.solve(wide, right.astype("float64")), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_symmetric_factors_are_lapacks_and_read_the_lower_triangle(shape, dtype):
    a = positive(shape, dtype)
    a[..., np.triu_indices(shape[-1], 1)[0], np.triu_indices(shape[-1], 1)[1]] = np.nan
    factor, values = run(lambda x: [tt.linalg.cholesky(x), tt.linalg.eigvalsh(x)], a)
    lower = np.tril(a.astype("float64"))
    full = lower + np.tril(lower, -1).swapaxes(-1, -2)
    nearly(factor, np.linalg.cholesky(full), dtype)
    nearly(values, np.linalg.eigvalsh(full), dtype)


@pytest.mark.parametrize("shape", [*SHAPES, (40, 12), (5, 7, 3), (9, 30, 17), (100, 1), (2, 130, 9)])
def test_orthogonal_factors_are_lapacks_with_its_signs(shape):
    a = matrices(shape) if shape[-1] == shape[-2] else np.random.default_rng(3).standard_normal(shape)
    found = run(lambda x: tt.linalg.qr(x)[0], a)
    nearly(found, np.linalg.qr(a)[0], "float64")
    nearly(
        found.swapaxes(-1, -2) @ found,
        np.broadcast_to(np.eye(shape[-1]), (*shape[:-2], shape[-1], shape[-1])),
        "float64",
    )


EIGEN = {
    "zeros": np.zeros((9, 9)),
    "identity": np.eye(12),
    "clusters": np.diag([1.0, 1, 1, 1 + 1e-14, 2, 2, -5, -5, -5]),
    "split": np.kron(np.eye(4), [[2.0, 1], [1, 2]]),
    "tridiagonal": np.diag(np.full(20, 2.0)) - np.diag(np.ones(19), 1) - np.diag(np.ones(19), -1),
    "wilkinson": np.diag(np.abs(np.arange(-10.0, 11))) + np.diag(np.ones(20), 1) + np.diag(np.ones(20), -1),
    "large": 1e300 * np.array([[1.0, 0.5], [0.5, -1]]),
    "small": 1e-300 * np.array([[1.0, 0.5], [0.5, -1]]),
    "graded": np.diag(10.0 ** -np.arange(0, 24.0, 2)) + 1e-16,
    "hilbert": 1 / (np.arange(1.0, 13)[:, None] + np.arange(12)),
    "negative zeros": -0.0 * np.eye(5),
}


@pytest.mark.parametrize("name", EIGEN)
@pytest.mark.parametrize("stack", [(), (3,)])
def test_eigenvalues_that_are_hard_to_find(name, stack):
    a = np.broadcast_to(EIGEN[name], (*stack, *EIGEN[name].shape)).copy()
    nearly(run(tt.linalg.eigvalsh, a), np.linalg.eigvalsh(a), "float64")


@pytest.mark.parametrize("stack", [(), (11,)])
def test_columns_that_have_nothing_to_reflect_or_overflow(stack):
    for a in (
        np.zeros((6, 4)),
        np.eye(9),
        np.triu(np.ones((9, 9))),
        1e200 * matrices((9, 9)),
        1e-200 * matrices((9, 9)),
    ):
        a = np.broadcast_to(a, (*stack, *a.shape)).copy()
        nearly(run(lambda x: tt.linalg.qr(x)[0], a), np.linalg.qr(a)[0], "float64")


@pytest.mark.parametrize("size", [2, 5, 12])
@pytest.mark.parametrize("stack", [(), (10,)])
def test_pivots_are_exchanged_and_zeros_passed_over(size, stack):
    a = np.broadcast_to(np.eye(size)[::-1], (*stack, size, size)).copy()
    det, sign, logarithm, inverse = run(
        lambda x: [tt.linalg.det(x), *tt.linalg.slogdet(x), tt.linalg.inv(x)], a
    )
    np.testing.assert_array_equal(det, np.linalg.det(a))
    np.testing.assert_array_equal(sign, np.linalg.det(a))
    np.testing.assert_array_equal(logarithm, np.zeros(stack))
    np.testing.assert_array_equal(inverse, a)
    a[..., 1] = 0
    det, sign, logarithm = run(lambda x: [tt.linalg.det(x), *tt.linalg.slogdet(x)], a)
    np.testing.assert_array_equal([det, sign], np.zeros((2, *stack)))
    np.testing.assert_array_equal(logarithm, np.full(stack, -np.inf))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("stack", [(), (10,)])
def test_what_is_no_number_stays_in_its_matrix(number, stack):
    a = np.broadcast_to(positive((6, 6)), (*stack, 6, 6)).copy()
    clean = run(lambda x: [tt.linalg.det(x), tt.linalg.inv(x), tt.linalg.eigvalsh(x), tt.linalg.qr(x)[0]], a)
    a[(*[0] * len(stack), 3, 2)] = number
    found = run(lambda x: [tt.linalg.det(x), tt.linalg.inv(x), tt.linalg.eigvalsh(x), tt.linalg.qr(x)[0]], a)
    for mine, before in zip(found, clean, strict=True):
        assert np.isinf(number) or np.isnan(mine[0] if stack else mine).any()
        if stack:
            np.testing.assert_array_equal(mine[1:], before[1:])


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("call", [tt.linalg.inv, tt.linalg.cholesky, lambda x: tt.linalg.solve(x, x)])
def test_a_refused_matrix_is_named_and_the_next_call_is_right(call, backend):
    x = tt.input("x", ("n", 5, 5), "float64")
    program = tt.compile([x], call(x), backend=backend)
    a = positive((11, 5, 5))
    good = program(a)
    bad = a.copy()
    bad[9] = 0
    with pytest.raises(LinearAlgebraError, match=r"at \[9\]"):
        program(bad)
    np.testing.assert_array_equal(bad[9], np.zeros((5, 5)))
    np.testing.assert_array_equal(program(a), good)


def test_a_matrix_that_lapack_lets_pass_is_refused_all_the_same():
    """Rounding decides whether a pivot is 0: LAPACK's order of sums is not ours."""
    program_input = tt.input("x", (3, 3), "float64")
    program = tt.compile([program_input], tt.linalg.inv(program_input))
    refused = program._executable.lowered.raise_refusal
    with pytest.raises(LinearAlgebraError, match=r"tt\.linalg\.inv: singular matrix"):
        refused(lambda node: np.eye(3), {})


@pytest.mark.parametrize("backend", NATIVE)
def test_stacks_of_symbolic_extent_whose_matrices_lie_apart(backend):
    x = tt.input("x", ("n", 6, 4, 4), "float64")
    cut = x[:, 1::2].swapaxes(-1, -2)
    program = tt.compile([x], [tt.linalg.inv(cut), tt.linalg.det(x[:, 2])], backend=backend)
    a = matrices((7, 6, 4, 4))
    inverse, det = program(a)
    nearly(inverse, np.linalg.inv(a[:, 1::2].swapaxes(-1, -2)), "float64")
    nearly(det, np.linalg.det(a[:, 2]), "float64")
    assert program(a[:0])[0].shape == (0, 3, 4, 4)


def test_one_matrix_for_a_stack_of_right_sides():
    a, b = matrices((9, 9)), matrices((5, 9, 9))[..., :3].copy()
    nearly(run(tt.linalg.solve, a, b), np.linalg.solve(a, b), "float64")


def test_bits_do_not_depend_on_threads_or_backend():
    before = tt.get_num_threads()
    a = positive((40, 30, 30))
    try:
        found = []
        for backend in NATIVE:
            for threads in (1, 2, 3):
                tt.set_num_threads(threads)
                found.append(
                    run(
                        lambda x: [tt.linalg.inv(x), tt.linalg.eigvalsh(x), *tt.linalg.qr(x)],
                        a,
                        backend=backend,
                    )
                )
    finally:
        tt.set_num_threads(before)
    for others in found[1:]:
        for mine, expected in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(mine, expected)


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("shape", [(5, 5), (17, 17), (3, 9, 9), (7, 20, 20)])
def test_vectors_of_any_width(shape, vector_bytes, monkeypatch):
    monkeypatch.setattr(
        lowering, "factor_draft", lambda kernel, places, _: factor_draft(kernel, places, vector_bytes)
    )
    a = positive(shape)
    found = run(
        lambda x: [
            tt.linalg.inv(x), tt.linalg.det(x), tt.linalg.cholesky(x), tt.linalg.eigvalsh(x),
            tt.linalg.qr(x)[0],
        ],
        a,
    )  # fmt: skip
    of_numpy = (
        np.linalg.inv,
        np.linalg.det,
        np.linalg.cholesky,
        np.linalg.eigvalsh,
        lambda x: np.linalg.qr(x)[0],
    )
    for mine, function in zip(found, of_numpy, strict=True):
        nearly(mine, function(a), "float64")


def test_large_matrices_are_lapacks():
    x = tt.input("x", (800, 800))
    program = tt.compile([x], tt.linalg.det(x))
    (step,) = program._executable.python_steps
    assert "large" in step.reason
