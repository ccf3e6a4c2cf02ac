"""Tables of vectors are PyTorch's; the row that is padding begins at 0 and stays; what is wrong raises."""

import pickle

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from tinytorch import nn

R = np.random.default_rng(4)
PLACES = np.array([[0, 2, 4], [2, 2, 1]])


def test_layers_are_those_of_torch():
    pytest.importorskip("torch")
    from tests.tinytorch.nn.beside_torch import assert_equal, torch

    def pair(kind, *sizes, **settings):
        ours = getattr(nn, kind)(*sizes, **settings, dtype="float64")
        return ours, getattr(torch.nn, kind)(*sizes, **settings)

    assert_equal(*pair("Embedding", 5, 3), [PLACES])
    assert_equal(*pair("Embedding", 5, 3, padding_idx=-3), [PLACES])
    assert_equal(*pair("EmbeddingBag", 5, 3), [PLACES])
    assert_equal(*pair("EmbeddingBag", 5, 3, mode="max", padding_idx=2), [PLACES])
    bags = pair("EmbeddingBag", 5, 3, mode="sum", include_last_offset=True)
    assert_equal(*bags, [PLACES.ravel(), np.array([0, 4, 4, 6]), R.normal(size=6)])
    assert_equal(*pair("Bilinear", 3, 2, 4), [R.normal(size=(5, 3)), R.normal(size=(5, 2))])


def test_padding_stays_while_the_others_are_trained():
    table = nn.Embedding(4, 2, padding_idx=1, seed=3)
    begun = tt.value_of(table.weight)
    assert begun.any(1).tolist() == [True, False, True, True]
    x = tt.input("x", ("n",), "int64")
    loss = (table(x) ** 2).sum() + table(x).sum()
    step = tt.compile(x, loss, updates=tt.optim.SGD(table.parameters(), lr=0.1).updates(loss))
    step(np.array([0, 1, 1, 2]))
    after = tt.value_of(table.weight)
    assert (after == begun).all(1).tolist() == [False, True, False, True]
    assert repr(table) == "Embedding(4, 2, padding_idx=1)"
    assert pickle.loads(pickle.dumps(table)).padding_idx == 1  # noqa: S301  # our own bytes


def test_an_empty_bag_is_0_and_offsets_may_be_an_input():
    x, offsets = tt.input("x", ("n",), "int64"), tt.input("offsets", ("bags",), "int64")
    weight = tt.constant(np.array([[1.0, 2.0], [3.0, 5.0]]))
    results = [tt.embedding_bag(x, weight, offsets, mode=mode) for mode in ("sum", "mean", "max")]
    found = tt.compile([x, offsets], results)(np.array([0, 1, 1]), np.array([0, 0, 3]))
    np.testing.assert_array_equal(found[0], [[0, 0], [7, 12], [0, 0]])
    np.testing.assert_array_equal(found[1], [[0, 0], [7 / 3, 4], [0, 0]])
    np.testing.assert_array_equal(found[2], [[0, 0], [3, 5], [0, 0]])


def test_a_number_that_is_no_row_raises_before_a_call_or_in_it():
    table = nn.Embedding(4, 2)
    with pytest.raises(IndexRangeError, match="-1"):
        table([0, -1])
    x = tt.input("x", (2,), "int64")
    with pytest.raises(IndexRangeError, match=r"index 4 at \[1\] is outside 0 .. 3"):
        tt.compile(x, table(x))(np.array([0, 4]))


def test_what_is_wrong_raises():
    x, places = tt.input("x", (4, 2)), tt.input("i", (6,), "int64")
    with pytest.raises(DTypeError, match=r"named by int32 or int64, not %x(.|\n)*the second argument"):
        tt.embedding(x, places)
    with pytest.raises(ShapeError, match=r"a table is \[rows, width\]: %i"):
        tt.embedding(places, places)
    with pytest.raises(ArgumentError, match="padding_idx 4 is no row of %x"):
        tt.embedding(places, x, 4)
    with pytest.raises(ArgumentError, match="padding_idx 9 is no row of 4"):
        nn.Embedding(4, 2, 9)
    with pytest.raises(ArgumentError, match="a table has counts"):
        nn.Embedding(-4, 2)
    with pytest.raises(ShapeError, match=r"takes \[bags, n\], or \[total\] with offsets: %i"):
        tt.embedding_bag(places, x)
    with pytest.raises(ShapeError, match="offsets are integers"):
        tt.embedding_bag(places, x, x)
    with pytest.raises(ArgumentError, match="'sum', 'mean' or 'max', not 'min'"):
        nn.EmbeddingBag(4, 2, mode="min")
    with pytest.raises(ArgumentError, match="for mode='sum', not 'mean'"):
        tt.embedding_bag(places, x, [0], per_sample_weights=np.ones(6))
    with pytest.raises(ShapeError, match="have the shape of the input"):
        tt.embedding_bag(places, x, [0], mode="sum", per_sample_weights=np.ones(5))
    with pytest.raises(ShapeError, match=r"weight \[outputs, n, m\](.|\n)*input2: %x"):
        tt.bilinear(tt.input("y", (4, 3)), x, np.ones((5, 3, 3), "float32"))
