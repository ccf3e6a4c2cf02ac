"""Nodes: values with a name, a type, and the line that made them."""

import copy
import pickle

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import DTypeError, ShapeError
from compiler.ir.build import apply, input_node
from compiler.ir.node import Origin, SourceLine, describe, make_node, source_line
from compiler.ir.op import Reshape, Transpose
from compiler.ir.types import BOOL, FLOAT32, TensorType

MATRIX = TensorType(FLOAT32, (2, 3))


def test_a_node_knows_the_users_own_line():
    x = tt.input("x", (3,))
    y = tt.softmax(tt.nn.Dense(3, 2, seed=0)(x))  # made several calls down
    source = y.node.origin.source
    assert source is not None
    assert source.file == __file__
    assert source.text == "y = tt.softmax(tt.nn.Dense(3, 2, seed=0)(x))  # made several calls down"
    assert str(source) == f"{__file__}:{source.line}: {source.text}"


def test_a_gradient_knows_the_line_of_the_forward_node():
    x = tt.input("x", (3,))
    y = tt.exp(x)
    (slope,) = tt.grad(y.sum(), [x])
    assert slope.node.origin.source == y.node.origin.source
    assert slope.node.origin.maker == "grad"


def test_a_line_that_cannot_be_read_still_has_its_place():
    assert str(SourceLine("<nowhere>", 7)) == "<nowhere>:7"


def test_the_line_of_a_caller_is_this_one():
    found = source_line()
    assert found is not None
    assert found.text == "found = source_line()"


def test_operands_have_smaller_serials():
    x = input_node("x", MATRIX)
    y = apply("neg", x)
    assert x.serial < y.serial < y.named("y").serial


def test_nodes_are_compared_by_identity():
    one, two = input_node("x", MATRIX), input_node("x", MATRIX)
    assert one != two
    assert len({one, two, one}) == 2


def test_a_node_is_immutable():
    node = input_node("x", MATRIX)
    with pytest.raises(AttributeError):
        node.name = "y"  # type: ignore[misc]


@pytest.mark.parametrize("take", [pickle.dumps, copy.deepcopy, copy.copy])
def test_a_node_does_not_pickle_alone(take):
    with pytest.raises(TypeError, match="a node does not pickle alone; pickle the Graph"):
        take(input_node("x", MATRIX))


def test_an_error_names_the_operands_with_types_and_lines():
    x = input_node("x", MATRIX)
    with pytest.raises(
        ShapeError, match=r"(?s)cannot reshape f32\[2,3\].*\n  %x : f32\[2,3\], from .*test_node\.py"
    ):
        make_node(Reshape((7,)), [x])
    with pytest.raises(ShapeError, match=r"\n  a result of neg : f32\[2,3\], from .*test_node\.py"):
        make_node(Transpose((0,)), [apply("neg", x)])
    flags = input_node("flags", TensorType(BOOL, (2, 3)))
    with pytest.raises(DTypeError, match=r"\n  %flags : bool\[2,3\]"):
        apply("add", flags, flags)


def test_a_description_is_one_line():
    node = make_node(Reshape((6,)), [input_node("x", MATRIX)], origin=Origin())
    assert describe(node) == "a result of reshape : f32[6]"
    assert repr(node) == "<a result of reshape : f32[6]>"
    assert describe(node.named("y")) == "%y : f32[6]"


def test_a_number_is_weakly_typed_and_an_array_of_no_axes_strongly():
    x = tt.input("x", (3,))
    for number in (2.0, np.float64(2.0), np.int32(2)):
        assert str((x * number).dtype) == "float32"
    assert str((x * np.array(2.0)).dtype) == "float64"
    assert str((x * np.array(2)).dtype) == "float32"
