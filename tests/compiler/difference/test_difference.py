"""Differences of graphs: none where there is none, the edit where there was one, the same from both sides."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.difference.changes import Kind
from compiler.difference.difference import difference_of
from compiler.ir.build import apply, input_node, parameter_node, reduce
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import Reducer
from compiler.ir.scope import scope
from compiler.ir.types import FLOAT64, TensorType
from compiler.rewrite.sweep import sweep
from tests.compiler.ir.strategies import graphs


def read_back(graph: Graph) -> Graph:
    return Graph.parse(str(graph), graph.arrays, graph.calls)


def count(difference, kind: Kind) -> int:
    return len(difference.of_kind(kind))


@settings(max_examples=50)
@given(graphs())
def test_a_graph_does_not_differ_from_itself_or_its_text(graph):
    for other in (graph, read_back(graph)):
        found = difference_of(graph, other)
        assert not found, str(found)
        assert len(found.pairs) == len(graph.nodes)
        assert str(found) == ""


@settings(max_examples=50)
@given(graphs(), graphs())
def test_it_is_the_same_from_both_sides(left, right):
    turned = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED}
    one, two = difference_of(left, right), difference_of(right, left)
    assert {b: a for a, b in one.pairs.items()} == dict(two.pairs)
    for kind in Kind:
        assert count(one, kind) == count(two, turned.get(kind, kind))


@settings(max_examples=50)
@given(graphs(), graphs())
def test_every_node_is_matched_once_or_said_to_be_on_one_side(left, right):
    found = difference_of(left, right)
    assert len(set(found.pairs.values())) == len(found.pairs)
    assert len(found.pairs) + count(found, Kind.REMOVED) == len(left.nodes)
    assert len(found.pairs) + count(found, Kind.ADDED) == len(right.nodes)


@settings(max_examples=50)
@given(graphs(), st.data())
def test_an_op_that_was_put_in_is_what_is_reported(graph, data):
    inner = [node for node in graph.nodes if node.type.dtype.is_float and node.operands]
    if not inner:
        return
    chosen = data.draw(st.sampled_from(inner))

    def visit(old: Node, node: Node) -> Node:
        return apply("cos", node) if old is chosen else node

    edited = read_back(sweep(graph, visit))
    found = difference_of(graph, edited)
    readers = set(graph.users[chosen])
    results = list(graph.results).count(chosen)
    # Of a named node the new one has the name.
    renamed = 2 if chosen.name is not None else 0
    assert len(found.changes) <= 1 + len(readers) + results + renamed, str(found)
    assert count(found, Kind.ADDED) - count(found, Kind.REMOVED) == 1


@settings(max_examples=50)
@given(graphs(), st.data())
def test_a_literal_that_was_changed_is_what_is_reported(graph, data):
    inner = [node for node in graph.nodes if node.type.dtype.is_float and node.operands]
    if not inner:
        return
    chosen = data.draw(st.sampled_from(inner))

    def scaled(by: float) -> Graph:
        return sweep(graph, lambda old, node: apply("mul", node, by) if old is chosen else node)

    found = difference_of(read_back(scaled(3.5)), read_back(scaled(7.25)))
    assert [change.kind for change in found.changes] == [Kind.CHANGED], str(found)
    assert "mul(3.5)" in found.changes[0].sentence
    assert "mul(7.25)" in found.changes[0].sentence


@settings(max_examples=50)
@given(graphs(), st.data())
def test_a_name_that_was_changed_is_what_is_reported(graph, data):
    inner = [node for node in graph.nodes if node.operands]
    if not inner:
        return
    chosen = data.draw(st.sampled_from(inner))
    edited = sweep(graph, lambda old, node: node.named("a new name") if old is chosen else node)
    found = difference_of(graph, read_back(edited))
    assert [change.kind for change in found.changes] == [Kind.RENAMED], str(found)


def small(scale: float = 2.0, *, is_bent: bool = False, weight: float = 1.0) -> Graph:
    x = input_node("x", TensorType(FLOAT64, (symbol("batch"), 3)))
    w = parameter_node(np.full(3, weight), "w")
    with scope("layer"):
        h = apply("tanh", apply("mul", x, w))
    h = apply("abs", h) if is_bent else h
    loss = reduce(Reducer.SUM, apply("mul", h, scale), [0, 1])
    return Graph.of([loss], [(w, apply("sub", w, 0.5))])


def test_the_text_is_like_that_of_diff_with_one_name_for_a_value_on_both_sides():
    assert str(difference_of(small(), small(is_bent=True), names=("before", "after"))) == (
        "--- before\n+++ after\n@ 2\n"
        "  %0 = mul(%x, %w) : f64[batch,3]    # layer\n"
        "  %1 = tanh(%0) : f64[batch,3]    # layer\n"
        "+ %7 = abs(%1) : f64[batch,3]\n"
        "- %2 = mul(%1, 2.0) : f64[batch,3]\n"
        "+ %2 = mul(%7, 2.0) : f64[batch,3]\n"
        "  %3[] = sum[i:batch, j:3] %2[i,j] : f64[]\n"
        "  %4 = sub(%w, 0.5) : f64[3]\n"
    )


def test_the_middle_of_a_chain_of_equal_ops_is_one_op_shorter():
    def chain(length: int) -> Graph:
        y = input_node("x", TensorType(FLOAT64, (3,)))
        for _ in range(length):
            y = apply("cos", y)
        return Graph.of([y])

    found = difference_of(chain(9), chain(8))
    assert count(found, Kind.REMOVED) == 1
    assert len(found.changes) == 2


def test_weights_with_other_numbers_are_told_apart_from_other_graphs():
    (change,) = difference_of(small(), small(weight=1.25)).changes
    assert change.kind is Kind.VALUE
    assert "0.25" in change.sentence


def test_a_graph_whose_arrays_are_not_known_differs_in_none_of_them():
    graph = small()
    assert not difference_of(graph, Graph.parse(str(graph)))


def test_another_scope_is_a_move():
    def graph(name: str) -> Graph:
        with scope(name):
            return Graph.of([apply("exp", input_node("x", TensorType(FLOAT64, (3,))))])

    found = difference_of(graph("a"), graph("b.c"))
    assert {change.kind for change in found.changes} == {Kind.MOVED}
    assert "from a to b.c" in found.changes[-1].sentence


def test_outputs_updates_and_the_order_of_inputs():
    x, y = (input_node(name, TensorType(FLOAT64, (3,))) for name in "xy")
    total = apply("add", x, y)
    left, right = Graph.of([total], inputs=[x, y]), Graph.of([total, x], inputs=[y, x])
    assert [str(change) for change in difference_of(left, right).changes] == [
        "result: the inputs are in another order: %y, %x",
        "result: output 1 is new: %x",
    ]
    without = Graph.of(small().outputs)
    assert any("update of %w is gone" in str(change) for change in difference_of(small(), without).changes)


def test_snapshots_that_share_nodes_are_matched_by_them():
    graph = small()
    edited = sweep(graph, lambda _, node: apply("exp", node) if node.op.name == "tanh" else node)
    found = difference_of(graph, edited)
    assert not found.is_guess
    assert all(a is b for a, b in found.pairs.items() if a in set(edited.nodes))
    assert difference_of(graph, read_back(edited)).is_guess


def test_what_a_caller_knows_is_taken():
    x = input_node("x", TensorType(FLOAT64, (3,)))
    left, right = Graph.of([apply("exp", x)]), Graph.of([apply("sin", apply("exp", x))])
    known = {left.outputs[0]: right.outputs[0]}
    assert difference_of(left, right, known).pairs[left.outputs[0]] is right.outputs[0]


def test_the_data_fits_into_json():
    found = json.loads(json.dumps(difference_of(small(), small(3.0)).to_dict()))
    assert found["differs"]
    assert found["changes"][0]["kind"] == "changed"


def test_a_long_chain_is_compared_without_recursion():
    def chain(scale: float) -> Graph:
        y = input_node("x", TensorType(FLOAT64, (3,)))
        for k in range(5_000):
            y = apply("mul", y, scale if k == 2_500 else 1.5)
        return Graph.of([y])

    assert [change.kind for change in difference_of(chain(2.0), chain(3.0)).changes] == [Kind.CHANGED]


@pytest.mark.parametrize("make", [lambda x: make_node(x.op, (), "z"), lambda x: apply("exp", x)])
def test_other_results_are_seen(make):
    x = input_node("x", TensorType(FLOAT64, (3,)))
    assert difference_of(Graph.of([x]), Graph.of([make(x)]))
