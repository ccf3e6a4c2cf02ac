"""Composites of other ops: symbolic extents, dtypes, and what they refuse."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, KeywordError, ShapeError
from tests.backends import ALL

X = tt.input("x", ("n", 3))
ROWS = np.arange(12.0, dtype="float32").reshape(4, 3) - 5
COLUMN = np.ones((2, 1), np.float32)
SYMBOLIC = {
    "prod": (lambda x: tt.prod(x, axis=0), lambda x: x.prod(0)),
    "zeros": (lambda x: x + tt.zeros_like(x) + tt.zeros(x.shape), lambda x: x),
    "ones": (lambda x: tt.ones((x.shape[0],)), lambda x: np.ones(len(x), np.float32)),
    "full": (lambda x: tt.full(("n", 2), 7), lambda x: np.full((len(x), 2), 7)),
    "eye": (lambda x: tt.eye(x.shape[0]), lambda x: np.eye(len(x), dtype=np.float32)),
    "tile": (lambda x: tt.tile(x, (2, 1)), lambda x: np.tile(x, (2, 1))),
    "repeat": (lambda x: tt.repeat(x, 2, 0), lambda x: np.repeat(x, 2, 0)),
    "roll": (lambda x: tt.roll(x, (1, -1), (0, 1)), lambda x: np.roll(x, (1, -1), (0, 1))),
    "roll back": (lambda x: tt.roll(x, -3, 0), lambda x: np.roll(x, -3, 0)),
    "expand": (lambda x: tt.expand(x, (2, -1, 3)), lambda x: np.broadcast_to(x, (2, *x.shape))),
    "trace": (lambda x: tt.trace(x @ x.T), lambda x: np.trace(x @ x.T)),
    "kron": (lambda x: tt.kron(x, COLUMN), lambda x: np.kron(x, COLUMN)),
    "nanmean": (tt.nanmean, np.nanmean),
    "count_nonzero": (lambda x: tt.count_nonzero(x, 0), lambda x: np.count_nonzero(x, 0)),
    "meshgrid": (
        lambda x: tt.meshgrid(x[:, 0], x[0])[0],
        lambda x: np.meshgrid(x[:, 0], x[0], indexing="ij")[0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("backend", ALL)
def test_extents_may_be_symbolic(backend):
    found = tt.compile([X], [ours(X) for ours, _ in SYMBOLIC.values()], backend=backend)(ROWS)
    for mine, (name, (_, numpys)) in zip(found, SYMBOLIC.items(), strict=True):
        wanted = numpys(ROWS)
        np.testing.assert_allclose(mine, wanted, rtol=1e-6, err_msg=name)
        assert mine.shape == np.shape(wanted), name


def test_a_product_has_the_slope_of_the_others_at_zeros():
    x = tt.input("x", (2, 3), "float64")
    slope = tt.grad(tt.prod(x, axis=1).sum(), x)
    found = tt.compile(x, slope)(np.array([[2.0, 0, 3], [0, 0, 5]]))
    np.testing.assert_array_equal(found, [[0, 6, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: tt.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=np.float32)),
        (lambda: tt.linspace(3, 3, 1), np.float32([3])),
        (lambda: tt.linspace(0, 1, 0), np.zeros(0, np.float32)),
        (lambda: tt.linspace(0, 10, 5, dtype="int64"), np.array([0, 2, 5, 7, 10])),
        (lambda: tt.full((2,), True), np.array([True, True])),
        (lambda: tt.full((), 2.5), np.float32(2.5)),
        (lambda: tt.zeros((2, 0), dtype="int32"), np.zeros((2, 0), np.int32)),
        (lambda: tt.eye(2, 3, k=-1, dtype="bool"), np.eye(2, 3, -1, bool)),
        (lambda: tt.prod(tt.constant(np.int32([3, 4]))), np.int64(12)),
        (lambda: tt.prod(tt.zeros((0, 2)), axis=0), np.ones(2, np.float32)),
    ],
)
def test_values_and_dtypes(make, wanted):
    found = tt.compile([], make())()
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype


@pytest.mark.parametrize(
    ("function", "kind", "match"),
    [
        (lambda: tt.prod(X, dim=0), KeywordError, "fix: axis=0"),
        (lambda: tt.roll(X, 1, dims=0), KeywordError, "fix: axis=0"),
        (lambda: tt.nansum(X, dim=1, keepdim=True), KeywordError, "fix: axis=1"),
        (lambda: tt.roll(X, (1, 2), 0), ArgumentError, "as many shifts as axes"),
        (lambda: tt.tile(X, -1), ArgumentError, "not negative"),
        (lambda: tt.repeat(X, -1), ArgumentError, "not negative"),
        (lambda: tt.unstack(X), ShapeError, "symbolic axis is not known"),
        (lambda: tt.chunk(X, 0), ArgumentError, "one piece or more"),
        (lambda: tt.chunk(X, 2), ShapeError, "no 2 equal pieces"),
        (lambda: tt.moveaxis(X, (0, 0), (0, 1)), ShapeError, "each axis to one place"),
        (lambda: tt.expand(X, (3,)), ShapeError, "no axis to leave"),
        (lambda: tt.expand(X, (-1, 4, 3)), ShapeError, "no axis to leave"),
        (lambda: tt.tensordot(X, X, ([0], [0, 1])), ShapeError, "pairs of axes"),
        (lambda: tt.meshgrid(X), ShapeError, "takes vectors"),
        (lambda: tt.meshgrid(X[0], indexing="yx"), ArgumentError, "'ij' and 'xy'"),  # type: ignore[arg-type]
        (lambda: tt.linspace(0, 1, -1), ArgumentError, "a count of numbers"),
        (lambda: tt.full((2,), [1, 2]), ArgumentError, "the value is a number"),
    ],
)
def test_what_cannot_be_is_a_typed_error(function, kind, match):
    with pytest.raises(kind, match=match):
        function()
