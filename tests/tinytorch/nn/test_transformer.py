"""Layers of transformers are PyTorch's of the same weights; stacks of them are drawn anew; positions."""

import copy
import pickle

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, IndexRangeError, ShapeError
from tinytorch import nn
from tinytorch.nn.positions import sinusoids

R = np.random.default_rng(8)
HIDDEN = np.array([[0, 0, 0], [0, 0, 1]], bool)


def pair(kind, *sizes, **settings):
    import torch

    ours = getattr(nn, kind)(*sizes, **settings, dtype="float64")
    return ours, getattr(torch.nn, kind)(*sizes, **settings)


@pytest.mark.parametrize("norm_first", [False, True])
def test_layers_are_those_of_torch(norm_first):
    pytest.importorskip("torch")
    from tests.tinytorch.nn.beside_torch import assert_equal

    settings = {"dropout": 0.0, "norm_first": norm_first, "activation": "gelu" if norm_first else "relu"}
    x, memory = R.normal(size=(3, 2, 4)), R.normal(size=(5, 2, 4))
    assert_equal(
        *pair("TransformerEncoderLayer", 4, 2, 6, **settings, bias=not norm_first),
        [x, HIDDEN],
        lambda layer, x, padding: layer(x, src_key_padding_mask=padding),
    )
    later = np.triu(np.ones((3, 3), bool), 1)
    assert_equal(
        *pair("TransformerDecoderLayer", 4, 2, 6, **settings, batch_first=True),
        [x.swapaxes(0, 1), memory.swapaxes(0, 1), later],
        lambda layer, x, memory, mask: layer(x, memory, tgt_mask=mask),
    )


def test_stacks_are_those_of_torch():
    torch = pytest.importorskip("torch")
    from tests.tinytorch.nn.beside_torch import assert_equal

    x, memory = R.normal(size=(3, 2, 4)), R.normal(size=(5, 2, 4))
    later = np.triu(np.full((3, 3), -np.inf), 1)
    for half, arrays in (("Encoder", [x]), ("Decoder", [x, memory])):
        layer, other = pair(f"Transformer{half}Layer", 4, 2, 6, dropout=0.0)
        ours = getattr(nn, f"Transformer{half}")(layer, 2, nn.LayerNorm(4, dtype="float64"))
        settings = {} if half == "Decoder" else {"enable_nested_tensor": False}
        theirs = getattr(torch.nn, f"Transformer{half}")(other, 2, torch.nn.LayerNorm(4), **settings)
        name = "mask" if half == "Encoder" else "tgt_mask"
        mask = torch.tensor(later)
        assert_equal(
            ours,
            theirs,
            arrays,
            lambda net, *x, n=name, m=mask: net(*x, **{n: m.numpy() if net is ours else m}),  # noqa: B023  # called at once
        )


def test_layers_of_a_stack_differ_are_drawn_from_its_seed_and_drop_by_masks_of_their_own():
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.5, batch_first=True)
    first, second = (nn.TransformerEncoder(layer, 2, seed=3) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(tt.value_of(one), tt.value_of(other))
    one, other = (tt.value_of(part.linear1.weight) for part in first.layers)
    assert not np.allclose(one, other)
    keys = [tt.value_of(b) for name, b in first.named_buffers() if name.endswith("key")]
    assert len({int(key) for key in keys}) == len(keys) == 8
    x = tt.input("x", ("n", "t", 4))
    array = R.normal(size=(2, 3, 4)).astype("float32")
    same = [tt.compile(x, net.eval()(x))(array) for net in (first, copy.deepcopy(first), second)]
    same.append(tt.compile(x, pickle.loads(pickle.dumps(first))(x))(array))  # noqa: S301  # our own bytes
    for found in same[1:]:
        np.testing.assert_array_equal(found, same[0])
    assert repr(first) == "TransformerEncoder(TransformerEncoderLayer(4, 2, 8, batch_first=True), 2)"


def test_positions_are_sines_of_falling_frequency():
    table = sinusoids(50, 6)
    for t, i in [(0, 0), (7, 1), (49, 2)]:
        angle = t / 10000 ** (2 * i / 6)
        np.testing.assert_allclose(table[t, 2 * i : 2 * i + 2], [np.sin(angle), np.cos(angle)], rtol=1e-12)
    assert sinusoids(3, 5).shape == (3, 5)
    fixed, opened = tt.input("x", (7, 2, 6)), tt.input("y", ("n", "t", 6))
    array = R.normal(size=(7, 2, 6)).astype("float32")
    encoding = nn.PositionalEncoding(6, 0.0, max_len=9)
    wanted = array + table[:7, None].astype("float32")
    np.testing.assert_allclose(tt.compile(fixed, encoding(fixed))(array), wanted, rtol=1e-6, atol=1e-6)
    program = tt.compile(opened, nn.PositionalEncoding(6, 0.0, 9, batch_first=True)(opened))
    np.testing.assert_allclose(program(array.swapaxes(0, 1)), wanted.swapaxes(0, 1), rtol=1e-6, atol=1e-6)
    with pytest.raises(IndexRangeError, match="9"):
        program(np.zeros((1, 10, 6), "float32"))
    with pytest.raises(ShapeError, match=r"has 5 positions, not 7: %x(.|\n)*max_len=7"):
        nn.PositionalEncoding(6, max_len=5)(fixed)


def test_learned_positions_are_trained_as_far_as_a_sequence_goes():
    x = tt.input("x", (2, 3, 4))
    places = nn.LearnedPositions(4, 5, batch_first=True, seed=1)
    slope = tt.grad((places(x) * 2).sum(), places.weight)
    found = tt.compile(x, slope)(np.zeros((2, 3, 4), "float32"))
    np.testing.assert_array_equal(found, np.repeat([[4.0], [0.0]], [3, 2], 0) * np.ones(4))
    assert repr(places) == "LearnedPositions(4, max_len=5, batch_first=True)"


def test_what_is_wrong_raises():
    with pytest.raises(ArgumentError, match="'relu', 'gelu' or a function, not 'swish'"):
        nn.TransformerEncoderLayer(4, 2, activation="swish")
    with pytest.raises(ArgumentError, match="num_layers is a count"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2), -1)
    with pytest.raises(ArgumentError, match="are positive, not 0 and 5000"):
        nn.PositionalEncoding(0)
    with pytest.raises(ShapeError, match=r"reads \[positions, batch, 4\]: %x"):
        nn.LearnedPositions(4, 5)(tt.input("x", (3, 2, 6)))
