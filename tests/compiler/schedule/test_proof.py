"""The proofs are mutation-tested: each way to break a schedule or a plan that is listed here is caught."""

import random
import re
from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import LawError
from compiler.ir.build import apply, constant_node, contract, input_node, reduce
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import (
    Concatenate,
    Diagonal,
    Gather,
    MapReduce,
    Reducer,
    Reshape,
    Slice,
    Trait,
    Window,
)  # fmt: skip
from compiler.ir.types import FLOAT32, FLOAT64, INT64, TensorType
from compiler.schedule.plan import Commit, InInput, InLeaf, InOutput, InParameter, InSlab, OutputCopy, View
from compiler.schedule.planner import make_plan
from compiler.schedule.proof import prove_plan, prove_schedule
from compiler.schedule.schedule import Kernel, Schedule
from tests.compiler.schedule.byte_machine import run_plan
from tests.compiler.schedule.programs import (
    BATCH,
    PASSES,
    Busy,
    failing_call,
    parameter,
    scheduled,
    transposed,
    x_of,
)  # fmt: skip
from tests.compiler.schedule.walk import Walk
from tests.passes.small_graphs import Maker
from tests.properties.comparing import difference, oracle


def planned(outputs, updates=(), donated=(), passes="none"):
    """A plan that is right."""
    schedule = scheduled(Graph.of(outputs, updates), passes, donated)
    prove_schedule(schedule)
    plan = make_plan(schedule)
    prove_plan(plan)
    return plan


def refuted(plan, sentence):
    with pytest.raises(LawError, match=sentence):
        prove_plan(plan)


def moved(plan, node, place=None, **changes):
    """The plan with another place for a node."""
    found = replace(plan.places[node], **changes) if place is None else place
    return replace(plan, places={**plan.places, node: found})


def reordered(plan, *order):
    kernels = plan.schedule.kernels
    schedule = replace(plan.schedule, kernels=tuple(kernels[k] for k in order))
    return replace(plan, schedule=schedule)


# Plans: lifetimes and offsets


@pytest.fixture
def line():
    """x -> a -> b -> c = b + a -> d, returned: a, b and c are in the slab, a and b at the same time."""
    x = x_of()
    a = apply("tanh", x)
    b = apply("neg", a)
    c = apply("add", b, a)
    d = apply("exp", c)
    plan = planned([d])
    assert all(isinstance(plan.places[node], InSlab) for node in (a, b, c))
    return plan, a, b, c, d


def test_a_lifetime_that_ends_too_early(line):
    plan, a, *_ = line
    refuted(moved(plan, a, last=1), "after the end of its lifetime|memory holds something else")


def test_a_lifetime_that_begins_too_late(line):
    plan, a, *_ = line
    refuted(moved(plan, a, first=1), "a slot lives from the kernel that writes it")


def test_an_offset_that_is_one_byte_off(line):
    plan, a, *_ = line
    refuted(moved(plan, a, offset=plan.places[a].offset + 1), "aligned to its elements|ends in the slab")


def test_an_offset_that_is_one_element_off(line):
    plan, _, _, c, _ = line
    refuted(moved(plan, c, offset=plan.places[c].offset - 4), "begins in the slab|over part of")
    refuted(moved(plan, c, offset=plan.places[c].offset + 4), "ends in the slab|over part of|reads elsewhere")


def test_two_values_of_one_time_in_one_slot(line):
    plan, a, b, *_ = line
    refuted(
        moved(plan, b, offset=plan.places[a].offset),
        "kernel 2 reads a value whose memory holds something else",
    )


def test_a_slot_that_is_too_small(line):
    plan, a, *_ = line
    refuted(moved(plan, a, bytes=8 * BATCH), "a slot has the bytes of its value")


def test_a_slab_that_is_too_small(line):
    plan, *_ = line
    refuted(replace(plan, peak_bytes=plan.peak_bytes - 4), "a slot ends in the slab")


def test_a_value_without_a_place(line):
    plan, a, *_ = line
    places = {node: place for node, place in plan.places.items() if node is not a}
    refuted(replace(plan, places=places), "every value that leaves its kernel has a place")


def test_kernels_in_another_order(line):
    plan, *_ = line
    refuted(reordered(plan, 0, 2, 1, 3), "not there yet")
    with pytest.raises(LawError, match="computed before it is read"):
        prove_schedule(reordered(plan, 0, 2, 1, 3).schedule)


def test_kernels_in_an_order_that_is_right_for_values_but_not_for_memory():
    x = x_of()
    a = apply("tanh", x)
    b = apply("neg", a)
    c = apply("exp", x)
    d = apply("add", b, c)
    plan = planned([apply("neg", d)])
    swapped = reordered(plan, 0, 2, 1, 3, 4)
    prove_schedule(swapped.schedule)
    refuted(swapped, "a slot lives from the kernel|memory holds something else")


def test_storage_that_is_reused_while_a_view_of_it_is_needed():
    x = x_of((4, 4))
    a = apply("tanh", x)
    view = transposed(a)
    b = apply("neg", x)
    c = apply("add", b, view)
    plan = planned([apply("exp", c)])
    reused = moved(plan, b, offset=plan.places[a].offset)
    refuted(reused, "memory holds something else")


def test_an_offset_that_is_right_for_large_batches_only():
    a, b = apply("tanh", x_of()), apply("tanh", x_of((4,), "y"))
    plan = planned([apply("add", a, b)])
    wide = replace(plan, peak_bytes=16 * BATCH + 80)
    prove_plan(moved(moved(wide, b, offset=0), a, offset=64))
    prove_plan(moved(moved(wide, a, offset=0), b, offset=16 * BATCH))
    refuted(moved(moved(wide, a, offset=0), b, offset=64), "memory holds something else")


def test_regions_of_two_symbols_in_an_order_that_depends_on_them():
    x, y = x_of(), input_node("y", TensorType(FLOAT32, (symbol("seq"), 4)))
    a, b = apply("tanh", x), apply("tanh", y)
    seq = symbol("seq")
    plan = planned([contract([a, b], [(0, 2), (1, 2)], (0, 1), [BATCH, seq, 4])])
    wide = replace(plan, peak_bytes=16 * BATCH + 32 * seq)
    prove_plan(moved(moved(wide, a, offset=0), b, offset=16 * BATCH))
    refuted(moved(moved(wide, a, offset=0), b, offset=16 * seq), "memory holds something else")


# Plans: outputs


def test_an_output_that_stays_in_the_slab(line):
    plan, _, _, _, d = line
    in_slab = moved(plan, d, InSlab(0, 16 * BATCH, 3, 3))
    refuted(in_slab, "output 0 does not hold its value")


def test_an_output_that_lies_in_an_input():
    x = x_of((4,))
    a = apply("tanh", x)
    plan = planned([a], donated=[x])
    refuted(moved(plan, a, InInput(x)), "output 0 does not hold its value")


def test_a_copy_that_is_forgotten():
    x = x_of()
    a = apply("tanh", x)
    plan = planned([a, transposed(a), x])
    for place in range(2):
        rest = plan.copies[:place] + plan.copies[place + 1 :]
        refuted(replace(plan, copies=rest), f"output {place + 1} does not hold its value")


def test_a_copy_of_another_value_or_to_another_output():
    x = x_of()
    a, b = apply("tanh", x), apply("neg", x)
    plan = planned([a, b, x])
    refuted(replace(plan, copies=(OutputCopy(a, 2),)), "output 2 does not hold its value")
    refuted(replace(plan, copies=(OutputCopy(x, 0),)), "does not hold its value")
    refuted(replace(plan, copies=(OutputCopy(x, 7),)), "output's dtype and size")


def test_two_values_in_one_output():
    x = x_of()
    plan = planned([apply("tanh", x), apply("neg", x)])
    refuted(moved(plan, plan.schedule.graph.outputs[1], InOutput(0)), "output . does not hold its value")


def test_a_value_that_is_needed_in_an_output_that_another_overwrites():
    x = x_of()
    a = apply("tanh", x)
    b = apply("neg", a)
    c = apply("exp", a)
    plan = planned([apply("add", a, c), b])
    refuted(moved(plan, a, InOutput(1)), "reads a value that was overwritten")


def test_a_leaf_with_memory_of_its_own():
    x = x_of((4,))
    plan = planned([apply("tanh", x)])
    refuted(moved(plan, x, InOutput(0)), "leaves are where they are")
    refuted(moved(plan, plan.schedule.graph.outputs[0], InLeaf()), "leaves are where they are")


# Plans: views


@pytest.fixture
def viewed():
    x = x_of((4, 4))
    a, b = apply("tanh", x), apply("neg", x)
    part = make_node(Slice((1, 0), (2, 4), (1, 1)), [a])
    return planned([apply("exp", part), b, a]), a, b, part


def test_a_view_with_other_strides_offset_or_base(viewed):
    plan, _, b, part = viewed
    refuted(moved(plan, part, strides=(1, 4)), "the offset and the strides that its op says")
    refuted(moved(plan, part, offset=5), "the offset and the strides that its op says")
    refuted(moved(plan, part, base=b), "a view names the memory in which it lies")


def test_a_view_of_what_must_be_copied():
    a = apply("tanh", x_of())
    flat = make_node(Reshape((4 * BATCH,)), [transposed(a)])
    plan = planned([apply("exp", flat)])
    refuted(moved(plan, flat, View(a, 0, (1,))), "no steps describe")


def test_a_view_that_is_no_view(line):
    plan, a, b, *_ = line
    refuted(moved(plan, b, View(a, 0, (4, 1))), "only ops that move nothing are views")


def test_a_view_that_is_computed_is_right_too(viewed):
    plan, _, _, part = viewed
    prove_plan(moved(replace(plan, peak_bytes=plan.peak_bytes + 32), part, InSlab(plan.peak_bytes, 32, 2, 3)))


def test_a_view_of_windows_with_other_strides():
    a = apply("tanh", x_of((4, 5)))
    windows = make_node(Window((1,), (2,), (2,), (2,), (1,)), [a])
    plan = planned([apply("exp", windows), a])
    assert plan.places[windows] == View(a, 0, (5, 2, 1))
    for strides in ((5, 1, 2), (5, 2, 2), (4, 2, 1)):
        refuted(moved(plan, windows, strides=strides), "the offset and the strides that its op says")


# Plans: writing over operands


def test_a_result_over_an_operand_that_it_reads_turned():
    """The bug graph `a + a.T` into `a`."""
    a = apply("tanh", x_of((4, 4)))
    b = apply("add", a, transposed(a))
    plan = planned([apply("exp", b)])
    over = moved(plan, b, offset=plan.places[a].offset)
    refuted(over, "reads elements that other iterations write")


def test_a_result_over_what_it_reads_in_windows():
    a = apply("tanh", x_of((6,)))
    b = apply("neg", make_node(Window((0,), (3,), (2,), (1,), (1,)), [a]))
    plan = planned([apply("exp", b)])
    refuted(moved(plan, b, offset=plan.places[a].offset), "reads elements that other iterations write")


def test_a_result_over_half_of_an_operand(line):
    plan, a, b, *_ = line
    wide = replace(plan, peak_bytes=plan.peak_bytes + 64 * BATCH)
    refuted(
        moved(wide, b, offset=plan.places[a].offset + 8 * BATCH),
        "over part of what its kernel reads|something else",
    )


def test_a_contraction_over_its_operand():
    a = apply("tanh", x_of((4, 4)))
    b = contract([a, parameter(4, 4)], [(0, 1), (1, 2)], (0, 2), [4, 4, 4])
    plan = planned([apply("exp", b)])
    refuted(moved(plan, b, offset=plan.places[a].offset), "adds up while its operands are read")


def test_a_move_over_its_operand():
    a = apply("tanh", x_of((4, 4)))
    b = make_node(Reshape((16,)), [transposed(a)])
    plan = planned([apply("exp", b)])
    refuted(moved(plan, b, offset=plan.places[a].offset), "no map, and its elements have no order")


@pytest.mark.parametrize("passes", ["none", "fused"])
def test_a_gather_over_what_it_picks_from(passes):
    a = apply("tanh", x_of((4, 4)))
    b = make_node(Gather(0), [a, input_node("i", TensorType(INT64, (4,)))])
    c = apply("exp", b)
    plan = planned([apply("neg", transposed(c))], passes=passes)
    assert (plan.schedule.kernel_of[b] == plan.schedule.kernel_of[c]) == (passes == "fused")
    written = b if passes == "none" else c
    refuted(moved(plan, written, offset=plan.places[a].offset), "picks elements of it, or by them")


def test_two_results_of_one_kernel_over_each_other():
    x = x_of()
    a, b = apply("tanh", x), apply("neg", x)
    plan = planned([apply("exp", transposed(a)), apply("exp", transposed(b))], passes="fused")
    assert plan.schedule.kernel_of[a] == plan.schedule.kernel_of[b]
    refuted(moved(plan, b, offset=plan.places[a].offset), "two results over each other")


# Plans: parameters


def test_a_commit_that_is_too_early():
    w, x = parameter(4, 4), x_of((4, 4))
    new = apply("sub", w, x)
    later = apply("tanh", transposed(w))
    plan = planned([later], [(w, new)])
    (commit,) = plan.commits
    refuted(replace(plan, commits=(replace(commit, after=0),)), "reads a value that was overwritten")
    refuted(replace(plan, commits=(replace(commit, after=-1),)), "not there yet")
    refuted(replace(plan, commits=(replace(commit, after=9),)), "a commit waits for one of the kernels")


def test_a_commit_that_is_forgotten():
    w, x = parameter(4, 4), x_of((4, 4))
    plan = planned([w], [(w, apply("sub", w, x))])
    refuted(replace(plan, commits=()), "a parameter does not hold its new value")


def test_a_commit_after_the_memory_of_its_value_is_reused(line):
    x, w = x_of((4,)), parameter(4)
    new = apply("sub", w, x)
    a = apply("tanh", x)
    b = apply("neg", a)
    plan = planned([apply("exp", b), apply("exp", w)], [(w, new)])
    (commit,) = plan.commits
    assert isinstance(plan.places[new], InSlab)
    early = moved(plan, new, last=plan.places[new].first)
    refuted(early, "after the end of its lifetime|memory holds something else")
    assert commit.after > plan.places[new].first


def test_a_parameter_written_while_its_old_value_is_needed():
    w, x = parameter(4, 4), x_of((4, 4))
    new = apply("sub", w, x)
    plan = planned([apply("tanh", w)], [(w, new)])
    direct = replace(moved(plan, new, InParameter(w)), commits=())
    refuted(direct, "reads a value that was overwritten")


def test_a_parameter_written_by_a_kernel_that_reads_it_under_another_name_turned():
    w = parameter(4, 4)
    new = apply("add", w, transposed(w.named("again")))
    plan = planned([], [(w, new)])
    refuted(
        replace(moved(plan, new, InParameter(w)), commits=()), "reads elements that other iterations write"
    )


def test_a_parameter_that_nobody_updates():
    """A buffer that is only read, but tagged as written."""
    w, x = parameter(4), x_of((4,))
    a = apply("tanh", x)
    plan = planned([apply("add", a, w)])
    refuted(moved(plan, a, InParameter(w)), "a parameter is written that is not updated")
    refuted(replace(plan, commits=(Commit(w, x, 0),)), "a parameter is written that is not updated")


def test_a_constant_or_an_input_that_is_written():
    x, one = x_of((4,)), constant_node([1.0] * 4, FLOAT32)
    a = apply("tanh", apply("add", x, one))
    plan = planned([apply("neg", a)])
    refuted(moved(plan, a, InParameter(one)), "a parameter is written")
    refuted(moved(plan, a, InParameter(x)), "a parameter is written")
    refuted(moved(plan, a, InInput(x)), "an input was not donated")


def test_a_donated_input_that_is_read_again():
    x = x_of((4,))
    a = apply("tanh", x)
    b = apply("add", a, x)
    plan = planned([apply("neg", b)], donated=[x])
    prove_plan(moved(plan, b, InInput(x)))
    refuted(moved(plan, a, InInput(x)), "reads a value that was overwritten")


def test_a_donated_input_that_is_written_before_all_that_can_fail():
    x = x_of((4,))
    a = apply("tanh", x)
    plan = planned([failing_call(apply("neg", a))], donated=[x])
    refuted(moved(plan, a, InInput(x)), "before all that can fail")


def test_a_parameter_that_is_written_before_all_that_can_fail():
    w, x = parameter(4), x_of((4,))
    new = apply("sub", w, x)
    plan = planned([failing_call(x)], [(w, new)])
    (commit,) = plan.commits
    refuted(replace(plan, commits=(replace(commit, after=0),)), "before all that can fail")
    refuted(replace(moved(plan, new, InParameter(w)), commits=()), "before all that can fail")


def test_a_gather_can_fail_and_its_adjoint_cannot():
    w, v, table = parameter(4), parameter(4, name="v"), parameter(5, 4, name="table")
    index = input_node("i", TensorType(INT64, (3,)))
    new = apply("sub", w, v)
    rows = make_node(Gather(0), [table, index])
    plan = planned([rows], [(w, new)])
    (commit,) = plan.commits
    refuted(replace(plan, commits=(replace(commit, after=0),)), "before all that can fail")


def test_a_swap_without_a_third_place():
    w, v = parameter(4), parameter(4, name="v")
    plan = planned([], [(w, v), (v, w)])
    straight = tuple(replace(item, through=None) for item in plan.commits)
    refuted(replace(plan, commits=straight), "reads a value that was overwritten")


def test_a_swap_through_memory_that_is_in_use():
    w, v, x = parameter(4), parameter(4, name="v"), x_of((4,))
    a = apply("tanh", x)
    b = apply("add", apply("neg", a), a)
    plan = planned([b, failing_call(x)], [(w, v), (v, w)])
    swap = next(item for item in plan.commits if item.through is not None)

    def through(**changes):
        other = replace(swap, through=replace(swap.through, **changes))
        return replace(plan, commits=tuple(other if item is swap else item for item in plan.commits))

    refuted(through(first=0), "a slot lives from the kernel that writes it")
    refuted(through(offset=4 * BATCH), "ends in the slab")
    early = tuple(
        replace(
            item,
            after=0,
            through=item.through and replace(item.through, first=0, last=0, offset=place.offset),
        )
        for item in plan.commits
        for place in [plan.places[a]]
    )
    refuted(replace(plan, commits=early), "before all that can fail|memory holds something else")


def test_a_chain_of_old_values_in_the_wrong_order():
    a, b, c = (parameter(4, name=name) for name in "abc")
    plan = planned([], [(b, c), (a, b)])
    refuted(replace(plan, commits=plan.commits[::-1]), "reads a value that was overwritten")


def test_a_parameter_copied_over_itself():
    w = parameter(3, 3)
    plan = planned([], [(w, transposed(w))])
    refuted(
        replace(plan, commits=(replace(plan.commits[0], through=None),)), "copies a parameter over itself"
    )


def test_a_parameter_that_gets_a_view_of_itself_does_not_count_as_kept():
    w = parameter(3, 3)
    plan = planned([], [(w, transposed(w))])
    refuted(replace(plan, commits=()), "does not hold its new value")


def test_a_parameter_written_with_a_value_of_another_type():
    w, x = parameter(4), x_of((2, 2))
    a = apply("tanh", x)
    new = apply("neg", make_node(Reshape((4,)), [a]))
    plan = planned([], [(w, new)])
    refuted(moved(plan, a, InParameter(w)), "a value of another type")


def test_what_has_no_elements_is_written_over_nothing():
    w = parameter(0)
    flat = make_node(Reshape((0,)), [make_node(Reshape((0, 2)), [w])])
    new = apply("add", w, flat)
    plan = planned([], [(w, new)])
    assert isinstance(plan.places[new], InParameter)


# Schedules


def marked(outputs, pairs, updates=(), donated=(), passes="none"):
    """A schedule with marks put by hand: pairs of a result and the operand that it is written over."""
    base = scheduled(Graph.of(outputs, updates), passes, donated)
    prove_schedule(base)
    marks = dict(pairs)
    kernels = tuple(
        Kernel(item.members, {n: marks[n] for n in item.members if n in marks}) for item in base.kernels
    )
    assert sum(len(kernel.in_place) for kernel in kernels) == len(marks)
    return replace(base, kernels=kernels)


def convicted(schedule, sentence):
    with pytest.raises(LawError, match=sentence):
        prove_schedule(schedule)


def test_marks_that_are_right_are_let_through():
    x = x_of((4, 4))
    a = apply("tanh", x)
    b = apply("add", a, apply("neg", a))
    c = apply("exp", b)
    prove_schedule(marked([apply("neg", c)], [(b, a), (c, b)]))


def test_an_operand_that_is_read_later():
    """The bug graph `a + 2*b` into `a`, with `a` read again."""
    x, y = x_of((4,)), x_of((4,), "y")
    a = apply("tanh", x)
    total = apply("add", a, apply("mul", y, 2.0))
    again = apply("mul", a, total)
    convicted(marked([apply("neg", again)], [(total, a)]), "reads a value after another was written over it")


def test_a_view_that_is_read_later():
    """The bug graph of a view that is still needed after an op in place."""
    x = x_of((4, 4))
    a = apply("tanh", x)
    view = transposed(a)
    b = apply("neg", a)
    c = apply("add", view, b)
    convicted(marked([apply("neg", c)], [(b, a)]), "reads a value after another was written over it")


def test_an_operand_that_is_read_turned():
    a = apply("tanh", x_of((4, 4)))
    b = apply("add", a, transposed(a))
    convicted(marked([apply("neg", b)], [(b, a)]), "reads elements that other iterations write")


def test_an_operand_that_is_read_reversed():
    a = apply("tanh", x_of((4,)))
    b = apply("add", a, make_node(Slice((3,), (4,), (-1,)), [a]))
    convicted(marked([apply("neg", b)], [(b, a)]), "reads elements that other iterations write")


def test_an_operand_that_is_read_in_windows():
    a = apply("tanh", x_of((5,)))
    overlapping = make_node(Window((0,), (5,), (1,), (1,), (1,)), [a])
    b = apply("neg", overlapping)
    prove_schedule(marked([apply("exp", b)], [(b, overlapping)]))
    a = apply("tanh", x_of((6,)))
    b = apply("neg", make_node(Window((0,), (3,), (2,), (1,), (1,)), [a]))
    convicted(marked([apply("exp", b)], [(b, b.operands[0])]), "reads elements that other iterations write")
    a = apply("tanh", x_of((6,)))
    b = apply("neg", make_node(Window((0,), (3,), (2,), (2,), (1,)), [a]))
    prove_schedule(marked([apply("exp", b)], [(b, b.operands[0])]))


def test_an_operand_that_is_broadcast():
    a = apply("tanh", x_of((1, 4)))
    b = apply("add", a, x_of((4, 4), "y"))
    convicted(marked([apply("neg", b)], [(b, a)]), "a buffer of another size")


def test_an_operand_whose_diagonal_is_read_too():
    a = apply("tanh", x_of((4, 4)))
    b = apply("add", a, make_node(Diagonal(0, 1), [a]))
    convicted(marked([apply("neg", b)], [(b, a)]), "reads elements that other iterations write")


def test_a_result_with_larger_elements():
    a = apply("tanh", x_of((4,)))
    b = apply("tanh", a, dtype=FLOAT64)
    convicted(marked([apply("neg", b)], [(b, a)]), "a buffer of another size")


def test_a_part_of_a_buffer():
    a = apply("tanh", x_of((8,)))
    b = apply("neg", make_node(Slice((0,), (4,), (1,)), [a]))
    convicted(marked([apply("neg", b)], [(b, b.operands[0])]), "a buffer of another size")


@pytest.mark.parametrize("leaf", [parameter(4), constant_node([1.0] * 4, FLOAT32), x_of((4,), "y")])
def test_a_buffer_that_is_only_read(leaf):
    a = apply("add", x_of((4,)), leaf)
    convicted(marked([apply("neg", a)], [(a, leaf)]), "memory that is not the program's")


def test_a_donated_input_is_written_after_all_that_can_fail():
    x = x_of((4,))
    a = apply("tanh", x)
    prove_schedule(marked([apply("neg", a)], [(a, x)], donated=[x]))
    convicted(marked([failing_call(apply("neg", a))], [(a, x)], donated=[x]), "before all that can fail")


def test_a_value_that_is_returned():
    x = x_of((4,))
    a = apply("tanh", x)
    b = apply("neg", a)
    convicted(marked([a, apply("neg", b)], [(b, a)]), "a result of the program is written over")
    convicted(marked([transposed(make_node(Reshape((2, 2)), [a])), apply("neg", b)], [(b, a)]), "a result of")


def test_a_value_that_updates_a_parameter():
    w, x = parameter(4), x_of((4,))
    a = apply("tanh", x)
    b = apply("neg", a)
    convicted(marked([apply("neg", b)], [(b, a)], [(w, a)]), "a result of the program is written over")


def test_two_results_over_one_operand():
    x = x_of((4, 4))
    a = apply("tanh", x)
    same = make_node(Reshape((4, 4)), [make_node(Reshape((16,)), [a])])
    b, c = apply("neg", a), apply("exp", same)
    kernels = [Kernel((item,)) for item in (a, same.operands[0], same)]
    graph = Graph.of([apply("neg", b), apply("neg", c)])
    rest = [Kernel((node,)) for node in graph.outputs]
    two = Kernel((b, c), {b: a, c: same})
    convicted(Schedule(graph, (*kernels, two, *rest)), "two results are written over one buffer")


def test_two_destroyers_in_a_large_graph():
    """Each of two results, a thousand kernels apart, is written over the same operand."""
    x = x_of((4,))
    a = apply("tanh", x)
    first = node = apply("neg", a)
    for _ in range(1000):
        node = apply("tanh", node)
    second = apply("add", a, node)
    outputs = [apply("neg", second)]
    prove_schedule(marked(outputs, [(second, a)]))
    convicted(marked(outputs, [(first, a)]), "reads a value after another was written over it")
    convicted(marked(outputs, [(first, a), (second, a)]), "reads a value after another was written over it")


def test_a_member_behind_the_result_that_reads_the_operand():
    x = x_of((4,))
    a = apply("tanh", transposed(x))
    b, c = apply("neg", a), apply("exp", a)
    outputs = [apply("neg", transposed(b)), apply("neg", transposed(c))]
    graph = Graph.of(outputs)
    base = scheduled(graph)
    kernels = [kernel for kernel in base.kernels if kernel.members[0] not in (b, c)]
    place = next(k for k, kernel in enumerate(kernels) if kernel.members == (a,)) + 1

    def with_mark(result):
        return Schedule(graph, (*kernels[:place], Kernel((b, c), {result: a}), *kernels[place:]))

    prove_schedule(with_mark(c))
    convicted(with_mark(b), "is written$|reads it after")


def rows_of(x):
    """m, e, s, y of a softmax over rows."""
    m = reduce(Reducer.MAX, x, [1], keepdims=True)
    e = apply("exp", apply("sub", x, m))
    s = reduce(Reducer.SUM, e, [1], keepdims=True)
    return m, e, s, apply("div", e, s)


def test_a_row_kernel_that_reads_the_row_again():
    x = contract([x_of((4, 8)), parameter(8, 8)], [(0, 1), (1, 2)], (0, 2), [4, 8, 8])
    _, e, _, y = rows_of(x)
    z = apply("mul", y, x)
    graph = Graph.of([apply("neg", transposed(y)), apply("neg", transposed(z)), apply("neg", transposed(e))])
    base = scheduled(graph, "fused")
    place = base.kernel_of[y]
    assert {e, z} <= set(base.kernels[place].members)

    def with_mark(result):
        kernels = list(base.kernels)
        kernels[place] = Kernel(kernels[place].members, {result: x})
        return replace(base, kernels=tuple(kernels))

    prove_schedule(with_mark(z))
    convicted(with_mark(e), "the rows are read again")
    convicted(with_mark(y), "reads it after")


def test_a_sum_that_adds_up_while_the_operand_is_read():
    """A trailing reduction over a vector of the same size that every row reads."""
    u = apply("tanh", x_of((8,), "u"))
    x = x_of((40, 8))
    p = apply("add", x, u)
    t = reduce(Reducer.SUM, p, [0])
    graph = Graph.of([apply("neg", make_node(Reshape((2, 4)), [t]))])
    base = scheduled(graph)
    kernels = [kernel for kernel in base.kernels if kernel.members[0] not in (p, t)]
    fused = Kernel((p, t), {t: u})
    convicted(Schedule(graph, (kernels[0], fused, *kernels[1:])), "adds up while its operands are read")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda a: contract([a, a], [(0, 1), (1, 2)], (0, 2), [4, 4, 4]), "adds up while"),
        (lambda a: make_node(Concatenate(0), [a]), "no map, and its elements have no order"),
        (failing_call, "no map, and its elements have no order"),
        (lambda a: make_node(Reshape((16,)), [transposed(a)]), "no map|two|order"),
    ],
)
def test_an_op_that_is_no_map(make, sentence):
    a = apply("tanh", x_of((4, 4)))
    b = make(a)
    operand = b.operands[0]
    convicted(marked([apply("neg", b)], [(b, operand)]), sentence)


def test_a_value_that_does_not_leave_its_kernel():
    x = x_of((4,))
    a = apply("tanh", transposed(x))
    b = apply("neg", a)
    schedule = scheduled(Graph.of([apply("exp", b)]))
    fused = Kernel((b, schedule.graph.outputs[0]), {b: a})
    kernels = (*schedule.kernels[:2], fused)
    convicted(replace(schedule, kernels=kernels), "a mark names a value that leaves its kernel")


def test_marks_that_name_something_else():
    x = x_of((4,))
    a, other = apply("tanh", x), apply("exp", x)
    b = apply("neg", a)
    outputs = [apply("neg", b), other]
    convicted(marked(outputs, [(b, other)]), "a mark names an operand of its kernel")
    base = scheduled(Graph.of(outputs))
    wrong = Kernel(base.kernels[0].members, {b: x})
    convicted(replace(base, kernels=(wrong, *base.kernels[1:])), "a mark names a member of its kernel")


def test_a_node_that_is_forgotten_or_computed_twice():
    schedule = scheduled(Graph.of([apply("neg", apply("tanh", x_of((4,))))]))
    first, second = schedule.kernels
    convicted(replace(schedule, kernels=(first,)), "computed once|computed before it is read")
    convicted(replace(schedule, kernels=(first, first, second)), "a node is computed once")
    convicted(replace(schedule, kernels=(Kernel(first.members * 2), second)), "a kernel computes a node once")
    backward = Kernel((*second.members, *first.members))
    convicted(replace(schedule, kernels=(backward,)), "a member comes after those that it reads")


def test_members_without_common_loops():
    a = apply("tanh", x_of((4,)))
    b = apply("neg", x_of((3,), "y"))
    joined = make_node(Concatenate(0), [a, b])
    graph = Graph.of([joined])
    convicted(Schedule(graph, (Kernel((a, b)), Kernel((joined,)))), "common loops")


def test_common_loops_that_are_claimed_wrongly():
    """The loops of a kernel are believed of nobody: here they are claimed turned for one member."""
    x = x_of((4, 4))
    a = apply("tanh", x)
    b = apply("neg", a)
    schedule = scheduled(Graph.of([b]), "fused")
    (kernel,) = schedule.kernels
    vars(kernel)["nest"] = replace(kernel.nest, placement={**kernel.nest.placement, b: (1, 0)})
    convicted(schedule, "a member reads another where it is made")


def test_the_maker_is_named():
    schedule = scheduled(Graph.of([apply("neg", apply("tanh", x_of((4,))))]))
    with pytest.raises(LawError, match="pass reverse broke a law: a value is computed before"):
        prove_schedule(replace(schedule, kernels=schedule.kernels[::-1]), "pass reverse")
    plan = make_plan(schedule)
    with pytest.raises(LawError, match="planner nobody broke a law: a slot ends"):
        prove_plan(replace(plan, peak_bytes=0), "planner nobody")


# Random mutations: whatever the proof lets through is right


def mutations(plan, rng):
    """The plan after one random change."""
    slots = [node for node, place in plan.places.items() if isinstance(place, InSlab)]
    kinds = ["swap kernels", *(["offset", "last", "join", "place"] if slots else [])]
    kinds += ["drop", "early", "order"] if plan.commits else []
    kind = rng.choice(kinds)
    if kind in ("drop", "early", "order"):
        commits = list(plan.commits)
        place = rng.randrange(len(commits))
        if kind == "drop":
            del commits[place]
        elif kind == "early":
            commits[place] = replace(commits[place], after=rng.randrange(-1, commits[place].after + 1))
        else:
            rng.shuffle(commits)
        return replace(plan, commits=tuple(commits))
    if kind == "swap kernels":
        order = list(range(len(plan.schedule.kernels)))
        if len(order) < 2:
            return plan
        place = rng.randrange(len(order) - 1)
        order[place], order[place + 1] = order[place + 1], order[place]
        return reordered(plan, *order)
    node = rng.choice(slots)
    slot = plan.places[node]
    if kind == "offset":
        return moved(plan, node, offset=max(0, slot.offset + rng.choice([-64, -8, 8, 64])))
    if kind == "last":
        return moved(plan, node, last=slot.last - 1)
    if kind == "join":
        return moved(plan, node, offset=plan.places[rng.choice(slots)].offset)
    updated = [parameter for parameter, _ in plan.schedule.graph.updates]
    return moved(plan, node, InParameter(rng.choice(updated))) if updated else plan


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_a_mutant_is_refuted_or_right(first):
    caught = kept = 0
    for seed in range(first, first + 50):
        busy = Busy(seed)
        side = busy.shape[0]
        numbers = np.random.default_rng(seed)
        arguments = [numbers.normal(size=(side, side)), numbers.integers(0, side, side)]
        plan = make_plan(scheduled(busy.graph, random.Random(seed).choice(list(PASSES)), busy.donated))
        for attempt in range(6):
            mutant = mutations(plan, random.Random((seed, attempt).__hash__()))
            try:
                prove_plan(mutant)
            except LawError:
                caught += 1
                continue
            kept += 1
            assert difference(oracle(busy.graph, arguments, {}), run_plan(mutant, arguments, {})) == "", seed
    assert caught > 40
    assert kept > 10


@pytest.mark.parametrize("first", range(0, 160, 40))
def test_a_random_mark_is_refuted_or_right(first):
    caught = kept = 0
    for seed in range(first, first + 40):
        maker, rng = Maker(seed), random.Random(seed)
        base = scheduled(maker.graph, rng.choice(["none", "fused"]))
        for _ in range(6):
            place = rng.randrange(len(base.kernels))
            kernel = base.kernels[place]
            operands = [node for node in kernel.operands if not node.op.has(Trait.LEAF)]
            results = base.outputs(kernel)
            if not operands or not all(isinstance(node.op, MapReduce | Gather) for node in kernel.members):
                continue
            marks = {rng.choice(results): rng.choice(operands)}
            kernels = (*base.kernels[:place], Kernel(kernel.members, marks), *base.kernels[place + 1 :])
            schedule = replace(base, kernels=kernels)
            try:
                prove_schedule(schedule)
            except LawError:
                caught += 1
                continue
            kept += 1
            _walks_right(schedule, seed)
    assert caught > 20
    assert kept > 2


def _walks_right(schedule, seed):
    numbers = np.random.default_rng(seed)
    graph, sizes = schedule.graph, {"batch": 3}
    arguments = [
        numbers.normal(size=[sizes["batch"] if n == BATCH else n for n in node.type.shape])
        for node in graph.inputs
    ]
    leaves = dict(zip(graph.inputs, arguments, strict=True))
    leaves |= {node: node.op.buffer.array for node in graph.nodes if not node.operands and node not in leaves}
    for tile in (1, 2, 100):
        found = Walk(schedule, leaves, sizes, tile).run()
        assert difference(oracle(graph, arguments, sizes), found) == "", (seed, tile)


def test_sentences_name_the_nodes(line):
    plan, a, b, *_ = line
    with pytest.raises(LawError) as caught:
        prove_plan(moved(plan, b, offset=plan.places[a].offset))
    assert re.search(
        r"\n  a result of tanh : f32\[batch,4\], from .*programs.py|test_proof.py", str(caught.value)
    )
