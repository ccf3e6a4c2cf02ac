"""Draws are made in the kernel that reads them, wherever that is."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.graph import Graph
from compiler.rewrite.refusal import Reason
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target
from passes.fuse_draws import FuseDraws
from passes.fuse_elementwise import FuseElementwise
from passes.fuse_epilogues import FuseEpilogues
from passes.inplace import InPlace
from tests.backends import FAST

NATIVE = Target(fuses=True, fuses_contractions=True, fuses_searches=True, fuses_gathers=True)
TEXT = """
op uniform(key, i, j, nj) = (random32(key, i * nj + j) >> 9 & 8388607) * 1.1920928955078125e-07
%key = input : i64[]
%x = input : f32[n,8]
%w = input : f32[8,8]
%h[i,j] = sum[k:8] %x[i,k] * %w[k,j] : f32[n,8]
%u[i,j] = uniform(%key[], i, j, 8) : f32[n,8]
%m = lt(%u, 0.5) : bool[n,8]
%y = where(%m, %h, 0.0) : f32[n,8]
"""


def scheduled(text, *passes, target=NATIVE):
    schedule, report = Schedule.of(Graph.parse(text)), None
    for item in passes:
        schedule, report = item.schedule(schedule, target)
    return schedule, report


def members(schedule):
    return [[node.name for node in kernel.members] for kernel in schedule.kernels]


def test_a_mask_goes_behind_the_contraction_whose_value_it_chooses_from():
    schedule, report = scheduled(TEXT + "return %y", FuseEpilogues(), FuseDraws())
    assert members(schedule) == [["h", "u", "m", "y"]]
    assert len(report.actions) == 2


def test_two_readers_in_one_kernel_share_a_draw():
    text = TEXT + "%z = where(%m, 0.0, %h) : f32[n,8]\nreturn %y, %z"
    schedule, _ = scheduled(text, FuseEpilogues(), FuseElementwise(), FuseDraws())
    assert members(schedule) == [["h", "u", "m", "y", "z"]]


def test_what_two_kernels_read_is_made_once():
    text = (
        TEXT
        + "%p[i,j] = sum[k:8] %y[i,k] * %w[k,j] : f32[n,8]\n%z = where(%m, %p, 0.0) : f32[n,8]\nreturn %z"
    )
    before, _ = scheduled(text, FuseEpilogues(), FuseElementwise())
    after, report = FuseDraws().schedule(before, NATIVE)
    assert after is before
    assert not report.actions


def test_no_change_without_draws_and_for_a_backend_that_does_not_fuse():
    before = Schedule.of(Graph.parse("%x = input : f32[n]\n%y = exp(%x) : f32[n]\nreturn %y"))
    assert FuseDraws().schedule(before, NATIVE)[0] is before
    before = Schedule.of(Graph.parse(TEXT + "return %y"))
    assert FuseDraws().schedule(before, Target())[0] is before


def test_a_result_stays_where_it_is():
    schedule, _ = scheduled(TEXT + "return %y, %m", FuseEpilogues(), FuseDraws())
    assert members(schedule) == [["u", "m"], ["h", "y"]] or members(schedule)[-1] == ["h", "y"]


@pytest.mark.parametrize("most", [2, 3])
def test_a_kernel_has_so_many_members_at_most(most):
    schedule, report = scheduled(TEXT + "return %y", FuseEpilogues(), FuseDraws(most_members=most))
    assert max(map(len, members(schedule))) <= most
    assert Reason.TOO_MANY_MEMBERS in [item.reason for item in report.refusals]


def test_a_contraction_that_reads_a_draw_keeps_it_in_memory():
    text = TEXT.replace("%y = where(%m, %h, 0.0)", "%y[i,j] = sum[k:8] %u[i,k] * %w[k,j]")
    schedule, report = scheduled(
        text.replace("%m = lt(%u, 0.5) : bool[n,8]\n", "") + "return %y", FuseDraws()
    )
    assert ["u"] in members(schedule)
    assert [item.reason for item in report.refusals] == [Reason.OTHER_LOOPS]


def test_nothing_moves_once_kernels_are_in_place():
    x, key = tt.input("x", ("n", 8)), tt.input("key", (), "int64")
    y = tt.tanh(tt.exp(x)) * tt.random.uniform(key, x.shape)
    program = tt.compile([x, key], y, passes=[InPlace(), FuseDraws()], backend="numpy")
    in_place, fused = program.history
    assert in_place.changed
    assert not fused.changed
    assert [item.reason for item in fused.report.refusals] == [Reason.ORDER_IS_FIXED]


@pytest.mark.parametrize("backend", FAST)
def test_the_order_of_updates_needs_no_copies(backend):
    """Kernels are put in order as if the draws were not there."""
    x, key = tt.input("x", ("n", 16)), tt.input("key", (), "int64")
    weights = [tt.parameter(np.eye(16, dtype=np.float32), f"w{k}") for k in range(3)]
    h = x
    for layer, weight in enumerate(weights):
        kept = tt.random.bernoulli(tt.random.fold_in(key, layer), 0.8, h.shape)
        h = tt.where(kept, tt.relu(h @ weight) / 0.8, 0.0)
    updates = tt.optim.SGD(weights, lr=0.1).updates(h.sum())
    program = tt.compile([x, key], h.sum(), updates=updates, backend=backend)
    assert not program.plan.copies
