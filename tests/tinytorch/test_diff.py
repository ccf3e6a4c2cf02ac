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


def test_programs_of_one_graph_differ_in_what_they_fuse():
    x, y = network()
    fused, unfused = tt.compile([x], y), tt.compile([x], y, passes=())
    found = tt.diff(unfused, fused)
    assert [(change.kind.value, change.left) for change in found.changes] == [("fused", y.node)]
    assert found.changes[0].sentence == "%1 with %0: in kernels 0 and 1 -> both in kernel 0"
    assert "fused: %1 with %0" in str(found)
    assert "both in kernel 0 -> in kernels 0 and 1" in str(tt.diff(fused, unfused))
    assert not tt.diff(fused.source_graph, unfused.source_graph)
    assert not tt.diff(fused, tt.compile([x], y))


def test_what_became_of_a_node_is_known_and_not_guessed():
    x = tt.input("x", ("batch", 4))
    program = tt.compile([x], tt.exp(x) * tt.exp(x) + tt.exp(x * 1.0))
    for found in (tt.diff(program.source_graph, program.graph), tt.diff(program.graph, program.source_graph)):
        assert not found.is_guess
        assert len(found.pairs) == len(program.graph.nodes)


def test_what_is_no_graph_is_an_error():
    with pytest.raises(ArgumentError, match="tensors"):
        tt.diff(network()[1], 3)
