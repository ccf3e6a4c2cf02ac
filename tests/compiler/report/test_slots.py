"""Slots follow every value through all passes."""

from itertools import pairwise

import pytest

import tinytorch as tt
from compiler.ir.finding import image
from compiler.ir.op import Trait
from compiler.program import Program
from compiler.report.outline import outline_of
from compiler.report.slots import Slots, slots_of, stages_of
from tests.compiler.report.models import of_testing, three_layers

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
