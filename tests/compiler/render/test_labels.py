"""What stands in a box is derived from the op."""

import numpy as np
import pytest

from compiler.ir.build import apply, constant_node, contract, input_node, reduce
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin, SourceLine, make_node
from compiler.ir.op import Call, Index, Reducer, Reshape, Size, Transpose
from compiler.ir.types import FLOAT32, tensor_type
from compiler.render.labels import count_ops, expression, label, shortened, tooltip
from tests.compiler.render.graphs import GELU

X = input_node("x", tensor_type("f32", ["batch", 4]))
W = input_node("w", tensor_type("f32", [4, 3]))
ONE_HOT = parse_formula("one_hot(c, j) = where(c == j, 1.0, 0.0)")


def shown(node: Node) -> str:
    return expression(node, Graph.of([node]).names)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (apply("add", X, X), "x + x"),
        (apply("mul", X, 0.5), "x * 0.5"),
        (apply("sub", X, -2.0), "x - (-2.0)"),
        (apply("pow", X, 2), "x ** 2"),
        (apply("exp", X), "exp(x)"),
        (apply(GELU, X), "x * normcdf(x)"),
        (apply("div", X, Size(X.type.shape[0])), "x / batch"),
        (apply("div", X, Size(X.type.size)), "x / (4*batch)"),
        (apply("add", X, 1e-8), "x + 1e-08"),
        (apply(ONE_HOT, X, Index(1)), "where(x[i,j] == j, 1.0, 0.0)"),
        (reduce(Reducer.SUM, X, [1]), "sum[j] x[i,j]"),
        (reduce(Reducer.MAX, X, [0, 1]), "max[i,j] x[i,j]"),
        (contract([X, W], [(0, 2), (2, 1)], (0, 1), (X.type.shape[0], 3, 4)), "sum[k] x[i,k] * w[k,j]"),
        (make_node(Transpose((1, 0)), [X]), "transpose(x, order=[1, 0])"),
        (make_node(Reshape((X.type.size,)), [X]), "reshape(x, shape=[4*batch])"),
        (make_node(Call("sort", np.sort, X.type), [X]), "sort(x)"),
        (constant_node(2.5, FLOAT32), "2.5"),
        (constant_node([1.0, 2.0], FLOAT32), "[1.0, 2.0]"),
        (constant_node(np.zeros(100), FLOAT32), ""),
        (X, ""),
    ],
)
def test_expression(node, text):
    assert shown(node) == text


def test_a_nameless_operand_goes_by_its_number_in_the_text():
    node = apply("exp", apply("neg", X))
    assert shown(node) == "exp(%0)"


@pytest.mark.parametrize("name", ["loss", "a b", 'say "x"', "", "%7", "λ"])
def test_a_name_is_shown_as_it_is(name):
    node = apply("exp", X, name=name)
    assert label(node, Graph.of([node]).names) == (name or '""')


def test_twins_are_told_apart():
    first, second = apply("exp", X, name="y"), apply("neg", X, name="y")
    names = Graph.of([first, second]).names
    assert label(first, names) == "y"
    assert label(second, names).startswith("y")
    assert label(second, names) != "y"


def test_a_long_text_is_cut_and_its_tooltip_is_whole():
    long = parse_formula("long(x) = " + " + ".join(f"sin(x * {k}.5)" for k in range(9)))
    node = apply(long, X)
    names = Graph.of([node]).names
    assert len(shortened(shown(node))) == 44
    assert shortened(shown(node)).endswith("…")
    assert str(long) in tooltip(node, names)


def test_a_tooltip_has_line_formula_source_and_rule():
    forward = apply(GELU, X, name="h", origin=Origin(SourceLine("/a/folder/train.py", 12)))
    backward = apply(
        "mul", forward, 2.0, origin=Origin(forward.origin.source, "grad", "gelu' by x", forward, 0)
    )
    names = Graph.of([backward]).names
    assert tooltip(forward, names).splitlines() == [
        "%h = gelu(%x) : f32[batch,4]",
        "gelu(x) = x * normcdf(x)",
        "train.py:12",
    ]
    assert tooltip(backward, names).splitlines() == [
        "%0 = mul(%h, 2.0) : f32[batch,4]",
        "train.py:12",
        "made by grad (gelu' by x) from %h, operand 0",
    ]


def test_ops_are_counted_without_leaves():
    total = apply("mul", apply("mul", X, X), apply("exp", X))
    assert count_ops(Graph.of([total]).nodes) == "3 ops: 2 mul, exp"
    assert count_ops([apply("exp", X)]) == "1 op: exp"
