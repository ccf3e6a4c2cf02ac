"""Slots follow every value through all passes."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest

import tinytorch as tt
from compiler.ir.finding import image
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.pipeline.contract import ByValue, Report
from compiler.program import Program
from compiler.report.outline import outline_of
from compiler.report.slots import Slots, slots_of, stages_of
from compiler.rewrite.sweep import sweep
from compiler.schedule.target import Target
from tests.compiler.report.models import of_testing, three_layers, transformer

NAMES = list(tt.testing.PROGRAMS)


def slots(program: Program) -> Slots:
    return slots_of(stages_of(program.source_graph, program.history, program.schedule))


def test_a_stage_for_the_source_for_each_pass_and_for_the_kernels() -> None:
    program, _ = three_layers()
    found = [stage.name for stage in slots(program).stages]
    assert found == ["source", *(record.name for record in program.history), "kernels"]


@pytest.mark.parametrize("name", NAMES)
def test_every_node_of_every_stage_stands_in_a_slot_and_no_two_of_a_stage_in_one(name: str) -> None:
    found = slots(of_testing(name))
    for number, stage in enumerate(found.stages):
        numbers = [found.of[node] for node in stage.graph.nodes]
        assert len(set(numbers)) == len(numbers)
        present = {
            slot.number
            for slot in found.all
            if slot.born <= number and (slot.gone is None or slot.gone > number)
        }
        assert present == set(numbers)


@pytest.mark.parametrize("name", NAMES)
def test_a_slot_ends_where_the_value_is_at_the_end(name: str) -> None:
    program = of_testing(name)
    found = slots(program)
    for node in program.source_graph.nodes:
        slot, now = found.all[found.of[node]], image(program.graph, node)
        while slot.into >= 0:
            slot = found.all[slot.into]
        assert (now is None) == (slot.gone is not None)
        if now is not None:
            assert found.of[now] == slot.number
            assert slot.states[-1].node.op == now.op
            assert slot.states[-1].node.type == now.type


def test_what_is_merged_is_gone_into_its_twin_and_what_is_changed_keeps_its_slot() -> None:
    x = tt.input("x", (3,))
    program = tt.compile(x, [tt.exp(x) + 1.0, tt.exp(x) * 2.0, (x / 4.0).named("quarter")])
    found = slots(program)
    first, second = (slot for slot in found.all if slot.first.op.name == "exp")
    stage = next(k for k, item in enumerate(found.stages) if item.name == "common_subexpressions")
    assert first.gone is None
    assert (second.gone, second.into) == (stage, first.number)
    quarter = next(slot for slot in found.all if slot.first.name == "quarter")
    stage = next(k for k, item in enumerate(found.stages) if item.name == "simplify")
    assert [state.stage for state in quarter.states] == [0, stage]
    assert [state.node.op.name for state in quarter.states] == ["div", "mul"]


def test_a_node_that_is_only_made_again_is_no_change() -> None:
    x = tt.input("x", (3,))
    program = tt.compile(x, tt.exp(x / 4.0))
    exp = next(slot for slot in slots(program).all if slot.first.op.name == "exp")
    assert len(exp.states) == 1


@pytest.mark.parametrize("name", NAMES)
def test_scopes_have_consecutive_lines_and_boxes_of_a_line_do_not_overlap(name: str) -> None:
    found = slots(of_testing(name))
    outline = outline_of(found)
    for number, scope in enumerate(outline.scopes):
        if number:
            above = outline.scopes[scope.parent]
            assert above.first <= scope.first <= scope.last <= above.last
    spans: dict[tuple[int, object], list[tuple[float, float]]] = {}
    for slot in found.all:
        k = slot.number
        scope = outline.scopes[outline.scope[k]]
        assert scope.first <= outline.line[k] <= scope.last
        inner = [item for item in outline.scopes if item.parent == outline.scope[k]]
        assert all(not item.first <= outline.line[k] <= item.last for item in inner)
        half = outline.width[k] / 2
        key = outline.line[k], outline.column[k]
        spans.setdefault(key, []).append((outline.x[k] - half, outline.x[k] + half))
    for boxes in spans.values():
        boxes.sort()
        assert all(left[1] <= right[0] for left, right in pairwise(boxes))


def test_forward_values_stand_below_what_they_read_in_their_scope() -> None:
    program, _ = three_layers()
    found = slots(program)
    outline = outline_of(found)
    checked = 0
    for slot in found.all:
        for read in slot.states[0].reads:
            is_forward = (
                outline.column[read] is outline.column[slot.number] is type(outline.column[read]).FORWARD
            )
            if is_forward and outline.scope[read] == outline.scope[slot.number]:
                assert outline.line[read] < outline.line[slot.number]
                checked += not found.all[read].first.op.has(Trait.LEAF)
    assert checked


def repetitions(program: Program) -> dict[tuple[str, ...], int]:
    """The parts of an outline that stand for several, by path."""
    return {scope.path: scope.repeats for scope in outline_of(slots(program)).scopes if scope.repeats}


def test_parts_that_compute_alike_are_one_that_opens_to_them() -> None:
    program = transformer(4, "numpy")
    outline = outline_of(slots(program))
    found = {scope.path: (number, scope) for number, scope in enumerate(outline.scopes)}
    number, whole = found["blocks", "0 … 3"]
    assert whole.repeats == 4
    assert whole.name == "0 … 3"
    inside = [scope for scope in outline.scopes if scope.parent == number]
    assert [scope.path for scope in inside] == [("blocks", str(k)) for k in range(4)]
    assert (whole.first, whole.last) == (inside[0].first, inside[-1].last)
    for _, scope in found.values():
        assert scope.parent < found[scope.path][0]
    for slot in slots(program).all:
        path = outline.scopes[outline.scope[slot.number]].path
        assert not outline.scopes[outline.scope[slot.number]].repeats
        assert slot.first.origin.scope is None or path
    assert repetitions(program)["adam", "blocks", "0 … 3"] == 4


def test_what_differs_or_is_apart_is_no_repetition() -> None:
    def stack(*widths: int) -> Program:
        x = tt.input("x", ("batch", 8))
        layers = [tt.nn.Dense(m, n) for m, n in pairwise(widths)]
        return tt.compile(x, tt.nn.Sequential(*layers, seed=0)(x))

    assert list(repetitions(stack(8, 8, 8, 8)).values()) == [3]
    assert repetitions(stack(8, 8, 8)) == {}
    assert repetitions(stack(8, 4, 8, 4)) == {}
    assert list(repetitions(stack(8, 8, 8, 8, 8, 4)).values()) == [4]


@dataclass(frozen=True, eq=False)
class Halved(ByValue):
    """Makes exp(x) of exp(x / 2) squared: two nodes more."""

    name: ClassVar[str] = "halved"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        def visit(old: Node, new: Node) -> Node:
            if old.op.name != "exp" or new.operands[0].op.name == "mul":
                return new
            x = tt.input("x", old.type.shape)
            half = x * 0.5
            root = tt.exp(half)
            made = Node(half.node.op, new.operands, old.type, None, old.origin)
            made = Node(root.node.op, (made,), old.type, None, old.origin)
            return Node((root * root).node.op, (made, made), old.type, None, old.origin)

        return sweep(graph, visit), Report()


def test_what_is_born_stands_beside_what_it_replaces() -> None:
    x = tt.input("x", ("batch",))
    with tt.scope("inside"):
        y = tt.exp(x)
    program = tt.compile(x, (y + 1.0).named("y"), passes=(Halved(),))
    found = slots(program)
    outline = outline_of(found)
    kept = next(slot for slot in found.all if slot.first.op.name == "exp")
    assert [state.node.op.name for state in kept.states] == ["exp", "mul"]
    fresh = [slot for slot in found.all if slot.born]
    assert [slot.first.op.name for slot in fresh] == ["mul", "exp"]
    edge = outline.x[kept.number] + outline.width[kept.number] / 2
    for slot in fresh:
        assert slot.beside == kept.number
        assert outline.line[slot.number] == outline.line[kept.number]
        assert outline.scope[slot.number] == outline.scope[kept.number]
        assert outline.x[slot.number] - outline.width[slot.number] / 2 == pytest.approx(edge + 12.0)
        edge = outline.x[slot.number] + outline.width[slot.number] / 2
