"""Values that are computed where a concatenation or a padded array wants them, and plans that err."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import LawError
from compiler.ir.build import apply, reduce
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Concatenate, Pad, Reducer, Reshape, Slice, Transpose
from compiler.schedule.plan import InOutput, InPart, InSlab, View
from compiler.schedule.planner import make_plan
from compiler.schedule.proof import prove_plan
from tests.compiler.schedule.byte_machine import run_plan
from tests.compiler.schedule.programs import (
    BATCH,
    failing_call,
    parameter,
    scheduled,
    transposed,
    x_of,
)
from tests.properties.comparing import difference, oracle

WIDE = (4, 32)


def planned(*outputs, updates=(), passes="none", sizes=None):
    """A plan that is proved, and right at some sizes."""
    graph = Graph.of(outputs, updates)
    plan = make_plan(scheduled(graph, passes))
    prove_plan(plan)
    sizes = {"batch": 3} if sizes is None else sizes
    rng = np.random.default_rng(0)
    shapes = [tuple(n if isinstance(n, int) else sizes["batch"] for n in x.type.shape) for x in graph.inputs]
    arguments = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    assert difference(oracle(graph, arguments, sizes), run_plan(plan, arguments, sizes)) == ""
    return plan


def refuted(plan, sentence):
    with pytest.raises(LawError, match=sentence):
        prove_plan(plan)


def moved(plan, node, **changes):
    return replace(plan, places={**plan.places, node: replace(plan.places[node], **changes)})


def joined(*nodes, axis=0):
    return make_node(Concatenate(axis), nodes)


# What is a part


def test_rows_of_a_concatenation_are_computed_there():
    x = x_of(WIDE)
    a, b = apply("tanh", x), apply("exp", x)
    whole = joined(a, b)
    plan = planned(whole)
    assert plan.places[a] == InPart(whole, 0, (32, 1))
    assert plan.places[b] == InPart(whole, 128, (32, 1))
    assert plan.places[whole] == InOutput(0)
    assert plan.peak_bytes == 0


def test_columns_lie_apart():
    x = x_of(("batch", 16))
    a, b = apply("tanh", x), apply("exp", x)
    whole = joined(a, x, b, axis=1)
    plan = planned(whole)
    assert plan.places[a] == InPart(whole, 0, (48, 1))
    assert plan.places[b] == InPart(whole, 32, (48, 1))


def test_narrow_columns_are_moved_when_all_are_there():
    x = x_of(("batch", 3))
    assert planned(joined(apply("tanh", x), apply("exp", x), axis=1)).strides == {}
    single = x_of(("batch", 1))
    assert len(planned(joined(apply("tanh", single), apply("exp", single), axis=1)).strides) == 2


def test_what_has_an_axis_of_one_element_more_or_less_is_a_part():
    x = x_of(WIDE)
    a = apply("tanh", x)
    stacked = make_node(Reshape((4, 1, 32)), [a])
    whole = joined(stacked, make_node(Reshape((4, 1, 32)), [x]), axis=1)
    plan = planned(whole)
    assert plan.places[a] == InPart(whole, 0, (64, 1))
    assert plan.places[stacked] == View(a, 0, (64, 0, 1))


def test_a_view_that_has_all_elements_in_their_order_is_a_part():
    a = apply("tanh", x_of((1, 4, 32)))
    turned = make_node(Transpose((1, 0, 2)), [a])
    kept = make_node(Slice((0, 0, 0), (4, 1, 32), (1, 1, 1)), [turned])
    whole = joined(kept, make_node(Reshape((4, 1, 32)), [x_of(WIDE, "y")]), axis=1)
    assert planned(whole).places[a] == InPart(whole, 0, (0, 64, 1))


def test_the_inside_of_a_padded_array_is_computed_there():
    a = apply("tanh", x_of(WIDE))
    whole = make_node(Pad((1, 2), (0, 3), (0, 0), 5.0), [a])
    plan = planned(whole)
    assert plan.places[a] == InPart(whole, 39, (37, 1))


def test_what_is_spread_apart_is_no_part():
    a = apply("tanh", x_of(WIDE))
    assert planned(make_node(Pad((0, 0), (0, 0), (1, 0)), [a])).strides == {}


def test_sums_are_parts_where_they_lie_densely():
    x = x_of((64, 32))
    total, largest = (reduce(kind, x, [1], keepdims=False) for kind in (Reducer.SUM, Reducer.MAX))
    whole = joined(total, largest)
    assert set(planned(whole).strides) == {total, largest}
    column = reduce(Reducer.SUM, x_of((4, 32, 8)), [2], keepdims=False)
    assert planned(joined(column, column, axis=1)).strides == {}


def test_a_value_that_stands_twice_is_computed_in_the_first_and_copied_to_the_second():
    a = apply("tanh", x_of(WIDE))
    whole = joined(a, a)
    assert planned(whole).places[a] == InPart(whole, 0, (32, 1))


def test_a_value_of_two_concatenations_is_part_of_the_last():
    a = apply("tanh", x_of(WIDE))
    first = apply("exp", joined(a, x_of(WIDE)))
    last = joined(a, first)
    plan = planned(last)
    assert plan.places[a] == InPart(last, 0, (32, 1))
    assert plan.places[first] == InPart(last, 128, (32, 1))


def test_a_whole_in_the_slab_lives_from_its_first_part_to_the_last_reader_of_one():
    x = x_of(WIDE)
    a = apply("tanh", x)
    b = apply("exp", apply("sin", a))
    whole = joined(a, b)
    read = reduce(Reducer.SUM, whole, [0, 1], keepdims=False)
    late = apply("mul", apply("sub", x, read), a)
    plan = planned(read, apply("sin", late))
    place = plan.places[whole]
    kernel_of = plan.schedule.kernel_of
    assert isinstance(place, InSlab)
    assert (place.first, place.last) == (kernel_of[a], kernel_of[late])


def test_a_thousand_parts_are_planned_and_proved():
    """In time that grows as their number does: each asks only for the operands that begin where it lies."""
    value, found = x_of((1, 16)), []
    for _ in range(1000):
        value = apply("sin", value)
        found.append(value)
    whole = joined(*found)
    plan = make_plan(scheduled(Graph.of([reduce(Reducer.SUM, whole, [0], keepdims=False)], [])))
    prove_plan(plan)
    assert len(plan.strides) == 1000


def test_readers_read_a_part_where_it_is():
    x = x_of(("batch", 16))
    a = apply("tanh", x)
    row = make_node(Slice((0, 3), (BATCH, 2), (1, 1)), [a])
    whole = joined(x, a, axis=1)
    plan = planned(whole, apply("exp", row), apply("exp", transposed(a)))
    assert plan.places[row] == View(a, 3, (32, 1))


# What is none


def test_leaves_and_what_is_returned_or_written_into_a_parameter_are_no_parts():
    x, w = x_of(WIDE), parameter(*WIDE)
    returned, updated = apply("tanh", x), apply("exp", x)
    plan = planned(joined(x, returned, updated), returned, updates=[(w, updated)])
    assert plan.strides == {}


def test_a_whole_that_is_written_into_a_parameter_has_no_parts():
    x, w = x_of((2, 16)), parameter(4, 16)
    value = joined(apply("tanh", x), apply("exp", x))
    assert planned(apply("sin", x), updates=[(w, value)]).strides == {}


def test_a_whole_in_a_whole_is_copied():
    x = x_of((2, 16))
    a = apply("tanh", x)
    inner = joined(a, x, axis=1)
    assert set(planned(joined(inner, inner)).strides) == {a}


def test_a_value_with_a_view_that_gaps_forbid_is_no_part():
    x = x_of((4, 16))
    a = apply("tanh", x)
    flat = make_node(Reshape((64,)), [a])
    assert planned(joined(a, x, axis=1), apply("exp", flat)).strides == {}
    assert set(planned(joined(a, x), apply("exp", flat)).strides) == {a}


def test_a_call_that_python_computes_is_no_part():
    x = x_of(WIDE)
    assert planned(joined(failing_call(x), x)).strides == {}


@pytest.fixture
def written_over():
    """A whole that another value is written over, and a part of it that is read after."""
    x = x_of(WIDE)
    a = apply("tanh", x)
    whole = joined(a, x)
    over = apply("exp", whole)
    total = reduce(Reducer.SUM, over, [0, 1], keepdims=False)
    return a, whole, over, planned(apply("mul", apply("sub", x, total), a), passes="in place")


def test_a_value_that_is_read_after_its_whole_is_written_over_is_no_part(written_over):
    _, whole, over, plan = written_over
    assert plan.places[over].offset == plan.places[whole].offset
    assert plan.strides == {}


def test_the_proof_knows_that_a_part_goes_with_its_whole(written_over):
    a, whole, _, plan = written_over
    first = plan.places[a].first
    begun = moved(plan, whole, first=first, last=len(plan.schedule.kernels))
    wrong = replace(begun, places={**begun.places, a: InPart(whole, 0, (32, 1))}, peak_bytes=4096)
    refuted(wrong, "holds something else|end of its lifetime|others have been")


# Plans that are wrong


@pytest.fixture
def halves():
    x = x_of(WIDE)
    a, b = apply("tanh", x), apply("exp", x)
    whole = joined(a, b, parameter(*WIDE))
    return a, b, whole, planned(reduce(Reducer.SUM, apply("sin", whole), [1], keepdims=False))


@pytest.mark.parametrize("offset", [0, 127, 129, 256])
def test_a_part_lies_where_its_whole_has_it(halves, offset):
    _, b, _, plan = halves
    sentence = "written once" if offset == 0 else "where the whole has it"
    refuted(moved(plan, b, offset=offset), f"{sentence}|where the whole has it")


def test_a_part_has_the_steps_of_its_whole(halves):
    a, _, _, plan = halves
    refuted(moved(plan, a, strides=(1, 4)), "where the whole has it")


def test_a_part_is_an_operand_of_its_whole(halves):
    a, _, whole, plan = halves
    sine = next(node for node in plan.schedule.graph.nodes if whole in node.operands)
    wrong = replace(plan, places={**plan.places, a: InPart(sine, 0, (32, 1))})
    refuted(wrong, "where the whole has it")


def test_a_whole_begins_with_its_first_part(halves):
    _, _, whole, plan = halves
    refuted(moved(plan, whole, first=plan.schedule.kernel_of[whole]), "lives from the kernel that writes it")


def test_nothing_is_written_between_the_parts():
    x = x_of(WIDE)
    a, between = apply("tanh", x), apply("sin", x)
    b = apply("exp", between)
    whole = joined(a, b)
    plan = planned(reduce(Reducer.SUM, apply("cos", whole), [1], keepdims=False))
    place = plan.places[whole]
    refuted(moved(plan, between, offset=place.offset), "holds something else|others have been")


def test_a_part_is_not_written_over_what_its_kernel_reads():
    a = apply("tanh", x_of(WIDE))
    b = apply("exp", a)
    whole = joined(b, x_of(WIDE))
    plan = planned(reduce(Reducer.SUM, apply("sin", whole), [1], keepdims=False))
    refuted(moved(plan, a, offset=plan.places[whole].offset), "a part is written over what its kernel reads")
    refuted(
        moved(plan, a, offset=plan.places[whole].offset + 512), "a part is written over what its kernel reads"
    )


# How it is shown


def test_a_plan_shows_its_parts(halves):
    a, _, whole, plan = halves
    names = plan.schedule.graph.names.values
    assert f"part of {names[whole]} from 0 by [32, 1]" in str(plan)
    found = {item["name"]: item["place"] for item in plan.to_dict()["values"]}
    assert found[names[a]] == {"kind": "part", "of": names[whole], "offset": 0, "strides": [32, 1]}
