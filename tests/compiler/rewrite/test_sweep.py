"""A sweep visits each node once, keeps order, names and what did not change, and never recurses."""

import pytest

from compiler.ir.build import apply, input_node
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.types import FLOAT32, TensorType
from compiler.ir.verify import verify
from compiler.rewrite.sweep import sweep
from compiler.schedule.target import Target
from passes import REWRITES

VECTOR = TensorType(FLOAT32, (3,))


def chain(length: int) -> Graph:
    node = input_node("x", VECTOR)
    for number in range(length):
        node = apply(("tanh", "neg")[number % 2], node)
    return Graph.of([node])


def doubling(depth: int) -> Graph:
    """x + x, `depth` times: 2 ** depth paths."""
    node = input_node("x", VECTOR)
    for _ in range(depth):
        node = apply("add", node, node)
    return Graph.of([node])


class Counting:
    """Replaces the nodes of an atom and counts its visits."""

    def __init__(self, atom: str = "", by: str = "") -> None:
        self.visits = 0
        self.atom = atom
        self.by = by

    def __call__(self, old: Node, node: Node) -> Node:
        self.visits += 1
        return apply(self.by, *node.operands) if node.op.name == self.atom else node


@pytest.mark.parametrize("graph", [chain(50_000), doubling(100)], ids=["chain", "doubling"])
def test_each_node_is_visited_once(graph):
    visit = Counting("add", "mul")
    sweep(graph, visit)
    assert visit.visits == len(graph)


def test_a_graph_without_changes_is_the_same_object():
    graph = chain(10)
    assert sweep(graph, Counting()) is graph


def test_nodes_before_a_change_stay_and_those_behind_it_are_made_anew():
    x = input_node("x", VECTOR)
    nodes = [x]
    for atom in ("exp", "neg", "tanh"):
        nodes.append(apply(atom, nodes[-1]))
    after = sweep(Graph.of([nodes[-1]]), Counting("neg", "abs"))
    assert [node.op.name for node in after.nodes] == ["input", "exp", "abs", "tanh"]
    assert [node in nodes for node in after.nodes] == [True, True, False, False]
    verify(after)


def test_a_new_node_stands_where_the_old_one_stood():
    x, y = input_node("x", VECTOR), input_node("y", VECTOR)
    first, second = apply("neg", x), apply("exp", y)
    graph = Graph.of([first, second, apply("add", first, second)])
    after = sweep(graph, Counting("neg", "abs"))
    assert [node.op.name for node in after.nodes] == ["input", "input", "abs", "exp", "add"]


def test_a_name_goes_to_what_takes_the_place_of_its_node():
    x = input_node("x", VECTOR)
    kept = apply("exp", x)
    before = Graph.of([kept, apply("neg", apply("tanh", kept), name="answer")])
    fresh = sweep(before, Counting("neg", "abs"))
    assert [node.name for node in fresh.outputs] == [None, "answer"]

    shared = sweep(before, lambda old, node: kept if old.name == "answer" else node)
    assert [node.name for node in shared.outputs] == ["answer", "answer"]
    assert shared.outputs[0] is shared.outputs[1]


def test_inputs_keep_their_names():
    x = input_node("x", VECTOR)
    after = sweep(Graph.of([apply("neg", x, name="answer")]), lambda old, node: x if old.operands else node)
    assert after.outputs == (x,)


def test_what_is_needed_no_more_is_gone_and_declared_inputs_stay():
    x, y = input_node("x", VECTOR), input_node("y", VECTOR)
    graph = Graph.of([apply("add", x, apply("exp", y))], (), [y, x])
    after = sweep(graph, lambda old, node: x if old.op.name == "add" else node)
    assert after.nodes == (x, y)
    assert after.inputs == (y, x)


@pytest.mark.parametrize("pass_", REWRITES, ids=lambda pass_: pass_.name)
@pytest.mark.parametrize("graph", [chain(50_000), doubling(100)], ids=["chain", "doubling"])
def test_every_rewrite_survives_depth(pass_, graph):
    after, _ = pass_.rewrite(graph, Target())
    assert len(after) <= len(graph)


@pytest.mark.parametrize("pass_", REWRITES, ids=lambda pass_: pass_.name)
def test_the_work_of_a_rewrite_is_linear(pass_):
    """Twice the nodes, twice the calls: counted, not timed."""
    short, long = (calls_of(pass_, chain(length)) for length in (1000, 2000))
    assert long < 2.1 * short


def calls_of(pass_, graph: Graph) -> int:
    import sys

    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        pass_.rewrite(graph, Target())
    finally:
        sys.setprofile(before)
    return calls
