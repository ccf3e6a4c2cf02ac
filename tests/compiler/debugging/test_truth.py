"""An element at 150 digits is what the oracle computes, and rounding moves it as far as it should."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.reference import run
from compiler.debugging.arithmetic import TooFarError
from compiler.debugging.elements import MOST_ELEMENTS
from compiler.debugging.margins import margins
from compiler.debugging.rewrites import evaluated
from compiler.debugging.truth import Truth, truth_of
from compiler.ir.formula.precise import mpmath_context
from compiler.ir.op import Call
from tests.properties.trial import make_trial
from tinytorch.testing.programs import PROGRAMS

MP = mpmath_context()


def values_of(graph, arguments):
    return evaluated(graph, dict(zip(graph.inputs, arguments, strict=True)), {})


@pytest.mark.parametrize("block", range(4))
def test_elements_of_random_graphs_are_what_the_oracle_computes(block):
    random, count = np.random.default_rng(block), 0
    for seed in range(block * 15, (block + 1) * 15):
        trial = make_trial(seed)
        sample = trial.sample
        if trial.kind != "values" or any(isinstance(node.op, Call) for node in sample.graph.nodes):
            continue
        arguments = [np.array(item) for item in sample.arguments(0)]
        leaves = dict(zip(sample.graph.inputs, arguments, strict=True))
        values = evaluated(sample.graph, leaves, sample.sizes(0))
        allowed = margins(sample.graph, values)
        for node in sample.graph.nodes:
            array = values[node]
            if not array.size or not np.isfinite(array).all():
                continue
            place = tuple(int(random.integers(n)) for n in array.shape)
            exact = truth_of((node, place), values, (), sample.sizes(0)).value
            if MP.isfinite(exact):
                assert abs(float(exact) - float(array[place])) <= allowed[node], (seed, node)
                count += 1
    assert count > 15


@pytest.mark.parametrize("name", ["layouts", "contractions", "reductions"])
def test_elements_of_test_programs_are_what_the_oracle_computes(name):
    item = PROGRAMS[name]()
    graph = tt.graph_of(item.outputs)
    sizes = {"n": 5, "m": 6}
    data = {tensor.node: array for tensor, array in zip(item.inputs, item.data, strict=True)}
    leaves = {node: data[node] for node in graph.inputs}
    values = run(graph, {**leaves, **constants(graph)}, sizes)
    for node in graph.nodes:
        array = values[node]
        for flat in (0, array.size // 2, array.size - 1):
            place = tuple(map(int, np.unravel_index(flat, array.shape)))
            exact = truth_of((node, place), values, (), sizes).value
            assert float(exact) == pytest.approx(float(array[place]), rel=1e-4, abs=1e-5), node


def constants(graph):
    return {node: node.op.buffer.array for node in graph.nodes if node.op.name == "constant"}


def truth(make, array, place):
    x = tt.input("x", array.shape, array.dtype)
    graph = tt.graph_of([make(x)])
    return truth_of((graph.outputs[0], place), values_of(graph, [array]), (), {})


def test_what_overflows_has_a_value():
    row = np.float32([[1000.0, 999.0]])
    found = truth(lambda x: tt.exp(x) / tt.exp(x).sum(1, keepdims=True), row, (0, 1))
    assert MP.almosteq(found.value, 1 / (1 + MP.e))
    assert found.spread < 1e-5


def test_rounding_moves_what_cancels():
    array = np.array([1e8, 1.0], np.float32)
    assert truth(lambda x: (x[:1] + x[1:]) - x[:1], array, (0,)).spread > 0.1
    assert truth(lambda x: x[:1] * x[1:], array, (0,)).spread < 100


def test_what_is_allowed():
    one = Truth(MP.mpf(1), (MP.mpf(1),))
    was = np.float32(1)
    assert one.allows(np.float32(1.000001), was, 1e-5)
    assert not one.allows(np.float32(1.001), was, 1e-5)
    assert one.allows(np.float32(1.001), np.float32(1.01), 1e-5)  # nearer than it was
    assert one.allows(np.float32(1.001), was, 1e-5, spread=1e-3)
    assert not one.allows(np.float32(np.nan), was, 1e-5)
    assert not one.allows(np.float32(1.001), np.float32(np.nan), 1e-5)
    nothing = Truth(MP.nan, (MP.nan,))
    assert nothing.allows(np.float32(np.nan), was, 1e-5)
    assert not nothing.allows(was, np.float32(np.nan), 1e-5)
    assert Truth(MP.nan, (MP.mpf(1),)).allows(was, np.float32(np.nan), 1e-5)
    large = Truth(MP.mpf(10) ** 100, (MP.mpf(10) ** 100,))
    assert large.allows(np.float32(np.inf), was, 1e-5)
    assert not large.allows(np.float32(1e38), was, 1e-5)
    yes = Truth(True, (True, False))
    assert yes.allows(np.bool_(False), np.bool_(True), 0)
    assert not Truth(True, (True,)).allows(np.bool_(False), np.bool_(True), 0)


def test_what_is_made_from_too_much_is_not_computed():
    with pytest.raises(TooFarError):
        truth(lambda x: x.sum(), np.ones(MOST_ELEMENTS + 2), ())
    with pytest.raises(TooFarError):
        truth(lambda x: tt.exp(x), np.array([1e30]), (0,))


def test_a_long_chain_needs_no_recursion():
    def chain(x):
        for _ in range(1200):
            x = x + 1
        return x

    assert truth(chain, np.zeros(1), (0,)).value == 1200
