"""Scopes: the part of a model that a node belongs to."""

import threading

import numpy as np
import pytest

from compiler.autodiff.backward import gradient
from compiler.errors import ArgumentError, ParseError
from compiler.ir.build import apply, input_node, reduce
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Reducer
from compiler.ir.scope import Scope, current_scope, paths_of, scope
from compiler.ir.types import FLOAT32, TensorType


def vector() -> Node:
    return input_node("x", TensorType(FLOAT32, (3,)))


def twice(x: Node) -> Node:
    with scope("block"):
        return apply("mul", x, 2.0)


def paths(*nodes: Node) -> list[str]:
    found = Graph.of(nodes).scopes
    return [".".join(found[node]) for node in nodes]


def test_what_is_built_inside_belongs_to_it_and_what_is_outside_to_none():
    x = vector()
    with scope("encoder"), scope("attention.query"):
        y = apply("exp", x)
    assert paths(x, y, apply("exp", y)) == ["", "encoder.attention.query", ""]


def test_each_use_is_a_scope_of_its_own_on_one_line_of_code():
    first = twice(vector())
    second = twice(first)
    assert first.origin.source == second.origin.source
    assert paths(first, second) == ["block.0", "block.1"]


def test_one_use_has_no_number_whatever_was_built_before():
    twice(vector())
    y = twice(vector())
    assert paths(y) == ["block"]


def test_uses_are_numbered_within_the_scope_around_them():
    x = vector()
    with scope("left"):
        a = twice(twice(x))
    with scope("right"):
        b = twice(x)
    assert paths(a.operands[0], a, b) == ["left.block.0", "left.block.1", "right.block"]


def test_no_two_scopes_have_one_path():
    items = [Scope("a"), Scope("a"), Scope("a.0"), Scope("a.1"), Scope("0", Scope("a"))]
    found = paths_of(items)
    assert len(set(found.values())) == len(found) == 6


def test_a_decorated_function_opens_one_a_call():
    @scope("half")
    def half(x: Node) -> Node:
        """What it is."""
        return apply("mul", x, 0.5)

    y = half(half(vector()))
    assert half.__doc__ == "What it is."
    assert paths(y.operands[0], y) == ["half.0", "half.1"]


def test_a_scope_is_closed_by_an_error():
    with pytest.raises(KeyError), scope("a"):
        raise KeyError
    assert current_scope() is None


def test_one_object_may_be_entered_again():
    both = scope("a")
    with both, both:
        y = apply("exp", vector())
    assert paths(y) == ["a.a"]


def test_threads_have_scopes_of_their_own():
    found: list[Scope | None] = []
    with scope("a"):
        thread = threading.Thread(target=lambda: found.append(current_scope()))
        thread.start()
        thread.join()
    assert found == [None]


def test_gradients_belong_to_what_they_are_the_gradient_of():
    x = vector()
    with scope("inner"):
        y = apply("exp", x)
    with scope("loss"):
        loss = reduce(Reducer.SUM, y, [0])
    with scope("elsewhere"):
        (found,) = gradient(loss, [x])
    assert found is not None
    assert paths(found) == ["inner"]
    assert "elsewhere" not in str(Graph.of([found]))


def test_the_text_says_where_a_scope_begins_and_ends():
    x = vector()
    with scope("a b.c"):
        y = apply("exp", x)
    assert str(Graph.of([apply("neg", y)])) == (
        '%x = input : f32[3]\nscope "a b".c\n%0 = exp(%x) : f32[3]\nscope\n%1 = neg(%0) : f32[3]\nreturn %1\n'
    )


def test_uses_that_were_read_from_text_keep_their_numbers():
    graph = Graph.of([twice(twice(vector()))])
    assert str(Graph.parse(str(graph))) == str(graph)
    assert "scope block.1" in str(graph)


@pytest.mark.parametrize(
    "line", ["scope a..b", 'scope ""', 'scope "a.b"', "scope a b", "scope .", "scope a."]
)
def test_a_scope_that_is_none_is_a_parse_error(line):
    with pytest.raises(ParseError, match="scope"):
        Graph.parse(f"%x = input : f32[3]\n{line}\nreturn %x\n")


@pytest.mark.parametrize("name", ["", ".", None, 3, np.float32(1)])
def test_a_scope_has_a_name(name):
    with pytest.raises(ArgumentError, match="scope"):
        scope(name)
