"""The backward walk: what is passed on, in which order, and what is refused."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.autodiff.backward import gradient
from compiler.errors import GradientError
from compiler.ir.build import apply, cast, constant_node, input_node, reduce
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import Call, Gather, Reducer
from compiler.ir.types import BOOL, FLOAT64, INT64, TensorType
from compiler.ir.verify import verify

VECTOR = TensorType(FLOAT64, (3,))
SCALAR = TensorType(FLOAT64, ())


def scalar(name: str = "x") -> Node:
    return input_node(name, SCALAR)


def text_of(*nodes: Node) -> str:
    return str(Graph.of(nodes))


def test_a_gradient_reads_as_the_rule_that_made_it():
    x = scalar()
    (slope,) = gradient(apply("exp", x), [x])
    assert slope is not None
    assert text_of(slope).splitlines()[-2:] == ['%1 = "exp\'"(%0, %x) : f64[]'.replace('"', ""), "return %1"]


def test_a_gradient_obeys_the_laws_and_knows_where_it_is_from():
    x = scalar()
    y = apply("mul", apply("sin", x), x)
    (slope,) = gradient(y, [x])
    graph = Graph.of([slope])
    verify(graph)
    made = [node for node in graph.nodes if node.origin.maker == "grad" and node.operands]
    assert made
    assert all(node.origin.of is not None for node in made)
    assert {node.origin.operand for node in made} >= {0, 1}


def test_a_value_used_twice_sums_its_cotangents():
    x = scalar()
    y = apply("add", apply("mul", x, 2.0), apply("mul", x, 3.0))
    program = tt.compile([tt.Tensor(x)], tt.Tensor(gradient(y, [x])[0]), backend="reference")
    assert program(7.0) == 5.0


def test_the_output_itself_has_the_seed():
    x = scalar()
    y = apply("exp", x)
    seed = scalar("seed")
    assert gradient(y, [y], seed) == [seed]


def test_what_is_not_reached_has_none():
    x, y = scalar("x"), scalar("y")
    assert gradient(apply("exp", x), [y]) == [None]
    assert gradient(apply("stop", x), [x]) == [None]
    assert gradient(apply("floor", apply("stop", x)), [x]) == [None]


def test_what_is_reached_without_a_slope_has_zeros():
    v = input_node("v", VECTOR)
    flat = {name: apply(name, v) for name in ("sign", "floor", "ceil", "round")}
    flat |= {"power": apply("pow", v, 0), "multiple": apply("mul", v, 0.0)}
    flat["comparison"] = cast(apply("lt", v, 1.0), FLOAT64)
    flat["condition"] = apply("where", apply("lt", v, 1.0), 2.0, 3.0, dtype=FLOAT64)
    flat["place"] = apply("mul", cast(reduce(Reducer.ARGMAX, v, [0]), FLOAT64), 2.0)
    flat["index"] = make_node(Gather(0), [constant_node(np.ones(5), FLOAT64), cast(v, INT64)])
    flat["far"] = apply("exp", apply("sin", apply("floor", apply("sin", v))))
    seed = scalar("seed")
    for name, node in flat.items():
        total = node if node.type == SCALAR else reduce(Reducer.SUM, node, [0])
        (slope,) = gradient(total, [v], seed)
        assert slope is not None, name
        assert slope.type == VECTOR
        program = tt.compile([tt.Tensor(v)], tt.Tensor(slope), backend="reference")
        np.testing.assert_array_equal(program(np.array([0.5, 1.5, 2.5])), np.zeros(3), name)


def test_zeros_do_not_stand_in_for_a_slope_on_another_path():
    x = scalar()
    (slope,) = gradient(apply("add", apply("floor", x), apply("mul", x, 3.0)), [x])
    assert slope is not None
    assert not [node for node in Graph.of([slope]).nodes if node.origin.rule.startswith("nothing")]
    assert tt.compile([tt.Tensor(x)], tt.Tensor(slope), backend="reference")(0.5) == 3


def test_nothing_passes_through_integers_and_bools():
    x = scalar()
    through = apply("lt", x, 1.0)
    assert through.type.dtype is BOOL
    picked = apply("where", through, x, 0.0)
    (slope,) = gradient(picked, [x])
    assert slope is not None
    index = reduce(Reducer.ARGMAX, input_node("v", VECTOR), [0])
    assert index.type.dtype is INT64
    (slope,) = gradient(apply("mul", index, 1.0), [index.operands[0]])
    assert slope is not None
    assert tt.compile([], tt.Tensor(slope), backend="reference")().tolist() == [0, 0, 0]


def test_a_seed_of_another_type_is_refused():
    x = input_node("x", VECTOR)
    with pytest.raises(GradientError, match=r"the seed is f64\[\] and the output is f64\[3\]"):
        gradient(apply("exp", x), [x], constant_node(np.ones(()), FLOAT64))


def test_integers_have_no_gradient():
    x = input_node("x", TensorType(INT64, ()))
    with pytest.raises(GradientError, match=r"only floating values have gradients: %x : i64\[\]"):
        gradient(x, [x])


def test_a_call_without_a_gradient_is_refused_only_where_it_is_passed():
    x = scalar()
    call = make_node(Call("solve", np.negative, SCALAR), [x])
    with pytest.raises(GradientError, match=r"solve is an opaque call without a gradient(.|\n)*cut the path"):
        gradient(call, [x])
    assert gradient(apply("mul", call, x), [call]) != [None]
    assert gradient(apply("stop", call), [x]) == [None]


def test_a_calls_own_gradient_is_used_and_checked():
    x = scalar()

    def right(cotangent: Node, operand: Node) -> list[Node]:
        return [apply("mul", cotangent, apply("cos", operand))]

    call = make_node(Call("sine", np.sin, SCALAR, right), [x])
    program = tt.compile([tt.Tensor(x)], tt.Tensor(gradient(call, [x])[0]), backend="reference")
    np.testing.assert_allclose(program(1.0), np.cos(1.0))
    wrong = make_node(Call("sine", np.sin, SCALAR, lambda g, x: [apply("neg", g, dtype=INT64)]), [x])
    with pytest.raises(GradientError, match=r"the gradient of sine by operand 0 is i64\[\]"):
        gradient(wrong, [x])


def test_any_order():
    x = scalar()
    node = apply("sin", x)
    for _ in range(4):
        (found,) = gradient(node, [x])
        assert found is not None
        node = found
    program = tt.compile([tt.Tensor(x)], tt.Tensor(node), backend="reference")
    np.testing.assert_allclose(program(0.3), np.sin(0.3))


def test_what_was_not_chosen_has_no_share_in_a_cotangent():
    p, x, y = tt.input("p", (3,), "bool"), tt.input("x", (3,), "float64"), tt.input("y", (3,), "float64")
    seed = tt.constant(np.array([np.inf, np.nan, 2.0]))
    slopes = tt.grad(tt.where(p, x, y), [x, y], seed=seed)
    program = tt.compile([p, x, y], slopes, backend="reference")
    found = program(np.array([True, False, True]), np.zeros(3), np.zeros(3))
    np.testing.assert_array_equal(found, [[np.inf, 0, 2], [0, np.nan, 0]])
