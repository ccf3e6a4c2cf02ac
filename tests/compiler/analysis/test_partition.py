import random

import networkx
import pytest

from compiler.analysis.partition import LIMIT, Partition
from compiler.ir.build import apply, input_node
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.types import FLOAT32, TensorType


def random_graph(seed: int, count: int) -> Graph:
    chance = random.Random(seed)
    nodes = [input_node("x", TensorType(FLOAT32, (3,)))]
    for _ in range(count):
        nodes.append(apply("add", chance.choice(nodes[-6:]), chance.choice(nodes)))
    return Graph.of(nodes)


def is_convex(graph: Graph, group: set[Node]) -> bool:
    """By the definition, with every path of the graph closed beforehand."""
    closure = networkx.transitive_closure_dag(networkx.DiGraph(graph.network))
    others = [node for node in graph.nodes if node not in group]
    return not any(
        any(closure.has_edge(a, node) for a in group) and any(closure.has_edge(node, b) for b in group)
        for node in others
    )


@pytest.mark.parametrize("seed", range(30))
def test_a_merge_of_two_nodes_is_allowed_if_and_only_if_they_are_convex(seed: int) -> None:
    graph = random_graph(seed, 9)
    nodes = [node for node in graph.nodes if node.operands]
    for left in range(len(nodes)):
        for right in range(left + 1, len(nodes)):
            groups = Partition(graph, [[node] for node in nodes])
            assert groups.may_merge(left, right) == is_convex(graph, {nodes[left], nodes[right]})


@pytest.mark.parametrize("seed", range(30))
def test_groups_that_were_merged_when_allowed_can_be_put_in_order(seed: int) -> None:
    graph = random_graph(seed, 30)
    nodes = [node for node in graph.nodes if node.operands]
    groups = Partition(graph, [[node] for node in nodes])
    chance = random.Random(seed)
    for _ in range(60):
        left, right = (groups.group_of[node] for node in chance.sample(nodes, 2))
        if left != right and groups.may_merge(left, right):
            groups.merge(left, right)
    found = groups.in_order()
    assert len(found) < len(nodes)
    known = {node for node in graph.nodes if not node.operands}
    for group in found:
        assert all(set(node.operands) <= known | set(group) for node in group)
        known.update(group)
    assert len(known) == len(graph.nodes)
    for group in found:
        assert is_convex(graph, set(group))


@pytest.mark.parametrize("seed", range(20))
def test_groups_may_merge_if_and_only_if_no_path_leaves_both_and_comes_back(seed: int) -> None:
    graph = random_graph(seed, 24)
    nodes = [node for node in graph.nodes if node.operands]
    groups = Partition(graph, [[node] for node in nodes])
    chance = random.Random(seed)
    answers: set[bool] = set()
    for _ in range(40):
        left, right = (groups.group_of[node] for node in chance.sample(nodes, 2))
        if left == right:
            continue
        answers.add(groups.may_merge(left, right))
        between = networkx.DiGraph(
            (groups.group_of[x], groups.group_of[node])
            for node in nodes
            for x in node.operands
            if x.operands and groups.group_of[x] != groups.group_of[node]
        )
        between.add_nodes_from(groups.members)
        between.remove_edges_from([(left, right), (right, left)])
        is_passed = networkx.has_path(between, left, right) or networkx.has_path(between, right, left)
        assert groups.may_merge(left, right) is not is_passed
        if not is_passed:
            groups.merge(left, right)
    assert answers == {True, False}


def test_a_path_too_long_to_be_ruled_out_counts_as_one() -> None:
    x, y = (input_node(name, TensorType(FLOAT32, (3,))) for name in "xy")
    first, far = apply("neg", x), apply("exp", y)
    left, right = first, far
    for _ in range(LIMIT + 2):
        left, right = apply("neg", left), apply("neg", right)
    graph = Graph.of([left, right])
    groups = Partition(graph, [[node] for node in graph.nodes if node.operands])
    assert not groups.may_merge(groups.group_of[first], groups.group_of[right])
    assert groups.visits <= LIMIT + 1
