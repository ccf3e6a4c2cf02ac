"""Contractions: which layouts np.matmul takes as they are, and that all others are right."""

import re

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.numpy.contractions import is_fit, matrix_product, merged_shape, merges, product_of
from compiler.ir.op import MapReduce
from tests.compiler.backends.numpy.running import assert_right, compiled, source
from tests.properties.trial import tiles_of

SIZES = dict(zip("abcdefghij", (2, 3, 4, 5, 2, 3, 2, 3, 4, 1), strict=True))


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def einsum(subscripts: str, dtypes: tuple[str, ...] = ("float32", "float32", "float32")):
    """Inputs, their arrays, and the contraction."""
    names = subscripts.split("->")[0].split(",")
    shapes = [tuple(SIZES[axis] for axis in item) for item in names]
    inputs = [
        tt.input(f"x{k}", shape, dtype) for k, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=False))
    ]
    arrays = [
        (3 * normal(*shape, seed=k)).astype(dtype)
        for k, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=False))
    ]
    return inputs, arrays, tt.einsum(subscripts, *inputs)


@pytest.mark.parametrize(
    "subscripts", ["ab,bc->ac", "ba,bc->ac", "ab,cb->ac", "ba,cb->ca", "abc,acd->abd", "abc,adc->adb"]
)
def test_a_matrix_product_is_one_call_without_a_copy(subscripts):
    inputs, arrays, y = einsum(subscripts)
    stored = [x + 1.0 for x in inputs]
    program = compiled(inputs, [tt.einsum(subscripts, *stored) * 2.0])
    text = source(program)
    assert len(re.findall(r"matmul_\d+\(|dot_\d+\(|\.dot\(", text)) == 1
    assert "run_" not in text
    assert_right(inputs, [y, tt.einsum(subscripts, *stored)], *arrays)


@pytest.mark.parametrize(
    "subscripts",
    [
        "ab,b->a", "a,ab->b", "a,b->ab", "a,a->", "abc,abc->", "abc,abc->c", "abc,abc->ab", "abc,bcd->ad",
        "abc,bd->adc",
        "abc,adc->bda", "abc,cbd->ad", "abcd,cd->ab", "abcd,ab->cd", "abcd,cdab->", "ab,cd->ac", "abc,bd->a",
        "ab,ab->ba",
        "ja,ab->jb", "aj,jb->ab", "abc,abd->bcd", "abcd,abed->bec", "ab,bc,cd->ad", "ab,ab,ab->a",
        "ab,bc,ca->",
        "a,b,c->abc", "ab,cb,db->acd", "abc,c,b->a", "a,a,a->", "ab,cd,de->ace",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "dtypes", [("float32",) * 3, ("float64", "float32", "float64"), ("int32", "int64", "int32")]
)
def test_any_contraction_equals_the_oracle(subscripts, dtypes):
    inputs, arrays, y = einsum(subscripts, dtypes)
    views = [x.T.T[..., ::-1] if x.ndim else x for x in inputs]
    for tile in (3, 16384):
        assert_right(inputs, [y, tt.einsum(subscripts, *views)], *arrays, tile=tile)


def test_views_of_inputs_and_of_the_slab():
    x = tt.input("x", (4, 6))
    y = x * 2.0
    outputs = [x[::2] @ x[::2].T, x[:, ::2] @ y[:, ::2].T, y[::-1] @ x.T, x[:1] @ y.T, y[:, :1] @ x[:, :1].T]
    assert_right([x], [*outputs, y.reshape([-1, 2]).T @ y.reshape([-1, 2])], normal(4, 6))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_symbolic_sizes_also_of_nothing(count):
    x, w = tt.input("x", ("n", 4)), tt.input("w", (4, 2))
    loss = ((x @ w) ** 2.0).sum()
    assert_right([x, w], [x @ w, x.T @ x, x @ x.T, *tt.grad(loss, [x, w])], normal(count, 4), normal(4, 2))


def test_a_second_size_does_not_use_the_copies_of_the_first():
    x = tt.input("x", (4, "n"))
    program = compiled([x], [tt.einsum("ab,ab,cb->ac", x, x, x), x[:, ::-1] @ x.T])
    for count in (3, 5, 3):
        array = normal(4, count)
        found = program(array)
        np.testing.assert_allclose(
            found[0], np.einsum("ab,ab,cb->ac", array, array, array), rtol=1e-4, atol=1e-5
        )
        np.testing.assert_allclose(found[1], array[:, ::-1] @ array.T, rtol=1e-4, atol=1e-5)


def test_a_dot_product_of_rows_is_fused():
    x = tt.input("x", (50, 8))
    y = tt.exp(x)
    program = assert_right([x], [tt.einsum("ab,ab->a", y, x + 1.0)], normal(50, 8), tile=16)
    assert len(program.schedule.kernels) == 1
    with tiles_of(16):
        assert re.search(r"for r", source(program))


@pytest.mark.parametrize("subscripts", ["ab,bc->ca", "ba,bc->ca", "ab,cb->ca", "ba,cb->ca"])
def test_a_product_with_a_transposed_result_is_that_of_the_transposed_factors(subscripts):
    inputs, arrays, y = einsum(subscripts)
    program = assert_right(inputs, [y], *arrays)
    assert "dot" in source(program)
    assert "matmul" not in source(program)


def of(op: MapReduce):
    return matrix_product(product_of(op))


def test_what_is_a_matrix_product():
    plain = of(einsum("ab,cb->ac")[2].node.op)
    assert plain is not None
    assert (plain.left, plain.right, plain.output, plain.is_plain) == ((0, 1), (1, 0), (0, 1), True)
    turned = of(einsum("ab,bc->ca")[2].node.op)
    assert turned is not None
    assert turned.output == (1, 0)
    batched = of(einsum("abc,dbc->ad")[2].node.op)
    assert batched is not None
    assert batched.depth == 2
    assert not batched.is_plain
    assert of(einsum("ab,cd->ac")[2].node.op) is None
    assert of(einsum("ab,bc,cd->ad")[2].node.op) is None


def test_what_np_matmul_takes_as_it_is():
    array = np.zeros((6, 8), np.float32)
    assert is_fit(array)
    assert is_fit(array.T)
    assert is_fit(array[:, :4])
    assert is_fit(array[::2])
    assert not is_fit(array[:, ::2])
    assert not is_fit(array[::-1])
    assert not is_fit(np.broadcast_to(array[:, :1], (6, 8)))


def test_which_axes_merge():
    array = np.zeros((2, 3, 4))
    assert merges(array, [3])
    assert merges(array, [1, 2])
    assert merges(array.transpose(2, 0, 1), [1, 2])
    assert not merges(array.transpose(1, 0, 2), [2, 1])
    assert merges(np.zeros((2, 1, 3))[:, :, ::2], [1, 2])
    assert merged_shape((2, 3, 4), [1, 2, 0]) == (2, 12, 1)
