"""Graph: what is reachable, in creation order, immutable, queried through networkx."""

import networkx
import numpy as np
import pytest

from compiler.ir.build import apply, constant_node, input_node, parameter_node
from compiler.ir.graph import Graph, reachable
from compiler.ir.node import Node
from compiler.ir.types import FLOAT32, TensorType

VECTOR = TensorType(FLOAT32, (3,))


@pytest.fixture
def diamond() -> tuple[Node, Node, Node, Node]:
    x = input_node("x", VECTOR)
    left, right = apply("sin", x), apply("cos", x)
    return x, left, right, apply("add", right, left)


def test_nodes_are_those_that_are_reachable_in_creation_order(diamond):
    x, left, right, total = diamond
    apply("neg", left)  # nothing reads it
    assert Graph.of([total]).nodes == (x, left, right, total)
    assert reachable([left]) == {x, left}
    assert Graph.of([]).nodes == ()


def test_users_stand_once_for_each_operand_position(diamond):
    x, left, right, total = diamond
    square = apply("mul", total, total)
    users = Graph.of([square]).users
    assert users[x] == (left, right)
    assert users[total] == (square, square)
    assert users[square] == ()


def test_networkx_sees_edges_by_position_and_is_frozen(diamond):
    _, left, right, total = diamond
    network = Graph.of([apply("mul", total, total)]).network
    assert set(network.edges(keys=True)) >= {(right, total, 0), (left, total, 1)}
    assert network.out_degree(total) == 2
    assert networkx.is_directed_acyclic_graph(network)
    with pytest.raises(networkx.NetworkXError):
        network.add_node("more")


def test_inputs_are_the_declared_ones_then_those_that_are_found():
    x, y, z = (input_node(name, VECTOR) for name in "xyz")
    total = apply("add", x, y)
    assert Graph.of([total]).inputs == (x, y)
    assert Graph.of([total], inputs=[z, y]).inputs == (z, y, x)


def test_results_are_outputs_then_the_values_of_updates():
    w = parameter_node(np.zeros(3, np.float32), "w")
    value, output = apply("neg", w), apply("abs", w)
    graph = Graph.of([output], [(w, value)])
    assert graph.results == (output, value)
    assert graph.parameters == (w,)
    assert graph.updates == ((w, value),)


def test_a_graph_is_rebuilt_in_order(diamond):
    graph = Graph.of([diamond[-1]])
    same = graph.rebuilt(lambda node, operands: node)
    assert same.nodes == graph.nodes
    seen: list[Node] = []

    def negate(node: Node, operands: tuple[Node, ...]) -> Node:
        seen.append(node)
        return apply("neg", operands[0]) if len(operands) == 2 else node

    assert graph.rebuilt(negate).outputs[0].op.name == "neg"
    assert tuple(seen) == graph.nodes


def test_snapshots_share_nodes(diamond):
    assert Graph.of([diamond[1]]).nodes[0] is Graph.of([diamond[2]]).nodes[0]


def test_repr_is_short_and_str_is_the_text(diamond):
    graph = Graph.of([diamond[-1]])
    assert repr(graph) == "<Graph of 4 nodes, 1 inputs, 1 outputs>"
    assert str(graph).startswith("%x = input : f32[3]\n")
    assert len(graph) == 4


def test_a_constant_is_equal_to_one_of_the_same_bits():
    one, two = constant_node([0.0], FLOAT32), constant_node([0.0], FLOAT32)
    assert one.op == two.op
    assert one.op != constant_node([-0.0], FLOAT32).op
    assert one.op != constant_node([[0.0]], FLOAT32).op
