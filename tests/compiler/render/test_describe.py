"""Which boxes a graph has, where they stand, what flags they carry, and which arrows join them."""

import sys
from collections import Counter

import numpy as np
import pytest

from compiler.ir.build import apply, parameter_node
from compiler.ir.graph import Graph
from compiler.ir.op import Trait
from compiler.render.describe import describe
from compiler.render.dot import dot_source
from compiler.render.picture import ArrowRole, Box, Caption, Flags, Picture, Role, Statement, beside
from tests.compiler.render.graphs import NOWHERE, chain, momentum, network, training_step, vector


def words(box: Box) -> list[str]:
    """A box's lines without their styles."""
    found: list[str] = []
    for line in box.lines:
        pieces = line.pieces if isinstance(line, Caption) else (line.name, *line.what)
        found.append(" ".join("".join(f" {piece.text}" for piece in pieces).split()))
    return found


def find(picture: Picture, word: str) -> Box:
    (box,) = [box for box in picture.boxes if any(word in line for line in words(box))]
    return box


def test_the_columns_are_forward_backward_updates():
    picture = describe(training_step())
    assert [column.title for column in picture.columns] == ["forward", "backward", "updates"]
    assert Counter(box.role for box in picture.boxes) == {
        Role.INPUT: 1, Role.PARAMETER: 4, Role.CONSTANT: 1, Role.FORWARD: 4, Role.BACKWARD: 7, Role.UPDATE: 4
    }  # fmt: skip
    at_home = {
        Role.INPUT: "forward",
        Role.PARAMETER: "forward",
        Role.UPDATE: "updates",
        Role.FORWARD: "forward",
    }
    assert all(at_home.get(box.role, "backward") == box.column for box in picture.boxes)


def test_a_forward_value_that_a_backward_op_reads_is_saved():
    graph = training_step()
    read = {
        operand.type
        for node in graph.nodes
        if node.origin.maker == "grad"
        for operand in node.operands
        if operand.origin.maker == "user" and not operand.op.has(Trait.LEAF)
    }
    picture = describe(graph, detail=True)
    saved = [box for box in picture.boxes if Flags.SAVED in box.flags]
    assert read
    assert {box.role for box in saved} == {Role.FORWARD}
    assert [words(box)[0] for box in saved] == [
        "%1 add %0 + b1",
        "%2 gelu %1 * normcdf(%1)",
        "%4 add %3 + b2",
    ]
    tails = {arrow.tail for arrow in picture.arrows if arrow.role is ArrowRole.READ}
    assert {box.id for box in saved} <= tails


def test_a_gradient_of_nothing_saves_nothing():
    picture = describe(Graph.of([network()[1]]))
    assert not any(Flags.SAVED in box.flags for box in picture.boxes)
    assert [column.id for column in picture.columns] == ["forward"]


def test_the_arithmetic_of_an_update_is_one_box():
    picture = describe(training_step(rule=momentum))
    updates = [words(box) for box in picture.boxes if box.role is Role.UPDATE]
    assert updates == [
        ["update of w1", "and of w1.v", "4 ops: 2 mul, add, sub"],
        ["update of b1", "and of b1.v", "4 ops: 2 mul, add, sub"],
        ["update of w2", "and of w2.v", "4 ops: 2 mul, add, sub"],
        ["update of b2", "and of b2.v", "4 ops: 2 mul, add, sub"],
        ["shared by updates", "and of rate", "1 op: mul"],
    ]
    # The state that only updates use is inside their boxes, and only gradients lead into them.
    assert [words(box)[0] for box in picture.boxes if box.role is Role.PARAMETER] == ["w1", "b1", "w2", "b2"]
    assert sum(arrow.role is ArrowRole.STEP for arrow in picture.arrows) == 4


def test_detail_shows_every_node():
    graph = training_step(rule=momentum)
    picture = describe(graph, detail=True)
    assert len(picture.boxes) == len(graph)
    assert len(describe(graph).boxes) < len(graph) / 2
    assert words(find(picture, "next w1.v"))[0].startswith("%")
    edges = {(operand, node) for node in graph.nodes for operand in node.operands}
    assert sum(arrow.role.is_drawn for arrow in picture.arrows) == len(edges)


@pytest.mark.parametrize("detail", [True, False])
def test_a_type_is_said_once(detail):
    graph = training_step()
    picture = describe(graph, detail=detail)
    on_arrows = Counter(arrow.tail for arrow in picture.arrows if arrow.label)
    for box in picture.boxes:
        if box.role is Role.UPDATE and not detail:
            continue
        statements = [
            line for line in box.lines if isinstance(line, Statement) and line.name.text
        ]  # an index formula stands below its op
        is_said = [bool(line.type) for line in statements[-1:]] or [True]
        assert on_arrows[box.id] + sum(is_said) == 1
        assert all(line.type for line in statements[:-1])


def test_straight_line_code_is_one_box_up_to_eight_lines():
    picture = describe(chain(20))
    assert [len(box.lines) for box in picture.boxes if box.role is Role.FORWARD] == [4, 8, 8]
    assert picture.boxes[0].role is Role.INPUT


def test_a_block_ends_at_an_output():
    x = vector("x")
    middle = apply("exp", x, name="middle", origin=NOWHERE)
    last = apply("neg", middle, origin=NOWHERE)
    picture = describe(Graph.of([middle, last]))
    assert words(find(picture, "middle exp")) == ["middle exp (x)"]
    assert [box.flags for box in picture.boxes] == [Flags.NONE, Flags.OUTPUT, Flags.OUTPUT]


def test_kernels_are_boxes_with_their_members_inside():
    x = vector("x")
    first = apply("exp", x, origin=NOWHERE)
    second = apply("neg", first, origin=NOWHERE)
    third = apply("add", first, second, origin=NOWHERE)
    graph = Graph.of([second, third])
    picture = describe(graph, groups={"kernel 1": [second, first, third]}, marks={second: "in place"})
    assert words(find(picture, "kernel 1")) == [
        "kernel 1",
        "%0 exp (x)",
        "%1 neg -%0 output, in place",
        "%2 add %0 + %1",
    ]
    assert len(picture.boxes) == 2


def test_a_node_belongs_to_the_first_kernel_that_names_it_and_strangers_to_none():
    graph = chain(3)
    first, second, third = graph.nodes[1:]
    picture = describe(graph, groups={"a": [first, second], "b": [second, third], "c": chain(1).nodes})
    assert [words(box)[0] for box in picture.boxes] == ["x", "a", "b"]
    assert words(picture.boxes[2])[1:] == ["%2 exp (%1)"]


def test_values_that_leave_the_middle_of_a_kernel_have_one_arrow_each():
    x = vector("x")
    first = apply("exp", x, origin=NOWHERE)
    second = apply("neg", first, origin=NOWHERE)
    out = apply("add", first, second, origin=NOWHERE)
    picture = describe(Graph.of([out]), groups={"k": [first, second]})
    arrows = [(arrow.label, arrow.tooltip) for arrow in picture.arrows]
    assert arrows == [("", "x : f32[n]"), ("", "%0 : f32[n]"), ("f32[n]", "%1 : f32[n]")]


def test_a_swap_of_parameters_has_no_arithmetic():
    a, b = (parameter_node(np.zeros(1), name, NOWHERE) for name in "ab")
    picture = describe(Graph.of([], [(a, b), (b, a)]))
    assert [words(box) for box in picture.boxes] == [["a", "f64[1]", "next b"], ["b", "f64[1]", "next a"]]


def test_an_input_may_be_the_output():
    x = vector("x")
    (box,) = describe(Graph.of([x], (), [x])).boxes
    assert (box.role, box.flags) == (Role.INPUT, Flags.OUTPUT)


def test_the_legend_lists_what_occurs():
    picture = describe(chain(2))
    assert picture.roles == (Role.INPUT, Role.FORWARD)
    assert picture.flags == (Flags.OUTPUT,)
    assert picture.arrow_roles == (ArrowRole.VALUE,)
    everything = describe(training_step())
    assert everything.roles == tuple(role for role in Role if role is not Role.MIXED)
    assert everything.flags == (Flags.OUTPUT, Flags.SAVED)
    assert everything.arrow_roles == (ArrowRole.VALUE, ArrowRole.READ, ArrowRole.GRADIENT, ArrowRole.STEP)


def test_pictures_side_by_side_keep_apart():
    graph = training_step()
    unfused, fused = describe(graph, detail=True), describe(graph)
    both = beside({"unfused": unfused, "fused": fused}, "compared")
    assert [column.title for column in both.columns] == [
        f"{name}: {part}" for name in ("unfused", "fused") for part in ("forward", "backward", "updates")
    ]
    ids = [box.id for box in both.boxes]
    assert len(set(ids)) == len(ids) == len(unfused.boxes) + len(fused.boxes)
    assert {arrow.tail for arrow in both.arrows} | {arrow.head for arrow in both.arrows} <= set(ids)
    assert {box.column for box in both.boxes} == {column.id for column in both.columns}


@pytest.mark.parametrize("detail", [True, False])
def test_a_deep_graph_needs_no_recursion(detail):
    picture = describe(chain(3 * sys.getrecursionlimit()), detail=detail)
    assert dot_source(picture).startswith("digraph")


def test_a_graph_with_many_paths_is_walked_once():
    node = vector("x")
    for _ in range(100):
        node = apply("add", node, node, origin=NOWHERE)
    picture = describe(Graph.of([node]))
    assert sum(len(box.lines) for box in picture.boxes if box.role is Role.FORWARD) == 100


@pytest.mark.slow
def test_fifty_thousand_nodes_have_a_text():
    source = dot_source(describe(chain(50_000), detail=True))
    assert source.count('tooltip="%') > 50_000
