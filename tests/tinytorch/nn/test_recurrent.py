"""Recurrent layers and cells are PyTorch's, weights included; what they cannot read raises."""

import copy
import math
import pickle

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, ShapeError
from compiler.ir.op import Trait
from tests.backends import ALL
from tinytorch import nn

pytest.importorskip("torch")

from tests.tinytorch.nn.beside_torch import assert_equal, torch

R = np.random.default_rng(2)
KINDS = ["RNN", "GRU", "LSTM"]
DEEP = {"num_layers": 2, "bidirectional": True, "batch_first": True}


def pair(kind, *sizes, **settings):
    return getattr(nn, kind)(*sizes, **settings, dtype="float64"), getattr(torch.nn, kind)(*sizes, **settings)


def begun(layer, x, *state):
    """A layer called with a state, as each kind takes it."""
    is_pair = "LSTM" in type(layer).__name__
    return layer(x, (tuple(state) if is_pair else state[0]) if state else None)


def states(kind, *shape):
    return [R.normal(size=shape) for _ in range(2 if "LSTM" in kind else 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_is_that_of_torch(kind):
    assert_equal(*pair(kind, 3, 4), [R.normal(size=(3, 2, 3))], backends=ALL)
    assert_equal(*pair(kind, 3, 4), [R.normal(size=(1, 2, 3))])


@pytest.mark.parametrize("kind", KINDS)
def test_layers_in_both_directions_from_a_state_are_those_of_torch(kind):
    arrays = [R.normal(size=(2, 3, 3)), *states(kind, 4, 2, 4)]
    assert_equal(*pair(kind, 3, 4, **DEEP), arrays, begun)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_without_a_batch_and_without_biases_is_that_of_torch(kind):
    arrays = [R.normal(size=(3, 2)), *states(kind, 1, 3)]
    assert_equal(*pair(kind, 2, 3, bias=False), arrays, begun)


def test_a_simple_network_may_have_relu():
    assert_equal(*pair("RNN", 3, 4, nonlinearity="relu"), [R.normal(size=(3, 2, 3))])
    assert_equal(*pair("RNNCell", 3, 4, nonlinearity="relu"), [R.normal(size=(2, 3))])


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell", "LSTMCell"])
def test_a_cell_is_that_of_torch(kind):
    assert_equal(*pair(kind, 3, 4), [R.normal(size=(2, 3)), *states(kind, 2, 4)], begun)
    assert_equal(*pair(kind, 3, 4, bias=False), [R.normal(size=3)])


def test_a_batch_may_be_of_any_size_and_a_step_of_a_layer_is_a_cell():
    layer, cell = nn.LSTM(3, 4, seed=0), nn.LSTMCell(3, 4)
    for (_, one), (_, other) in zip(layer.named_parameters(), cell.named_parameters(), strict=True):
        tt.set_value(other, tt.value_of(one))
    x = tt.input("x", (5, "batch", 3))
    output, (hidden, _) = layer(x)
    state = None
    for time in range(5):
        state = cell(x[time], state)
    program = tt.compile(x, [output[-1], hidden[0], state[0]])
    for batch in (1, 7):
        found = program(R.normal(size=(5, batch, 3)).astype("float32"))
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_allclose(found[1], found[2], rtol=1e-5, atol=1e-6)


def test_what_the_input_adds_is_one_product_for_all_steps():
    x = tt.input("x", (6, 2, 3))
    graph = tt.graph_of(nn.GRU(3, 4)(x)[0])
    products = [node for node in graph.nodes if node.op.has(Trait.CONTRACTION)]
    assert sum(node.type.shape == (6, 2, 12) for node in products) == 1
    assert len(products) == 7


def test_parameters_begin_as_those_of_torch_and_are_drawn_from_a_seed():
    first, second = (nn.GRU(8, 16, 2, bidirectional=True, seed=5) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        values = tt.value_of(one)
        np.testing.assert_array_equal(values, tt.value_of(other))
        assert 0.15 < np.abs(values).max() <= 1 / math.sqrt(16)
    assert repr(first) == "GRU(8, 16, num_layers=2, bidirectional=True)"
    assert repr(nn.RNNCell(2, 3, bias=False)) == "RNNCell(2, 3, bias=False)"


def test_a_layer_is_copied_and_pickled_with_its_values():
    x = tt.input("x", (2, 1, 3))
    layer = nn.LSTM(3, 2, seed=1)
    array = R.normal(size=(2, 1, 3)).astype("float32")
    expected = tt.compile(x, layer(x)[0])(array)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301  # our own bytes
        np.testing.assert_array_equal(tt.compile(x, copied(x)[0])(array), expected)


def test_dropout_is_between_layers_and_in_training_alone():
    x = tt.input("x", (3, 2, 3))
    layer, plain = nn.GRU(3, 4, 2, dropout=0.5, seed=1), nn.GRU(3, 4, 2, seed=1)
    array = R.normal(size=(3, 2, 3)).astype("float32")
    single = nn.GRU(3, 4, dropout=0.5, seed=1)
    found, kept = (layer.train(mode)(x)[0] for mode in (True, False))
    results = [found, kept, plain(x)[0], single(x)[0], single.eval()(x)[0]]
    dropped, same, expected, one, other = tt.compile(x, results, updates=tt.nn.state_updates(*results))(array)
    np.testing.assert_array_equal(same, expected)
    np.testing.assert_array_equal(one, other)
    assert not np.allclose(dropped, expected)
    assert list(layer.state_dict()) == list(plain.state_dict())


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        (
            ("time", 2, 3),
            r"axis 0, is known when the graph is built: %x(.|\n)*an int for time",
        ),
        ((0, 2, 3), "at least one step on axis 0: %x"),
        ((4, 2, 5), "a last extent of 3: %x"),
        ((4,), r"reads \[time, batch, 3\], or one sequence \[time, 3\]: %x"),
    ],
)
def test_a_sequence_that_does_not_fit_raises(shape, part):
    with pytest.raises(ShapeError, match=part):
        nn.LSTM(3, 4)(tt.input("x", shape))


def test_what_is_wrong_raises():
    x, h = tt.input("x", (4, 2, 3)), tt.input("h", (2, 4))
    with pytest.raises(ShapeError, match=r"a state is \[1, 2, 4\], layers times directions first(.|\n)*%h"):
        nn.GRU(3, 4)(x, h)
    with pytest.raises(ArgumentError, match="a pair"):
        nn.LSTM(3, 4)(x, tt.input("h", (1, 2, 4)))
    with pytest.raises(ShapeError, match=r"a state is \[2, 4\]: %k"):
        nn.RNNCell(3, 4)(tt.input("x", (2, 3)), tt.input("k", (3, 4)))
    with pytest.raises(ShapeError, match=r"reads floats: %i(.|\n)*Embedding"):
        nn.RNN(3, 4)(tt.input("i", (4, 2, 3), "int64"))
    with pytest.raises(ArgumentError, match="'tanh' or 'relu'"):
        nn.RNN(3, 4, nonlinearity="gelu")
    with pytest.raises(ArgumentError, match="at least one layer"):
        nn.RNN(3, 4, 0)
    with pytest.raises(ArgumentError, match="are counts"):
        nn.LSTMCell(3, 0)
