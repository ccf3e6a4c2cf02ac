"""Where values live: plans run byte by byte against the oracle, and each rule on a graph of its own."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import LawError
from compiler.ir.build import apply, constant_node, contract, input_node, parameter_node, reduce
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Gather, Reducer, Reshape, ScatterAdd, Slice
from compiler.ir.types import FLOAT32, INT64, TensorType
from compiler.schedule import parts
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
from tests.properties.comparing import difference, oracle
from tests.properties.random_graphs import random_graph


def plan_of(outputs, updates=(), passes="none", donated=()):
    schedule = scheduled(Graph.of(outputs, updates), passes, donated)
    prove_schedule(schedule)
    plan = make_plan(schedule)
    prove_plan(plan)
    return plan


# Random graphs


@pytest.fixture
def _short_runs(monkeypatch):
    """Small arrays are parts of others."""
    monkeypatch.setattr(parts, "RUN", 1)


@pytest.mark.usefixtures("_short_runs")
@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("first", range(0, 120, 20))
def test_random_updates_and_views_are_right(first, passes):
    for seed in range(first, first + 20):
        busy = Busy(seed)
        rng, side = np.random.default_rng(seed), busy.shape[0]
        arguments = [rng.normal(size=(side, side)), rng.integers(0, side, side)]
        schedule = scheduled(busy.graph, passes, busy.donated)
        prove_schedule(schedule)
        plan = make_plan(schedule)
        prove_plan(plan)
        assert difference(oracle(busy.graph, arguments, {}), run_plan(plan, arguments, {})) == "", seed


@pytest.mark.usefixtures("_short_runs")
@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_graphs_of_all_ops_are_right_at_several_sizes(first, passes):
    for seed in range(first, first + 20):
        sample = random_graph(seed)
        schedule = scheduled(sample.graph, passes)
        plan = make_plan(schedule)
        prove_plan(plan)
        for call in range(3):
            arguments, sizes = sample.arguments(call), sample.sizes(call)
            want = oracle(sample.graph, arguments, sizes)
            assert difference(want, run_plan(plan, arguments, sizes)) == "", (seed, call)


# Places


def test_leaves_views_outputs_and_the_slab():
    x = x_of()
    a = apply("tanh", x)
    view = transposed(a)
    y = apply("neg", view)
    plan = plan_of([y])
    assert plan.places[x] == InLeaf()
    assert plan.places[view] == View(a, 0, (1, 4))
    assert plan.places[y] == InOutput(0)
    assert plan.places[a] == InSlab(0, 16 * BATCH, 0, 2)
    assert plan.copies == ()


def test_what_stays_in_its_kernel_has_no_place():
    x = x_of()
    a = apply("tanh", x)
    y = apply("neg", a)
    assert a not in plan_of([y], passes="fused").places


def test_leaves_views_and_values_returned_twice_are_copied():
    x = x_of()
    a = apply("tanh", x)
    view = transposed(a)
    plan = plan_of([x, a, view, a])
    assert plan.places[a] == InOutput(1)
    assert plan.copies == (OutputCopy(x, 0), OutputCopy(view, 2), OutputCopy(a, 3))
    assert plan.peak_bytes == 0


def test_what_a_returned_view_has_all_elements_of_is_computed_in_the_output():
    x = x_of()
    a = apply("tanh", x)
    flat = make_node(Reshape((a.type.shape[0] * 4,)), [a])
    plan = plan_of([flat])
    assert (plan.places[a], plan.copies, plan.peak_bytes) == (InOutput(0), (), 0)
    plan = plan_of([flat, flat])
    assert (plan.places[a], plan.copies) == (InOutput(0), (OutputCopy(flat, 1),))
    plan = plan_of([flat, a])
    assert (plan.places[a], plan.copies) == (InOutput(1), (OutputCopy(flat, 0),))


def test_a_value_lives_as_long_as_somebody_reads_a_view_of_it():
    x = x_of()
    a = apply("tanh", x)
    view = transposed(transposed(a))
    b = apply("tanh", x)
    y = apply("add", b, view)
    plan = plan_of([y])
    assert plan.places[a].last == plan.schedule.kernel_of[y]


def test_a_copied_view_keeps_its_base_to_the_end():
    x = x_of()
    a = apply("tanh", x)
    plan = plan_of([transposed(a), apply("neg", x)])
    assert plan.places[a].last == len(plan.schedule.kernels) - 1


def test_a_reshape_that_no_strides_describe_is_computed():
    a = apply("tanh", x_of())
    copy = make_node(Reshape((4 * BATCH,)), [transposed(a)])
    plan = plan_of([apply("neg", copy)])
    assert isinstance(plan.places[copy], InSlab)


def test_the_peak_is_a_formula_and_a_number():
    x = x_of()
    a = apply("tanh", x)
    b = apply("tanh", a)
    c = apply("tanh", b)
    plan = plan_of([apply("neg", c)])
    # 16 bytes a row are aligned to 16, and lie side by side.
    assert plan.peak_bytes == 32 * BATCH
    assert plan.peak_bytes.at(batch=64) == plan.at(batch=64) == 2048
    assert plan.unshared_bytes == 48 * BATCH


def test_a_program_without_kernels():
    x, w = x_of(), parameter(2)
    plan = plan_of([x, w], [(w, parameter(2, name="v"))])
    assert plan.peak_bytes == 0
    assert plan.commits[0].after == -1


# In place


def marked(outputs, *pairs, updates=(), donated=()):
    """The plan of a schedule with marks put by hand: pairs of a result and the operand it is written over."""
    base = Schedule.of(Graph.of(outputs, updates), donated)
    marks = dict(pairs)
    kernels = tuple(
        Kernel(item.members, {n: marks[n] for n in item.members if n in marks}) for item in base.kernels
    )
    schedule = Schedule(base.graph, kernels, base.donated)
    prove_schedule(schedule)
    plan = make_plan(schedule)
    prove_plan(plan)
    return plan


def test_a_result_in_place_shares_the_slot_through_a_chain():
    x = x_of()
    a = apply("tanh", x)
    b = apply("neg", a)
    c = apply("exp", b)
    plan = marked([apply("neg", c)], (b, a), (c, b))
    assert plan.places[a] == InSlab(0, 16 * BATCH, 0, 1)
    assert plan.places[b] == InSlab(0, 16 * BATCH, 1, 2)
    assert plan.places[c] == InSlab(0, 16 * BATCH, 2, 3)
    assert plan.peak_bytes == 16 * BATCH


def test_a_slot_that_is_taken_over_does_not_die():
    x = x_of()
    a = apply("tanh", x)
    b = apply("neg", a)
    plan = marked([apply("neg", b)], (b, a))
    assert plan.dying == {2: (plan.places[b],)}
    assert plan_of([apply("neg", b)]).dying[1][0].first == 0


def test_a_donated_input_can_be_written_over():
    x = x_of()
    a = apply("tanh", x)
    plan = marked([apply("neg", a)], (a, x), donated=[x])
    assert plan.places[a] == InInput(x)
    assert plan.peak_bytes == 0


def test_an_output_over_a_donated_input_is_returned_there():
    x = x_of()
    a = apply("tanh", x)
    b = apply("neg", a)
    plan = marked([a.operands[0], b], (b, a), donated=[])
    assert plan.handed == {}
    plan = marked([b], (a, x), (b, a), donated=[x])
    assert plan.places[a] == plan.places[b] == InInput(x)
    assert plan.handed == {0: x}
    assert "output 0 is %x" in str(plan)
    assert plan.to_dict()["handed"] == [{"output": 0, "input": "%x"}]


def test_a_plan_that_returns_the_wrong_array_is_refused():
    x, y = x_of(), x_of(name="y")
    plan = marked([apply("neg", x), apply("tanh", y)], donated=[x, y])
    with pytest.raises(LawError, match="output 0 does not hold its value"):
        prove_plan(replace(plan, handed={0: x}))
    a = apply("neg", x)
    plan = marked([a, y], (a, x), donated=[x])
    assert plan.handed == {0: x}
    with pytest.raises(LawError, match="output 1 is the array of an input that was donated"):
        prove_plan(replace(plan, handed={0: x, 1: y}))
    with pytest.raises(LawError, match="output 0 does not hold its value"):
        prove_plan(replace(plan, handed={}))


# Updates


def test_an_update_is_written_by_its_kernel_over_the_old_value_that_it_reads():
    w, x = parameter(4), x_of((4,))
    new = apply("sub", w, x)
    plan = plan_of([], [(w, new)])
    assert plan.places[new] == InParameter(w)
    assert plan.commits == ()


def test_an_update_that_reads_the_old_value_elsewhere_is_copied():
    w = parameter(4, 4)
    new = apply("add", w, transposed(w))
    plan = plan_of([], [(w, new)])
    assert isinstance(plan.places[new], InSlab)
    assert plan.commits == (Commit(w, new, plan.schedule.kernel_of[new]),)


@pytest.mark.parametrize("through", [lambda w: w, transposed, lambda w: w.named("again")])
def test_an_update_waits_for_the_last_reader_of_the_old_value_by_any_name(through):
    w, x = parameter(4, 4), x_of((4, 4))
    old = through(w)
    new = apply("sub", w, x)
    later = apply("tanh", old)
    plan = plan_of([apply("tanh", later)], [(w, new)])
    assert isinstance(plan.places[new], InSlab)
    assert plan.commits == (Commit(w, new, plan.schedule.kernel_of[later]),)


def test_an_update_is_written_at_once_where_the_old_value_was_read_before():
    w, x = parameter(4, 4), x_of((4, 4))
    first = apply("tanh", transposed(w))
    new = contract([first, x], [(0, 1), (1, 2)], (0, 2), [4, 4, 4])
    plan = plan_of([first], [(w, new)])
    assert plan.places[new] == InParameter(w)


def test_a_parameter_that_is_returned_is_written_after_the_copy():
    w, x = parameter(4), x_of((4,))
    new = apply("sub", w, x)
    plan = plan_of([w], [(w, new)])
    assert plan.copies == (OutputCopy(w, 0),)
    assert plan.commits == (Commit(w, new, 0),)


def test_an_update_that_is_returned_is_computed_in_the_output():
    w, x = parameter(4), x_of((4,))
    new = apply("sub", w, x)
    plan = plan_of([new], [(w, new)])
    assert plan.places[new] == InOutput(0)
    assert plan.commits == (Commit(w, new, 0),)


def test_one_value_for_two_parameters_is_written_into_one_and_copied_to_the_other():
    w, v, x = parameter(4), parameter(4, name="v"), x_of((4,))
    new = apply("tanh", x)
    plan = plan_of([], [(w, new), (v, new)])
    assert plan.places[new] == InParameter(w)
    assert plan.commits == (Commit(v, new, 0),)


def test_swapped_parameters_go_through_the_slab():
    w, v = parameter(4), parameter(4, name="v")
    plan = plan_of([], [(w, v), (v, w)])
    assert [item.through is None for item in plan.commits] == [True, False]
    assert plan.peak_bytes == 16
    got = run_plan(plan, [], {})
    assert np.array_equal(got[0], v.op.buffer.array)
    assert np.array_equal(got[1], w.op.buffer.array)


def test_a_chain_of_old_values_is_copied_in_the_order_in_which_they_are_read():
    a, b, c = (parameter(4, name=name) for name in "abc")
    plan = plan_of([], [(b, c), (a, b)])
    assert [item.parameter for item in plan.commits] == [a, b]
    assert plan.peak_bytes == 0


def test_a_parameter_that_turns_itself_goes_through_the_slab():
    w = parameter(3, 3)
    plan = plan_of([], [(w, transposed(w))])
    assert plan.commits[0].through is not None
    assert np.array_equal(run_plan(plan, [], {})[0], w.op.buffer.array.T)


def test_a_parameter_that_keeps_its_value_is_left_alone():
    w = parameter(4)
    plan = plan_of([], [(w, make_node(Reshape((4,)), [make_node(Reshape((2, 2)), [w])]))])
    assert plan.commits == ()


def test_nothing_is_written_before_all_that_can_fail():
    w, x = parameter(4), x_of((4,))
    new = apply("sub", w, x)
    checked = failing_call(x)
    plan = plan_of([checked], [(w, new)])
    assert isinstance(plan.places[new], InSlab)
    assert plan.commits == (Commit(w, new, plan.schedule.kernel_of[checked]),)


def test_the_scatter_of_checked_indices_does_not_hold_updates_back():
    table, other, x = parameter(5, 4), parameter(4, name="b"), x_of((4,))
    index = input_node("i", TensorType(INT64, (3,)))
    rows = make_node(Gather(0), [table, index])
    bias = apply("sub", other, x)
    spread = make_node(ScatterAdd(0, 5), [index, rows])
    new = apply("sub", table, spread)
    plan = plan_of([], [(other, bias), (table, new)])
    assert plan.places[bias] == InParameter(other)
    assert plan.places[new] == InParameter(table)


def test_updates_of_many_layers_are_written_early():
    """Committed at the end, every layer's new weights would be alive at once."""
    x, layers = x_of((4, 4)), [parameter(4, 4, name=f"w{k}") for k in range(30)]
    h, updates = x, []
    for w in layers:
        h = apply("tanh", contract([h, w], [(0, 1), (1, 2)], (0, 2), [4, 4, 4]))
    for w in reversed(layers):
        step = contract([h, w], [(0, 1), (1, 2)], (0, 2), [4, 4, 4])
        updates.append((w, apply("sub", w, transposed(step))))
        h = step
    plan = plan_of([], updates)
    assert all(isinstance(plan.places[new], InParameter) for _, new in updates)
    assert plan.peak_bytes == 128


def test_a_fused_step_writes_moments_and_weights_in_place():
    w, m, x = parameter(4), parameter(4, name="m"), x_of((4,))
    moment = apply("add", apply("mul", m, 0.9), x)
    new = apply("sub", w, moment)
    plan = plan_of([], [(m, moment), (w, new)], "fused")
    assert len(plan.schedule.kernels) == 1
    assert plan.places[moment] == InParameter(m)
    assert plan.places[new] == InParameter(w)
    assert plan.peak_bytes == 0


def test_a_member_behind_the_update_that_reads_the_old_value_forbids_it():
    w, x = parameter(4), x_of((4,))
    new = apply("sub", w, x)
    other = apply("mul", w, x)
    plan = plan_of([other], [(w, new)], "fused")
    assert len(plan.schedule.kernels) == 1
    assert isinstance(plan.places[new], InSlab)


def test_a_reduction_of_rows_does_not_write_over_what_its_columns_read():
    w = parameter(3)
    x = x_of((3, 4))
    column = make_node(Reshape((3, 1)), [w])
    scaled = apply("mul", x, column)
    new = reduce(Reducer.SUM, scaled, [1])
    plan = plan_of([apply("sub", scaled, make_node(Reshape((3, 1)), [new]))], [(w, new)], "fused")
    assert not isinstance(plan.places[new], InParameter)


# Printing


def test_a_plan_prints_as_a_table():
    x, w = x_of(), parameter_node(np.ones(4, np.float32), "w")
    a = apply("tanh", x, name="a")
    shifted = make_node(Slice((0, 1), (BATCH, 2), (1, 1)), [a]).named("part")
    b = apply("neg", shifted, name="b")
    new = apply("sub", w, constant_node([1.0] * 4, FLOAT32, "one"), name="new")
    plan = plan_of([b, x], [(w, new)])
    assert str(plan) == (
        "kernel  value  type          place                        until\n"
        "0       %a     f32[batch,4]  slab 0 .. 16*batch           2\n"
        "1       %part  f32[batch,2]  view of %a from 1 by [4, 1]\n"
        "2       %b     f32[batch,2]  output 0\n"
        "3       %new   f32[4]        parameter %w\n"
        "at the end: output 1 <- %x\n"
        "slab: 16*batch bytes (16*batch without sharing)\n"
    )


def test_a_plan_shows_itself_in_one_line():
    plan = plan_of([apply("neg", apply("tanh", x_of()))])
    assert repr(plan) == "<Plan of 2 kernels and 0 commits in a slab of 16*batch bytes>"


def test_the_table_shows_commits_and_swaps():
    w, v = parameter(4), parameter(4, name="v")
    text = str(plan_of([], [(w, v), (v, w)]))
    assert "after kernel -1: %w <- %v\n" in text or "after kernel -1: %v <- %w\n" in text
    assert "through slab 0 .. 16" in text


# Size


@pytest.mark.slow
def test_fifty_thousand_kernels():
    x = node = x_of()
    kept = []
    for number in range(50_000):
        node = apply("tanh", node)
        kept += [node] if number % 100 == 0 else []
    for other in reversed(kept):
        node = apply("mul", node, other)
    plan = plan_of([node])
    assert plan.peak_bytes == (500 + 2) * 16 * BATCH
    assert plan.places[x] == InLeaf()
