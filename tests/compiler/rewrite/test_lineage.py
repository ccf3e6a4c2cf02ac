"""Which node became which: exact through the gate, a guess where a graph was made by hand."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings

from compiler.ir.build import apply, input_node
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.types import FLOAT32, TensorType
from compiler.pipeline.contract import Report
from compiler.pipeline.manager import run_passes
from compiler.rewrite.lineage import guessed, traced
from compiler.rewrite.sweep import narrowed, origin_of, sweep
from compiler.schedule.target import Target
from passes import REWRITES
from tests.compiler.ir.strategies import graphs

VECTOR = TensorType(FLOAT32, (3,))


def chain(*atoms: str) -> list[Node]:
    nodes = [input_node("x", VECTOR)]
    for atom in atoms:
        nodes.append(apply(atom, nodes[-1]))
    return nodes


def replacing(atom: str, by: str):
    """A visit that replaces the nodes of an atom, and says so as the rules for passes ask."""

    def visit(old: Node, node: Node) -> Node:
        return apply(by, *node.operands, origin=origin_of(old, "p", by)) if node.op.name == atom else node

    return visit


def by_hand(graph: Graph, visit) -> Graph:
    """What `sweep` does, without an account."""
    swept = sweep(graph, visit)
    return Graph(swept.nodes, swept.inputs, swept.outputs, swept.updates)


@dataclass(frozen=True)
class Pass:
    act: object
    name: str = "p"

    def rewrite(self, graph: Graph, target: Target):
        return self.act(graph), Report()


def test_a_sweep_says_which_node_became_which():
    x, exp, neg, tanh = chain("exp", "neg", "tanh")
    before = Graph.of([tanh])
    after = sweep(before, replacing("neg", "abs"))
    assert after.lineage.before is before
    assert after.lineage.became == dict(zip((x, exp, neg, tanh), after.nodes, strict=True))
    assert after.lineage.is_exact
    assert [after.names.values[node] for node in after.nodes] == ["%x", "%0", "%3", "%2"]


def test_what_is_gone_is_not_in_it_and_what_is_merged_is_what_it_is_merged_into():
    x = input_node("x", VECTOR)
    one, two = apply("exp", x), apply("exp", x)
    last = apply("add", one, two)
    before = Graph.of([apply("neg", last)])
    after = sweep(before, lambda old, node: one if old is two else x if old is last else node)
    assert after.lineage.became == {x: x, last: x, before.outputs[0]: after.outputs[0]}


def test_a_name_that_is_handed_on_is_part_of_the_account():
    x = input_node("x", VECTOR)
    kept = apply("exp", x)
    answer = apply("neg", apply("tanh", kept), name="answer")
    before = Graph.of([kept, answer])
    after = sweep(before, lambda old, node: kept if old is answer else node)
    assert after.lineage.became[answer] is after.lineage.became[kept] is after.outputs[0]
    assert after.names.values[after.outputs[0]] == "%answer"
    assert after.lineage.before is before


def test_two_sweeps_of_one_pass_are_one_step_in_the_history():
    nodes = chain("neg", "abs", "exp")
    source = Graph.of([nodes[-1]])
    twice = Pass(lambda graph: sweep(sweep(graph, replacing("neg", "tanh")), replacing("abs", "sqrt")))
    schedule, (record,) = run_passes(source, [twice], Target())
    assert record.is_exact
    assert [record.became[node].op.name for node in nodes] == ["input", "tanh", "sqrt", "exp"]
    assert schedule.graph.lineage.before is source
    assert [schedule.graph.names.values[node] for node in schedule.graph.nodes] == ["%x", "%3", "%4", "%2"]


def test_a_pass_without_the_gate_is_a_guess_that_finds_the_same():
    nodes = chain("exp", "neg", "tanh", "abs")
    source = Graph.of([nodes[-1]])
    change = replacing("neg", "abs")
    schedule, (record,) = run_passes(source, [Pass(lambda graph: by_hand(graph, change))], Target())
    assert not record.is_exact
    assert [record.became[node].op.name for node in nodes] == ["input", "exp", "abs", "tanh", "abs"]
    assert record.became == dict(zip(nodes, schedule.graph.nodes, strict=True))


def test_a_guess_goes_by_results_and_structure_where_nobody_says_for_whom():
    x, exp, neg, tanh = chain("exp", "neg", "tanh")
    source = Graph.of([tanh])
    silent = by_hand(source, lambda old, node: apply("abs", *node.operands) if old is neg else node)
    assert guessed(source, silent) == {x: x, exp: exp, tanh: silent.outputs[0]}


def test_a_guess_never_gives_a_node_another_type_or_another_graphs_node():
    _, exp, neg = chain("exp", "neg")
    scalar = TensorType(FLOAT32, ())
    source = Graph.of([neg])
    other = apply("exp", input_node("x", scalar), origin=Origin(maker="p", of=exp))
    after = Graph.of([other])
    assert guessed(source, after) == {}


def test_gradients_are_made_of_forward_nodes_and_not_for_them():
    x, exp = chain("exp")
    slope = make_node(exp.op, [exp], origin=Origin(maker="grad", of=exp))
    assert guessed(Graph.of([x, exp]), Graph.of([x, slope, apply("neg", exp)])).get(exp) is exp


def test_an_account_of_another_graph_is_none():
    source, stranger = Graph.of([chain("exp")[-1]]), Graph.of([chain("exp", "abs")[-1]])
    after = sweep(stranger, replacing("abs", "neg"))
    assert not traced(source, after).lineage.is_exact


def test_a_narrowed_graph_keeps_its_nodes():
    x, exp, _neg = chain("exp", "neg")
    before = Graph((x, exp, _neg), (x,), (exp,), ())
    after = narrowed(before, {x, exp})
    assert after.nodes == (x, exp)
    assert after.lineage.became == {x: x, exp: exp}


@pytest.mark.parametrize("pass_", REWRITES, ids=lambda pass_: pass_.name)
@settings(max_examples=20)
@given(graph=graphs())
def test_accounts_of_random_graphs_hold(pass_, graph):
    _, (record,) = run_passes(graph, [pass_], Target())
    after = record.graph
    assert record.is_exact
    assert set(record.became) <= set(graph.nodes)
    assert set(record.became.values()) <= set(after.nodes)
    assert all(old.type == new.type for old, new in record.became.items())
    assert tuple(record.became[node] for node in graph.results) == after.results
    names = [after.names.values[node] for node in after.nodes]
    assert len(set(names)) == len(names)
    again = Graph.parse(str(after), after.arrays, after.calls)
    assert str(again) == str(after)


@settings(max_examples=20)
@given(graph=graphs())
def test_a_guess_agrees_with_the_account_on_what_stays_and_on_the_results(graph):
    for pass_ in REWRITES:
        after, _ = pass_.rewrite(graph, Target())
        found = guessed(graph, after)
        assert set(found.values()) <= set(after.nodes)
        assert tuple(found[node] for node in graph.results) == after.results or len(set(graph.results)) < len(
            graph.results
        )
        assert all(found[node] is node for node in graph.nodes if node in set(after.nodes))
