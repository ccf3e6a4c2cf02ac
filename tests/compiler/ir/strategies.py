"""Graphs drawn by hypothesis for the text form: any names, literals, extents and kinds of op."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from compiler.ir.build import apply, broadcast, constant_node, contract, input_node, parameter_node, reduce
from compiler.ir.dims import symbol
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import (
    Access,
    Call,
    Combine,
    Concatenate,
    Gather,
    Index,
    Insert,
    MapReduce,
    Pad,
    Parameter,
    Reducer,
    Reshape,
    Scatter,
    ScatterAdd,
    Size,
    Slice,
    Transpose,
)
from compiler.ir.scope import scope
from compiler.ir.types import FLOAT32, FLOAT64, INT64, TensorType

N = symbol("n")
SHAPE = (N, 3)
AWKWARD = [
    *"%@~#\"\\:[](){}=,'",
    "~2",
    "2",
    "x~2",
    "a b",
    "\n",
    "\u2028",
    "\ud800",
    "λ",
    "return",
    "input",
    "x.2",
]
NAMES = st.none() | st.sampled_from(AWKWARD) | st.text(min_size=1, max_size=4) | st.sampled_from(["x", "y"])
SCOPES = st.sampled_from([item for item in AWKWARD if item.strip(".")]) | st.sampled_from(
    ["a", "a.b", "a.0", "b"]
)
FLOATS = st.floats(width=32) | st.sampled_from([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 5e-324])
LITERALS = FLOATS | st.integers(-(2**31), 2**31)
FORMULAS = [
    parse_formula("twice(x) = 2 * x"),
    parse_formula("twice(x) = x + x"),
    parse_formula("exp(x) = x * x"),
    parse_formula("reshape(x) = -(2 - x)"),
    parse_formula("odd(x) = where(isnan(x), -0.0, x / inf)"),
]
OPAQUE = Call("solve", np.negative, TensorType(FLOAT64, SHAPE))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph of float64 matrices `[n, 3]` and what is made of them on the way."""
    leaves = [_leaf(draw) for _ in range(draw(st.integers(1, 4)))]
    nodes = [input_node("first", TensorType(FLOAT64, SHAPE)), *leaves]
    for _ in range(draw(st.integers(0, 8))):
        with scope(draw(SCOPES)), scope(draw(SCOPES)):
            node = draw(st.sampled_from(STEPS))(draw, nodes)
        nodes.append(node.named(draw(NAMES)) if node.operands else node)
    outputs = draw(st.lists(st.sampled_from(nodes), max_size=3))
    targets = draw(st.sets(st.sampled_from(leaves)))
    updates = [
        (node, apply("neg", node)) for node in leaves if node in targets and node.op.name == "parameter"
    ]
    inputs = [node for node in Graph.of(outputs, updates).nodes if node.op.name == "input"]
    return Graph.of(outputs, updates, draw(st.permutations(inputs)))


def _leaf(draw: st.DrawFn) -> Node:
    kind, name = draw(st.sampled_from(["input", "parameter", "constant"])), draw(NAMES)
    if kind == "input":
        return input_node(name or "named", TensorType(FLOAT64, SHAPE))
    shape = draw(st.sampled_from([(3,), (1, 3), (), (1, 1)]))
    values = draw(st.lists(FLOATS, min_size=3, max_size=3))
    array = np.resize(np.array(values, np.float64), shape)
    return parameter_node(array, name) if kind == "parameter" else constant_node(array, FLOAT64, name)


def _matrix(draw: st.DrawFn, nodes: list[Node]) -> Node:
    return broadcast(draw(st.sampled_from(nodes)), SHAPE)


def _map(draw: st.DrawFn, nodes: list[Node]) -> Node:
    return apply(draw(st.sampled_from(FORMULAS)), draw(st.sampled_from(nodes)))


def _binary(draw: st.DrawFn, nodes: list[Node]) -> Node:
    left = draw(st.sampled_from(nodes))
    right: Any = draw(st.sampled_from(nodes) | LITERALS)
    return apply(draw(st.sampled_from(["add", "mul", "maximum", "div"])), left, right)


def _indexed(draw: st.DrawFn, nodes: list[Node]) -> Node:
    formula = parse_formula("indexed(x, i, n) = where(i < n, x, nan)")
    arguments = (
        Access((0, 1)),
        Index(draw(st.integers(0, 1))),
        Size(draw(st.sampled_from([N, 2 * N + 1, 3]))),
    )
    return make_node(MapReduce(formula, arguments, SHAPE, (0, 1), FLOAT64), [_matrix(draw, nodes)])


def _reduced(draw: st.DrawFn, nodes: list[Node]) -> Node:
    reducer = draw(st.sampled_from([Reducer.SUM, Reducer.MAX, Reducer.MIN]))
    axes = draw(st.sampled_from([[0], [1], [0, 1]]))
    return broadcast(reduce(reducer, _matrix(draw, nodes), axes, keepdims=True), SHAPE)


def _contracted(draw: st.DrawFn, nodes: list[Node]) -> Node:
    left, right = _matrix(draw, nodes), _matrix(draw, nodes)
    gram = contract([left, right], [[0, 1], [0, 2]], [1, 2], [N, 3, 3])
    return contract([left, gram], [[0, 1], [1, 2]], [0, 2], [N, 3, 3])


def _moved(draw: st.DrawFn, nodes: list[Node]) -> Node:
    node = _matrix(draw, nodes)
    turned = make_node(Transpose((1, 0)), [make_node(Reshape((3, N)), [node])])
    sliced = make_node(Slice((N - 1, 0), (N, 3), (-1, 1)), [turned])
    padded = make_node(Pad((1, 0), (0, 0), (0, 0), draw(FLOATS)), [sliced])
    return make_node(Slice((1, 0), (N, 3), (1, 1)), [make_node(Concatenate(0), [padded])])


def _gathered(draw: st.DrawFn, nodes: list[Node]) -> Node:
    index = constant_node(np.array([2, 0, 1]), INT64)
    batched = make_node(Gather(1, batched=True), [_matrix(draw, nodes), broadcast(index, SHAPE)])
    added = make_node(ScatterAdd(1, 3), [index, batched])
    combine = draw(st.sampled_from(list(Combine)))
    scattered = make_node(Scatter(1, combine), [added, index, batched])
    return make_node(Insert((0, draw(st.integers(0, 2))), (1, 2)), [scattered, _column(added)])


def _column(node: Node) -> Node:
    return make_node(Slice((0, 0), (N, 1), (1, 1)), [node])


def _called(draw: st.DrawFn, nodes: list[Node]) -> Node:
    op = draw(
        st.sampled_from([OPAQUE, Call("solve", np.positive, OPAQUE.type), Call("a(b", abs, OPAQUE.type)])
    )
    return make_node(op, [_matrix(draw, nodes)])


def _cast(draw: st.DrawFn, nodes: list[Node]) -> Node:
    node = apply("neg", draw(st.sampled_from(nodes)), dtype=FLOAT32)
    return apply(parse_formula("cast(x) = x"), node, dtype=FLOAT64)


STEPS = [_map, _binary, _indexed, _reduced, _contracted, _moved, _gathered, _called, _cast]


def same(left: Graph, right: Graph) -> bool:
    """Whether two graphs have equal nodes in one order, wired and scoped alike, parameters equal by bits."""
    number = {node: k for k, node in enumerate(left.nodes)}, {node: k for k, node in enumerate(right.nodes)}
    shapes = [
        [
            (_op(node), node.type, node.name, [numbers[operand] for operand in node.operands])
            for node in graph.nodes
        ]
        for graph, numbers in zip((left, right), number, strict=True)
    ]
    ends = [
        [
            [numbers[node] for node in graph.inputs],
            [numbers[node] for node in graph.outputs],
            [(numbers[a], numbers[b]) for a, b in graph.updates],
        ]
        for graph, numbers in zip((left, right), number, strict=True)
    ]
    scopes = [[graph.scopes[node] for node in graph.nodes] for graph in (left, right)]
    return shapes[0] == shapes[1] and ends[0] == ends[1] and scopes[0] == scopes[1]


def _op(node: Node) -> Any:
    return node.op.buffer.array.tobytes() if isinstance(node.op, Parameter) else node.op
