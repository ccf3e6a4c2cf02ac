"""Sums of products of integers are int64 and exact to 64 bits, as sums of integers are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinytorch as tt
from tests.backends import ALL

BACKENDS = ALL
BIG = 2**30
"""Its square is no int32, and no float32 has its neighbours."""

PRODUCTS = {
    "a vector with a vector": ("i,i->", (5,), (5,)),
    "one element each": ("i,i->", (1,), (1,)),
    "a matrix with a vector": ("ij,j->i", (3, 5), (5,)),
    "matrices": ("ij,jk->ik", (3, 5), (5, 4)),
    "matrices of many elements": ("ij,jk->ik", (40, 130), (130, 70)),
    "batches of matrices": ("bij,bjk->bik", (2, 3, 5), (2, 5, 4)),
    "all elements": ("ij,ij->", (3, 5), (3, 5)),
    "along columns": ("ij,ij->j", (3, 5), (3, 5)),
    "an axis of one operand": ("ij,j->", (3, 5), (5,)),
    "unrelated axes": ("i,j->", (3,), (5,)),
    "three operands": ("i,i,i->", (4,), (4,), (4,)),
    "a chain": ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    "an outer product": ("i,j->ij", (3,), (4,)),
    "a trace": ("ij,ji->", (3, 3), (3, 3)),
}


def exactly(subscripts: str, arrays: list[np.ndarray], dtype: str) -> np.ndarray:
    """The sum of products in the dtype of the result."""
    return np.einsum(subscripts, *(array.astype(dtype) for array in arrays), dtype=dtype)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("passes", [(), None])
@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("dtypes", [("int32", "int32"), ("int64", "int32")])
def test_products_of_integers(backend, passes, name, dtypes):
    subscripts, *shapes = PRODUCTS[name]
    random = np.random.default_rng(0)
    kinds = [*dtypes, dtypes[0]][: len(shapes)]
    arrays = [
        random.integers(-BIG, BIG, shape).astype(kind) for shape, kind in zip(shapes, kinds, strict=True)
    ]
    inputs = [tt.input(f"x{k}", a.shape, str(a.dtype)) for k, a in enumerate(arrays)]
    y = tt.einsum(subscripts, *inputs)
    is_summed = len(set(subscripts.split("->")[1])) < len(set(subscripts) - set("->,"))
    assert y.dtype == ("int32" if not is_summed and set(kinds) == {"int32"} else "int64")
    found = tt.compile(inputs, [y, y + 1], backend=backend, passes=passes)(*arrays)
    np.testing.assert_array_equal(found[0], exactly(subscripts, arrays, str(y.dtype)))
    np.testing.assert_array_equal(found[1], exactly(subscripts, arrays, str(y.dtype)) + 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("passes", [(), None])
def test_products_written_otherwise(backend, passes):
    x, k = tt.input("x", ("n",), "int32"), tt.input("k", ("n", 3), "int32")
    outputs = [
        x @ x, tt.matmul(x, k), k.T @ x, tt.map_reduce("sum", "n,n->", x, x), (x * 1) @ (x * 1),
        x[:, None].T @ k, tt.einsum("n,nk->", x, k), tt.outer(x, x), x[:, None] @ x[None, :],
    ]  # fmt: skip
    left = np.array([BIG, BIG, -5], np.int32)
    right = np.array([[BIG, 1, -BIG], [7, BIG, BIG], [1, 2, 3]], np.int32)
    a, b = left.astype(np.int64), right.astype(np.int64)
    wanted = [
        a @ a,
        a @ b,
        b.T @ a,
        a @ a,
        a @ a,
        a[None] @ b,
        (a @ b).sum(),
        np.outer(left, left),
        np.outer(a, a),
    ]
    found = tt.compile([x, k], outputs, backend=backend, passes=passes)(left, right)
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["int32", "int64", "bool"])
@pytest.mark.parametrize("floating", ["float32", "float64"])
def test_a_product_with_a_float_is_computed_in_the_dtype_of_the_result(backend, kind, floating):
    n, x = tt.input("n", (2, 3), kind), tt.input("x", (3, 2), floating)
    left = np.array([[1, 0, 1], [0, 0, 1]], kind)
    right = np.array([[0.5, 2], [3, 4], [np.inf, -1]], floating)
    y = n @ x
    found = tt.compile([n, x], y, backend=backend)(left, right)
    wanted = left.astype(str(y.dtype)) @ right.astype(str(y.dtype))
    assert found.dtype == str(y.dtype)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@settings(max_examples=30)
@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=40), st.sampled_from(BACKENDS))
def test_a_dot_product_is_that_of_python(numbers, backend):
    x = tt.input("x", (len(numbers),), "int32")
    total = sum(number * number for number in numbers)
    found = int(tt.compile([x], x @ x, backend=backend)(np.array(numbers, np.int32)))
    assert found == (total + 2**63) % 2**64 - 2**63


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_norm_of_integers_does_not_wrap(backend):
    x = tt.input("x", (2,), "int32")
    found = tt.compile([x], tt.norm(x), backend=backend)(np.array([BIG, 0], np.int32))
    assert found == BIG
    assert found.dtype == "float32"
