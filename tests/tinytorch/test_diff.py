"""tt.diff: of graphs, programs and tensors."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError


def network(scale=2.0):
    x = tt.input("x", ("batch", 4))
    return x, tt.tanh(x) * scale


def test_graphs_programs_and_tensors_are_compared():
    (x, y), (z, w) = network(), network(3.0)
    left, right = tt.compile([x], y), tt.compile([z], w)
    for sides in ((left, right), (y, w), ([y], [w]), (left.source_graph, w)):
        found = tt.diff(*sides, names=("old", "new"))
        assert found
        assert "mul(2.0)" in found.changes[0].sentence
        assert str(found).startswith("--- old\n+++ new\n")
    assert not tt.diff(left, tt.compile([x], y))


def test_what_passes_did_is_a_difference_of_snapshots():
    x, y = network()
    program = tt.compile([x], y + tt.constant(np.float32(0.0) + 1) * 1.0)
    found = tt.diff(program.source_graph, program.graph)
    assert not found.is_guess


def test_what_is_no_graph_is_an_error():
    with pytest.raises(ArgumentError, match="tensors"):
        tt.diff(network()[1], 3)
