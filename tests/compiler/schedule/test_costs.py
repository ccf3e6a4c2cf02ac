"""Costs of plans: by kernels, beside them, and as a table."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.analysis.cost import Cost
from compiler.errors import ArgumentError
from compiler.ir.dims import symbol
from compiler.schedule.costs import cost_of_plan
from compiler.schedule.tables import digits, scaled
from tests.compiler.schedule.programs import failing_call, x_of
from tinytorch.testing.programs import PROGRAMS

BATCH = symbol("batch")


def compiled(outputs, *, updates=None, backend="llvm", passes=None):
    """A program of all inputs that the outputs need."""
    found = tt.Graph.of([item.node for item in outputs]).inputs
    return tt.compile(
        [tt.Tensor(node) for node in found], outputs, updates=updates, passes=passes, backend=backend
    )


def test_a_fused_product_counts_its_epilogue_and_moves_only_what_leaves():
    x = tt.input("x", ("batch", 64))
    w, b = tt.parameter(np.ones((64, 32), np.float32)), tt.parameter(np.ones(32, np.float32))
    cost = compiled([tt.relu(x @ w + b)], backend="numpy", passes=()).cost
    product, shifted, bent = cost.kernels
    assert product == Cost(4096 * BATCH, 4096 * BATCH, 0, 256 * BATCH + 8192, 128 * BATCH)
    assert shifted == Cost(32 * BATCH, 32 * BATCH, 0, 128 * BATCH + 128, 128 * BATCH)
    assert bent == Cost(64 * BATCH, 64 * BATCH, 0, 128 * BATCH, 128 * BATCH)  # a comparison and a choice
    pytest.importorskip("llvmlite")
    (fused,) = compiled([tt.relu(x @ w + b)]).cost.kernels
    assert fused == Cost(4192 * BATCH, 4192 * BATCH, 0, 256 * BATCH + 8320, 128 * BATCH)


def test_a_total_is_the_sum_of_kernels_and_copies():
    x = tt.input("x", (6,))
    w, other = tt.parameter(np.ones(6, np.float32)), tt.parameter(np.zeros(6, np.float32))
    program = compiled([x, tt.exp(x)], updates={w: other, other: w}, backend="numpy")
    cost = program.cost
    assert cost.kernels == (Cost(6, 6, 6, 24, 24),)
    # x into its output, and two parameters that are swapped: one of them by way of the slab.
    assert cost.copies == Cost(bytes_read=24 + 24 + 48, bytes_written=24 + 24 + 48)
    assert cost.total == Cost(6, 6, 6, 24 + 96, 24 + 96)


def test_symbols_get_values():
    cost = compiled([tt.exp(tt.input("x", ("batch", 4)))], backend="numpy").cost
    assert cost.total.flops == 4 * BATCH
    found = cost.at(batch=64)
    assert (found.kernels, found.total.flops, found.total.intensity) == (
        (Cost(256, 256, 256, 1024, 1024),),
        256,
        0.125,
    )
    assert found.at() == found
    with pytest.raises(ArgumentError, match="no value is given for the symbolic dimension 'batch'"):
        cost.at(rows=64)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_kernel_has_a_cost_and_fusion_moves_no_more_bytes(name):
    made = PROGRAMS[name]()
    programs = [
        tt.compile(made.inputs, made.outputs, updates=made.updates, passes=passes, backend="numpy")
        for passes in (("fold_constants",), ("fold_constants", "fuse_elementwise"))
    ]
    _, sizes = programs[0].signature.bind(made.data, {})
    apart, fused = (program.cost.at(**sizes) for program in programs)
    for program, cost in zip(programs, (apart, fused), strict=True):
        assert len(cost.kernels) == len(program.schedule.kernels)
    assert fused.total.flops == apart.total.flops
    assert fused.total.bytes_moved <= apart.total.bytes_moved


def test_the_table_has_a_line_a_kernel_and_none_for_views():
    x = tt.input("x", ("batch", 4))
    h = tt.exp(x).reshape(["2*batch", 2])
    cost = compiled([h @ np.ones((2, 3), np.float32), x], backend="numpy", passes=()).cost
    assert str(cost) == (
        "          values  ops             flops           read     written               flop/byte\n"
        "kernel 0  %0      exp           4*batch     16*batch B  16*batch B                   0.125\n"
        "kernel 2  %3      contraction  24*batch  16*batch+24 B  24*batch B   (3*batch)/(5*batch+3)\n"
        "copies                                0     16*batch B  16*batch B                       0\n"
        "total                          28*batch  48*batch+24 B  56*batch B  (7*batch)/(26*batch+6)\n"
    )
    assert str(cost.at(batch=1000)).splitlines()[-1].split() == [
        "total", "28", "k", "48", "kB", "56", "kB", "0.269",
    ]  # fmt: skip
    assert repr(cost.at(batch=1)) == "<PlanCost of 3 kernels: 28 flops, 72 bytes read, 56 written>"


def test_what_nobody_can_count_is_marked():
    graph = tt.Graph.of([failing_call(x_of((4,)))])
    program = tt.compile([tt.Tensor(graph.inputs[0])], tt.Tensor(graph.outputs[0]), backend="numpy")
    assert program.cost.total.opaque == 1
    assert " 0 + ? " in str(program.cost)


def test_a_program_without_kernels_costs_its_copies():
    program = tt.compile([], tt.parameter(np.ones(3, np.float32)), backend="numpy")
    assert cost_of_plan(program.plan).total == Cost(bytes_read=12, bytes_written=12)
    assert str(program.cost).count("\n") == 3


def test_a_long_kernel_is_shortened():
    x = tt.input("x", (4,))
    values = [x + 1.0, x * 2.0, tt.exp(x), tt.tanh(x), tt.sin(x)]
    program = tt.compile([x], values, backend="numpy", passes=["fuse_elementwise"])
    assert "kernel 0  %0, %1, %2, 2 more  add, mul, exp, 2 more" in str(program.cost)


def test_numbers_have_three_digits_and_no_exponents():
    assert [scaled(n, "B") for n in (0, 7, 999, 1000, 65_536, 2**31)] == [
        "0 B", "7 B", "999 B", "1 kB", "65.5 kB", "2.15 GB",
    ]  # fmt: skip
    assert [digits(n) for n in (0.0, 0.00001, 0.5, 12.345, 1234.5, float("nan"))] == [
        "0", "0.000010", "0.5", "12.3", "1234", "",
    ]  # fmt: skip


# By part of the model, and by line


def scoped():
    x = tt.input("x", ("batch", 8))
    with tt.scope("encoder.first"):
        h = tt.tanh(x @ tt.parameter(np.ones((8, 8), np.float32), "w"))
    with tt.scope("encoder.second"):
        y = h * 2.0
    return compiled([(y + 1.0).sum(0), x], backend="numpy")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_costs_of_nodes_add_up_to_those_of_kernels_and_copies(name):
    made = PROGRAMS[name]()
    cost = tt.compile(made.inputs, made.outputs, updates=made.updates).cost
    for kernel, expected in zip(cost.schedule.kernels, cost.kernels, strict=True):
        found = [cost.members[node] for node in kernel.members if node in cost.members]
        assert sum(found, start=Cost()) == expected
    assert sum(cost.by_node.values(), start=Cost()) == cost.total
    for depth in (0, 1, None):
        assert sum((row.cost for row in cost.by_scope(depth).rows), start=Cost()) == cost.total
    assert sum((row.cost for row in cost.by_line().rows), start=Cost()) == cost.total


def test_costs_by_scope_are_of_its_nodes():
    cost = scoped().cost.at(batch=10)
    assert cost.by_scope()["encoder.first"].cost.flops == 10 * 8 * (2 * 8 + 1)
    assert cost.by_scope()["encoder.second"].cost.flops == 10 * 8
    assert cost.by_scope(1)["encoder"].cost.flops == 10 * 8 * (2 * 8 + 2)
    assert [row.label for row in cost.by_scope(0).rows] == [""]
    with pytest.raises(ArgumentError, match=r"'decoder'.*encoder\.first"):
        cost.by_scope()["decoder"]


def test_costs_by_line_name_the_users_line_and_the_scope():
    rows = scoped().cost.at(batch=10).by_line().rows
    assert rows[0].label.startswith("encoder.first")
    assert "h = tt.tanh(x @" in rows[0].label
    assert any(row.label.endswith('(y + 1.0).sum(0), x], backend="numpy")') for row in rows)


def test_a_profile_shares_the_time_of_its_kernels_among_their_nodes():
    program = scoped()
    found = program.profile(np.ones((10, 8), np.float32), seconds=1e-4)
    whole = sum(item.microseconds for item in found.kernels) + found.copies.microseconds
    for breakdown in (found.by_scope(), found.by_scope(1), found.by_line()):
        assert sum(row.microseconds for row in breakdown.rows) == pytest.approx(whole)
    spent = [row.microseconds for row in found.by_scope().rows]
    assert spent == sorted(spent, reverse=True)
    assert "encoder.first" in str(found.by_scope())
    assert "share" in str(found.by_scope())


def test_costs_that_grow_stand_before_those_that_do_not():
    x, w = tt.input("x", ("n", 3)), tt.parameter(np.ones((3, 3), np.float32), "w")
    with tt.scope("fixed"):
        other = tt.exp(w)
    with tt.scope("growing"):
        loss = tt.exp(x @ w)
    cost = tt.compile([x], [loss, other], backend="numpy").cost
    assert [row.label for row in cost.by_scope().rows] == ["growing", "fixed"]
    assert [row.label for row in cost.at(n=0).by_scope().rows] == ["fixed", "growing"]
