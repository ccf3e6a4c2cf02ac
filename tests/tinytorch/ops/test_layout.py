"""Layout ops: indices out of range, symbolic extents, dtypes, and what is refused."""

import numpy as np
import pytest

from compiler.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from tinytorch import api
from tinytorch.ops import layout, padding

X = api.input("x", (2, 4))
N = api.input("n", ("n", 4))


@pytest.mark.parametrize("index", [-1, 4])
@pytest.mark.parametrize(
    "op",
    [
        lambda x, i: layout.take(x, i, 1),
        lambda x, i: layout.take_along_axis(x, i, 1),
        lambda x, i: layout.one_hot(i, 4),
    ],
    ids=["take", "take_along_axis", "one_hot"],
)
def test_an_index_out_of_range(op, index):
    i = api.input("i", (2, 1), "int64")
    program = api.compile([X, i], [op(X, i), X.sum()])
    with pytest.raises(IndexRangeError, match=f"index {index} at"):
        program(np.ones((2, 4), "float32"), np.array([[0], [index]]))


def test_dtypes_are_promoted():
    both = layout.concatenate([X, np.ones((1, 4))])
    assert both.dtype.value == "float64"
    assert layout.stack([np.int32(1), np.int64(2)]).dtype.value == "int64"


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_one_hot_in_another_dtype(dtype):
    i = api.input("i", ("n",), "int32")
    result = layout.one_hot(i, 3, dtype)
    assert str(result.type.shape) == str((*i.shape, 3))
    found = api.compile(i, result)(np.array([2, 0], "int32"))
    np.testing.assert_array_equal(found, np.array([[0, 0, 1], [1, 0, 0]], dtype))
    assert found.dtype == dtype


def test_triangles_keep_their_dtype():
    for dtype in ("bool", "int32", "float32"):
        assert layout.tril(api.input("x", (3, 3), dtype)).dtype.value == dtype


def test_symbolic_extents():
    halves = layout.split(api.input("m", ("2*n", 3)), 2)
    assert [str(half.shape[0]) for half in halves] == ["n", "n"]
    assert str(layout.arange("n").shape[0]) == "n"
    padded = padding.pad(N, [(1, 0), (0, 0)])
    found = api.compile(N, [layout.flip(N, 0), padded])(np.arange(8, dtype="float32").reshape(2, 4))
    np.testing.assert_array_equal(found[0][:, 0], [4, 0])
    assert found[1].shape == (3, 4)


REFUSED = [
    (lambda: layout.concatenate([]), ArgumentError, "at least one tensor"),
    (lambda: layout.concatenate([X, N], 1), ShapeError, "do not fit each other"),
    (lambda: layout.split(X, 3, 1), ShapeError, "no 3 equal pieces"),
    (lambda: layout.split(X, [1, 2], 1), ShapeError, "do not make up axis 1"),
    (lambda: layout.split(N, 2), ShapeError, "no 2 equal pieces"),
    (lambda: padding.pad(X, [1, 2, 3]), ArgumentError, "starts with the last axis"),
    (lambda: padding.pad(X, [-1, 2]), ShapeError, "not negative"),
    (lambda: layout.squeeze(X, 0), ShapeError, "only unit axes"),
    (lambda: layout.take_along_axis(X, [0, 1], 1), ShapeError, "indices with 2 axes"),
    (lambda: layout.take(X, [0.5], 1), ShapeError, "an index is an int32 or int64 tensor"),
    (lambda: layout.one_hot(X, 3), DTypeError, "integer classes"),
    (lambda: layout.tril(api.input("v", (3,))), ShapeError, "two axes"),
    (lambda: layout.diagonal(N), ShapeError, "symbolic extents"),
    (lambda: layout.reshape(X, (3, -1)), ShapeError, "does not divide"),
    (lambda: layout.transpose(X, (0, 2)), ShapeError, "out of range"),
]


@pytest.mark.parametrize(("call", "error", "wording"), REFUSED)
def test_what_is_refused(call, error, wording):
    with pytest.raises(error, match=wording):
        call()
