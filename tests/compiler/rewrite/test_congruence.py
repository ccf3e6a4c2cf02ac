"""Nodes share a key only if they have the same value."""

import math

import numpy as np
import pytest

from compiler.ir.build import apply, constant_node, input_node, reduce
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import make_node
from compiler.ir.op import Pad, Reducer, Reshape
from compiler.ir.types import FLOAT32, FLOAT64, TensorType
from compiler.rewrite.congruence import value_key

X, Y = (input_node(name, TensorType(FLOAT32, (3, 3))) for name in "xy")


def padded(value: float):
    return make_node(Pad((1, 0), (0, 0), (0, 0), value), [X])


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (apply("add", X, Y), apply("add", Y, X), True),
        (apply("mul", X, 2.0), apply("mul", 2.0, X), True),
        (apply("sub", X, Y), apply("sub", Y, X), False),
        (apply("maximum", X, Y), apply("maximum", Y, X), False),
        (apply("mul", X, 2.0), apply("mul", X, 2), False),
        (apply("add", X, 0.0), apply("add", X, -0.0), False),
        (apply(parse_formula("f(x) = x * 2"), X), apply(parse_formula("g(a) = a * 2"), X), True),
        (apply("exp", X), apply("exp", X, dtype=FLOAT64), False),
        (reduce(Reducer.SUM, X, [0]), reduce(Reducer.SUM, X, [1]), False),
        (reduce(Reducer.SUM, X, [0]), reduce(Reducer.MAX, X, [0]), False),
        (padded(0.0), padded(-0.0), False),
        (padded(math.nan), padded(math.nan), True),
        (make_node(Reshape((9,)), [X]), make_node(Reshape((9,)), [X]), True),
        (constant_node([np.nan], FLOAT32), constant_node([np.nan], FLOAT32), True),
        (constant_node([0.0], FLOAT32), constant_node([-0.0], FLOAT32), False),
    ],
)
def test_keys_are_equal_where_values_are(left, right, same):
    assert (value_key(left.op, left.operands) == value_key(right.op, right.operands)) is same


def test_nothing_is_known_of_inputs():
    assert value_key(X.op, ()) is None
