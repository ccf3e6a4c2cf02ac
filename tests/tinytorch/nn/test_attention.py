"""Attention is what its definition says and PyTorch does; masks, edges, shapes, and errors with operands."""

import math

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, DTypeError, ShapeError
from tests.backends import ALL, FAST
from tinytorch import nn
from tinytorch.ops.attention import attend

R = np.random.default_rng(6)


def defined(q, k, v, seen):
    """`out[b, l, d] = sum over s of p[b, l, s] v[b, s, d]`, in index notation; 0 where nothing is seen."""
    scores = tt.map_reduce("sum", "ble,bse->bls", q, k) / math.sqrt(q.shape[-1])
    raised = tt.map_reduce(None, "bls,bls->bls", scores, seen, map=lambda s, m: tt.where(m, tt.exp(s), 0.0))
    total = tt.map_reduce("sum", "bls->bl", raised)
    shares = tt.map_reduce(None, "bls,bl->bls", raised, total, map=lambda e, t: e / tt.where(t == 0, 1.0, t))
    return tt.map_reduce("sum", "bls,bsd->bld", shares, v)


@pytest.mark.parametrize("backend", ALL)
def test_attention_is_its_definition_in_index_notation(backend):
    arrays = [R.normal(size=(2, 3, 5)), R.normal(size=(2, 4, 5)), R.normal(size=(2, 4, 6))]
    seen = R.uniform(size=(2, 3, 4)) < 0.6
    seen[0, 1] = False
    q, k, v = inputs = [tt.input(n, a.shape, "float64") for n, a in zip("qkv", arrays, strict=True)]
    mask = tt.input("mask", (2, 3, 4), "bool")
    results = []
    for found in (tt.scaled_dot_product_attention(q, k, v, mask), defined(q, k, v, mask)):
        results += [found, *tt.grad((found**2).sum(), inputs)]
    found = tt.compile([*inputs, mask], results, backend=backend)(*arrays, seen)
    for mine, wanted in zip(found[:4], found[4:], strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found[0][0, 1], 0)


@pytest.mark.parametrize("backend", FAST)
def test_the_weights_are_one_array_which_three_kernels_make_and_read(backend):
    q, k, v = (tt.input(name, (2, 3, 16, 8)) for name in "qkv")
    program = tt.compile([q, k, v], tt.scaled_dot_product_attention(q, k, v, is_causal=True), backend=backend)
    assert len(program.schedule.kernels) == 3
    assert program.plan.peak_bytes == 2 * 3 * 16 * 16 * 4


def test_many_causal_queries_are_taken_in_blocks_that_see_what_comes_before():
    q, k, v = inputs = [tt.input(name, (2, 1, 131, 3), "float64") for name in "qkv"]
    arrays = [R.normal(size=(2, 1, 131, 3)) for _ in inputs]
    tall, wide = R.uniform(size=(2, 1, 131, 131)) < 0.7, R.uniform(size=(2, 1, 1, 131)) < 0.7
    later = np.tril(np.ones((131, 131), bool))
    results = [
        tt.scaled_dot_product_attention(q, k, v, is_causal=True),
        tt.scaled_dot_product_attention(q, k, v, later),
        attend(q, k, v, [tall, wide], is_causal=True),
        tt.scaled_dot_product_attention(q, k, v, later & tall & wide),
    ]
    found, expected, masked, wanted = tt.compile(inputs, results)(*arrays)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(masked, wanted, rtol=1e-12, atol=1e-13)
    rows = tt.compile(inputs, results[0]).plan.peak_bytes / 131 / 8 / 2
    assert rows < 80  # of 131 weights; one block has 33 rows of them


def test_of_many_queries_the_weights_of_one_block_are_in_memory():
    q, k, v = inputs = [
        tt.input(name, (1, rows, 4)) for name, rows in zip("qkv", (400, 300, 300), strict=True)
    ]
    arrays = [R.normal(size=item.shape).astype(np.float32) for item in inputs]
    mask = R.uniform(size=(400, 1)) < 0.7
    found = tt.scaled_dot_product_attention(q, k, v, mask)
    everything = np.broadcast_to(mask, (400, 300))
    results = [found, defined(q, k, v, tt.constant(everything[None]))]
    mine, wanted = tt.compile(inputs, results)(*arrays)
    np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-5)
    assert tt.compile(inputs, found).plan.peak_bytes < 4 * 300 * 200  # 400 queries, four blocks of 100


def test_a_causal_query_sees_nothing_that_comes_later():
    x = tt.input("x", ("n", 3), "float64")
    found = tt.scaled_dot_product_attention(x, x, x, is_causal=True)
    program = tt.compile(x, found)
    array = R.normal(size=(6, 3))
    other = np.concatenate([array[:4], R.normal(size=(2, 3))])
    np.testing.assert_array_equal(program(array)[:4], program(other)[:4])
    assert not np.allclose(program(array)[4:], program(other)[4:])


def test_heads_of_keys_are_shared_and_leading_axes_broadcast():
    torch = pytest.importorskip("torch")
    arrays = [R.normal(size=(2, 6, 3, 4)), R.normal(size=(2, 2, 5, 4)), R.normal(size=(2, 2, 5, 4))]
    q, k, v = inputs = [tt.input(n, a.shape, "float64") for n, a in zip("qkv", arrays, strict=True)]
    found = tt.compile(inputs, tt.scaled_dot_product_attention(q, k, v, enable_gqa=True))(*arrays)
    wanted = torch.nn.functional.scaled_dot_product_attention(*map(torch.tensor, arrays), enable_gqa=True)
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12, atol=1e-13)
    with pytest.raises(ShapeError, match=r"a multiple of those of the key, 5 and 2(.|\n)*key: %k"):
        tt.scaled_dot_product_attention(tt.input("q", (2, 5, 3, 4), "float64"), k, v, enable_gqa=True)


def test_weights_are_dropped_by_a_key_and_keep_their_mean():
    q, v, step = tt.input("q", (1, 4)), tt.constant(np.ones((4000, 1), "float32")), tt.input("s", (), "int64")
    key = tt.zeros((4000, 4))
    rng = tt.random.fold_in(tt.random.key(0), step)
    found = tt.scaled_dot_product_attention(q, key, v, dropout_p=0.25, rng=rng)
    program = tt.compile([q, step], found)
    ones = np.ones((1, 4), "float32")
    first, again, other = program(ones, 0), program(ones, 0), program(ones, 1)
    assert first == again != other
    assert abs(first - 1) < 0.05
    all_gone = tt.scaled_dot_product_attention(q, key, v, dropout_p=1, rng=rng)
    assert tt.compile([q, step], all_gone)(ones, 0) == 0
    with pytest.raises(ArgumentError, match=r"without a key(.|\n)*fix: rng=tt.random.fold_in"):
        tt.scaled_dot_product_attention(q, key, v, dropout_p=0.25)
    with pytest.raises(ArgumentError, match="dropout_p is a probability, not 2"):
        tt.scaled_dot_product_attention(q, key, v, dropout_p=2, rng=rng)


def named(**shapes):
    return [tt.input(name, shape) for name, shape in shapes.items()]


def test_operands_that_do_not_fit_raise():
    q, k, v = named(q=(2, 3, 4), k=(2, 5, 4), v=(2, 5, 6))
    attend = tt.scaled_dot_product_attention
    with pytest.raises(ShapeError, match=r"have the same last extent, not 4 and 3(.|\n)*%narrow"):
        attend(q, *named(narrow=(2, 5, 3)), v)
    with pytest.raises(ShapeError, match=r"have as many positions, not 5 and 3(.|\n)*value: %q"):
        attend(q, k, q)
    with pytest.raises(ShapeError, match=r"leading axes broadcast(.|\n)*%many"):
        attend(q, *named(many=(3, 5, 4)), v)
    with pytest.raises(ShapeError, match=r"query is \[\.\., positions, width\]: %one"):
        attend(*named(one=(4,)), k, v)
    with pytest.raises(DTypeError, match=r"query is floating, not %i(.|\n)*astype"):
        attend(tt.input("i", (2, 3, 4), "int64"), k, v)
    with pytest.raises(DTypeError, match=r"one dtype(.|\n)*key: %wide"):
        attend(q, tt.input("wide", (2, 5, 4), "float64"), v)
    with pytest.raises(ShapeError, match=r"does not broadcast to the scores \[2, 3, 5\]: %m"):
        attend(q, k, v, *named(m=(5, 3)))
    with pytest.raises(DTypeError, match=r"bool \(true where a key is seen\)(.|\n)*%i(.|\n)*attn_mask != 0"):
        attend(q, k, v, tt.input("i", (3, 5), "int64"))
    with pytest.raises(ArgumentError, match="exclude each other"):
        attend(q, k, v, np.ones((3, 5), bool), is_causal=True)
    with pytest.raises(ShapeError, match=r"needs a scale: %free"):
        attend(*named(free=(3, "width")), *named(keys=(5, "width")), v)


def test_multihead_attention_is_that_of_torch():
    pytest.importorskip("torch")
    from tests.tinytorch.nn.beside_torch import assert_equal, torch

    def pair(*sizes, **settings):
        theirs = torch.nn.MultiheadAttention(*sizes, **settings)
        with torch.no_grad():
            for name, value in theirs.named_parameters():
                if "bias" in name:
                    value.copy_(torch.tensor(R.normal(size=value.shape)))
        return nn.MultiheadAttention(*sizes, **settings, dtype="float64"), theirs

    x, y, z = R.normal(size=(3, 2, 4)), R.normal(size=(5, 2, 4)), R.normal(size=(5, 2, 6))
    hidden = np.array([[0, 0, 0, 0, 1], [0, 1, 1, 1, 1]], bool)
    later = np.triu(np.ones((3, 5), bool), 1)
    each = R.normal(size=(4, 3, 5))
    assert_equal(*pair(4, 2), [x], lambda layer, x: layer(x, x, x), backends=ALL)
    assert_equal(
        *pair(4, 2, bias=False, batch_first=True),
        [x.swapaxes(0, 1), y.swapaxes(0, 1), hidden, later],
        lambda layer, x, y, p, m: layer(x, y, y, key_padding_mask=p, attn_mask=m),
    )
    assert_equal(
        *pair(4, 2, vdim=6),
        [x, y, z, each],
        lambda layer, x, y, z, m: layer(x, y, z, attn_mask=m, average_attn_weights=False),
    )
    assert_equal(*pair(4, 2), [x[:, 0], y[:, 0]], lambda layer, x, y: layer(x, y, y, need_weights=False))
    assert_equal(*pair(4, 4), [x[:, 0], y[:, 0], hidden[0]], lambda layer, x, y, p: layer(x, y, y + 1, p))


def test_a_causal_layer_needs_no_mask_and_unused_weights_cost_nothing():
    x = tt.input("x", (2, "n", 8))
    layer = nn.MultiheadAttention(8, 2, batch_first=True, seed=1)
    mask = tt.triu(tt.ones((5, 5)), 1) > 0
    fixed = tt.input("x", (2, 5, 8))
    found, weights = layer(x, x, x, is_causal=True)
    wanted, _ = layer(fixed, fixed, fixed, attn_mask=mask)
    array = R.normal(size=(2, 5, 8)).astype("float32")
    np.testing.assert_allclose(tt.compile(x, found)(array), tt.compile(fixed, wanted)(array), rtol=1e-5)
    np.testing.assert_allclose(tt.compile(x, weights)(array).sum(-1), 1, rtol=1e-6)
    alone, _ = layer(x, x, x, need_weights=False, is_causal=True)
    assert len(tt.compile(x, found).graph.nodes) == len(tt.compile(x, alone).graph.nodes)


def test_what_does_not_fit_multihead_attention_raises():
    layer = nn.MultiheadAttention(8, 2)
    x, y, narrow = named(x=(3, 2, 8), y=(5, 2, 8), narrow=(5, 2, 6))
    with pytest.raises(ShapeError, match="key has a last extent of 8: %narrow"):
        layer(x, narrow, narrow)
    with pytest.raises(ShapeError, match=r"one batch(.|\n)*%other(.|\n)*or batch_first=True"):
        layer(x, *named(other=(5, 3, 8)), y)
    with pytest.raises(ShapeError, match=r"query is \[positions, batch, width\], or without(.|\n)*%flat"):
        layer(*named(flat=(8,)), y, y)
    with pytest.raises(ShapeError, match=r"key_padding_mask is \[2, 5\]: %p"):
        layer(x, y, y, tt.input("p", (5,), "bool"))
    with pytest.raises(ShapeError, match=r"attn_mask is \[3, 5\] or \[4, 3, 5\]: %m"):
        layer(x, y, y, attn_mask=tt.input("m", (5,), "bool"))
    with pytest.raises(DTypeError, match=r"true where a key is hidden(.|\n)*%m(.|\n)*attn_mask != 0"):
        layer(x, y, y, attn_mask=tt.input("m", (3, 5), "int64"))
    with pytest.raises(ArgumentError, match="a multiple of num_heads, not 8 of 3"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(AttributeError, match="MultiheadAttention"):
        _ = nn.MultiHeadAttention
