"""einsum and map_reduce: what they build, and what they refuse."""

import math

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, FormulaError, ShapeError
from compiler.ir.op import MapReduce, Reducer, Trait
from compiler.ir.verify import verify
from tinytorch import api
from tinytorch.ops import contract
from tinytorch.ops.elementwise import where

X, W = api.input("x", (2, 3)), api.input("w", (3, 4))
V, N, Y = api.input("v", (3,)), api.input("n", ("n",)), api.input("y", (4, 5, 4))


def test_a_product_is_one_contraction():
    for result in (
        contract.matmul(X, W),
        contract.einsum("ij,jk->ik", X, W),
        contract.map_reduce("sum", "ik,kj->ij", X, W),
    ):
        assert result.node.op.has(Trait.CONTRACTION)
        assert result.node.operands == (X.node, W.node)


def test_another_formula_is_a_map_and_a_reduction():
    result = contract.map_reduce("max", "ik,kj->ij", X, W, map=lambda a, b: a + b)
    op = result.node.op
    assert isinstance(op, MapReduce)
    assert op.reducer is Reducer.MAX
    (mapped,) = result.node.operands
    assert mapped.type.shape == (2, 4, 3)
    verify(api.graph_of(result))


def test_indices_and_sizes_are_values_of_the_map():
    result = contract.map_reduce(None, "ij->ji", X, map=lambda x, i, j, size_j: x * 0 + i * size_j + j)
    found = api.compile(X, result)(np.zeros((2, 3), "float32"))
    np.testing.assert_array_equal(found, [[0, 3], [1, 4], [2, 5]])


def test_a_map_of_indices_alone():
    table = contract.map_reduce("sum", "->i", map=lambda i, j: where(j <= i, 1, 0), sizes={"i": 4, "j": 3})
    np.testing.assert_array_equal(api.compile([], table)(), [1, 2, 3, 3])


def test_a_symbolic_mean():
    x = api.input("x", ("n", 2), "float64")
    result = contract.map_reduce("sum", "nk->k", x, map=lambda a, size_n: a / size_n)
    slopes = api.grad(result.sum(), x)
    found = api.compile(x, [result, slopes])(np.array([[1.0, 2], [3, 4], [5, 9]]))
    np.testing.assert_allclose(found[0], [3, 5])
    np.testing.assert_allclose(found[1], np.full((3, 2), 1 / 3))


def test_a_causal_mask_keeps_minus_infinity_out_of_the_gradient():
    x = api.input("x", (3, 3), "float64")
    masked = contract.map_reduce(None, "qk->qk", x, map=lambda s, q, k: where(k > q, -math.inf, s))
    found = api.compile(x, api.grad(masked[2].sum(), x))(np.ones((3, 3)))
    np.testing.assert_array_equal(found, [[0, 0, 0], [0, 0, 0], [1, 1, 1]])


BAD_EINSUM = [
    ("ij,jk->ik", (X,), ArgumentError, "name 2 operands and 1 are given"),
    ("i1->i", (X,), ArgumentError, "'1' is no letter"),
    ("ij->ijk", (X,), ArgumentError, "index 'k' of the output stands in no operand"),
    ("ij->ii", (X,), ArgumentError, "index 'i' stands twice in the output"),
    ("ijk->i", (X,), ShapeError, "one letter for each axis"),
    ("...ijk->i", (X,), ShapeError, "one letter for each axis"),
    ("ij,ik->jk", (X, W), ShapeError, "index 'i' has different extents"),
    ("", (), ArgumentError, "einsum needs at least one operand"),
    ("i->i,", (X,), ArgumentError, "there is one output, and ',' stands behind '->'"),
    ("ij->i->j", (X,), ArgumentError, "'->' stands there twice"),
    ("ij=>i", (X,), ArgumentError, "'=' is no letter, ',', '->' or '...'"),
    ("ij-i", (X,), ArgumentError, "'-' is no letter, ',', '->' or '...'"),
    ("ä,ä->", (X, X), ArgumentError, "'ä' is no letter"),
    ("...i...->i", (X,), ArgumentError, r"'\.\.\.' stands twice in '...i...'"),
    ("..j->j", (X,), ArgumentError, r"three dots stand for axes, as in '...ij', and not those in '..j'"),
    ("ij, jk -> i k", (X,), ArgumentError, "name 2 operands and 1 are given"),
    ("ij->... i i", (X,), ArgumentError, "index 'i' stands twice in the output"),
    (X, ("ij->i",), ArgumentError, "subscripts are a str such as 'ij,jk->ik', and come first, not Tensor"),
    (None, (), ArgumentError, "subscripts are a str"),
    ("ij,->i", (X, X), ShapeError, r"one letter for each axis\n  '' for %x : f32\[2,3\]"),
    ("aa->a", (X,), ShapeError, r"einsum: index 'a' has different extents, 2 and 3\n  %x.* at 'aa'\n  fix"),
    ("ba,aca->", (X, Y), ShapeError, r"'a' has different extents, 3 and 4\n  %x.* at 'ba'\n  %y.* at 'aca'"),
    (
        "...k,...->k",
        (X, V),
        ShapeError,
        r"an axis under '...' has different extents, 2 and 3\n  %x.*'...k'\n  %v",
    ),
    ("nk,mk->", (V, V), ShapeError, "one letter for each axis"),
    ("i,i->", (V, N), ShapeError, "index 'i' has different extents, 3 and n"),
]


@pytest.mark.parametrize(("subscripts", "operands", "error", "wording"), BAD_EINSUM)
def test_what_einsum_refuses(subscripts, operands, error, wording):
    with pytest.raises(error, match=wording):
        contract.einsum(subscripts, *operands)


BAD_MAP_REDUCE = [
    (("sum", "ij->ij", X), {}, ArgumentError, "a reducer is for indices to reduce"),
    ((None, "ij->i", X), {}, ArgumentError, "a reducer is for indices to reduce"),
    (("product", "ij->i", X), {}, ArgumentError, "a reducer is one of"),
    (("sum", "ij", X), {}, ArgumentError, "map_reduce needs '->'"),
    (("sum", "ik,jk->ij", X, W), {}, ShapeError, "index 'k' is 3 and 4"),
    (("sum", "ii->", X), {}, ShapeError, "index 'i' is 2 and 3"),
    (("sum", "...j->j", X), {}, ArgumentError, r"has no '\.\.\.'"),
    (("sum", "i1->i", X), {}, ArgumentError, "'1' is no letter"),
    (("sum", X, "ij->i"), {}, ArgumentError, "subscripts are a str"),
    (
        ("sum", "ii->i", api.input("s", (2, 2))),
        {},
        ArgumentError,
        "no index stands twice in one operand, as in 'ii'",
    ),
    ((None, "ij->ijk", X), {}, ArgumentError, "index 'k' has no extent"),
    ((None, "ij->ij", X), {"map": lambda x, m: x}, ArgumentError, "named after an index"),
    ((None, "ij->ij", X), {"map": lambda x, *, s=1: x}, ArgumentError, "no keyword-only"),
    ((None, "ij->ij", X), {"map": lambda x: x if x > 0 else 0}, FormulaError, "use where"),
    ((None, "->i"), {"sizes": {"i": 2}}, ArgumentError, "without operands needs a map"),
]


@pytest.mark.parametrize(("arguments", "options", "error", "wording"), BAD_MAP_REDUCE)
def test_what_map_reduce_refuses(arguments, options, error, wording):
    with pytest.raises(error, match=wording):
        contract.map_reduce(*arguments, **options)


def test_elements_are_multiplied_over_an_index():
    x, w = np.arange(1.0, 7.0).reshape(2, 3), np.full((3, 4), 2.0)
    left, right = tt.input("x", (2, 3), "float64"), tt.input("w", (3, 4), "float64")
    product = tt.map_reduce("prod", "ik,kj->ij", left, right, map=lambda a, b: a + b)
    expected = (x[:, :, None] + w).prod(1)
    np.testing.assert_allclose(tt.compile([left, right], product)(x, w), expected, rtol=1e-14)
