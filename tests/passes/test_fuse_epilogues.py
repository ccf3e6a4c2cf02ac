import pytest

from compiler.ir.graph import Graph
from compiler.rewrite.refusal import Reason
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target
from compiler.schedule.verify import verify_schedule
from passes.fuse_elementwise import FuseElementwise
from passes.fuse_epilogues import FuseEpilogues, fuse_epilogues
from passes.inplace import InPlace

LAYER = """
%x = input : f32[batch,4]
%w = parameter(@w) : f32[4,3]
%b = parameter(@b) : f32[3]
%h[i,j] = sum[k:4] %x[i,k] * %w[k,j] : f32[batch,3]
%a = add(%h, %b) : f32[batch,3]
%y = tanh(%a) : f32[batch,3]
"""
TARGET = Target(fuses=True, fuses_contractions=True)


def kernels(text: str, **options: int) -> list[list[str | None]]:
    schedule = Schedule.of(Graph.parse(text))
    fused, _ = fuse_epilogues(schedule, **options)
    verify_schedule(fused)
    return [[node.name for node in kernel.members] for kernel in fused.kernels]


def test_maps_follow_their_contraction() -> None:
    assert kernels(LAYER + "return %y") == [["h", "a", "y"]]


def test_what_only_a_reduction_reads_is_left_to_it() -> None:
    assert kernels(LAYER + "%s[] = sum[i:batch, j:3] %y[i,j] : f32[]\nreturn %s") == [
        ["h"],
        ["a"],
        ["y"],
        ["s"],
    ]


def test_a_map_on_the_way_to_a_written_value_goes_along() -> None:
    text = LAYER + "%s[] = sum[i:batch, j:3] %y[i,j] : f32[]\n%z = neg(%a) : f32[batch,3]\nreturn %s, %z"
    assert kernels(text) == [["h", "a", "z"], ["y"], ["s"]]


def test_a_map_that_another_kernel_must_precede_stays_outside() -> None:
    text = LAYER + "%m[i,_] = max[j:3] %h[i,j] : f32[batch,1]\n%d = sub(%h, %m) : f32[batch,3]\nreturn %d"
    assert kernels(text) == [["h"], ["m"], ["d"]]


def test_a_map_over_other_loops_stays_outside() -> None:
    text = """
%x = input : f32[3,4]
%w = input : f32[4,3]
%h[i,j] = sum[k:4] %x[i,k] * %w[k,j] : f32[3,3]
%t[i,j] = add(%h[i,j], %h[j,i]) : f32[3,3]
return %t
"""
    assert kernels(text) == [["h"], ["t"]]


UPDATE = """
%m = parameter(@m) : f32[3,3]
%x = input : f32[4,3]
%d = mul(0.9, %m) : f32[3,3]
%n = exp(%d) : f32[3,3]
%g[i,j] = sum[k:4] %x[k,i] * %x[k,j] : f32[3,3]
%v = add(%n, %g) : f32[3,3]
"""


def test_maps_that_a_map_alone_reads_go_along_behind_the_contraction() -> None:
    assert kernels(UPDATE + "update %m <- %v\nreturn") == [["g", "d", "n", "v"]]


def test_what_others_read_too_stays_outside() -> None:
    assert kernels(UPDATE + "return %v, %n") == [["d"], ["n"], ["g", "v"]]
    assert kernels(UPDATE + "%s[] = sum[i:3, j:3] %n[i,j] : f32[]\nreturn %v, %s") == [
        ["d"],
        ["n"],
        ["g", "v"],
        ["s"],
    ]


def test_maps_that_make_too_many_are_left_behind() -> None:
    assert kernels(UPDATE + "return %v", most_maps=2) == [["d"], ["n"], ["g", "v"]]


def test_a_broadcast_row_is_computed_once() -> None:
    text = UPDATE.replace("@m) : f32[3,3]", "@m) : f32[3]").replace("m) : f32[3,3]", "m) : f32[3]")
    text = text.replace("%d) : f32[3,3]", "%d) : f32[3]")
    assert kernels(text + "return %v") == [["d"], ["n"], ["g", "v"]]


def test_kernels_of_another_pass_stay_as_they_are() -> None:
    schedule, _ = fuse_epilogues(Schedule.of(Graph.parse(UPDATE + "return %v")))
    text = str(FuseElementwise().schedule(schedule, TARGET)[0])
    assert text == str(schedule)


def test_at_most_so_many_maps() -> None:
    assert kernels(LAYER + "return %a, %y", most_maps=1) == [["h", "a"], ["y"]]


def test_without_contractions_nothing_changes() -> None:
    schedule = Schedule.of(Graph.parse("%x = input : f32[3]\n%y = neg(%x) : f32[3]\nreturn %y"))
    assert fuse_epilogues(schedule)[0] is schedule


@pytest.mark.parametrize("target", [Target(), Target(fuses=True)])
def test_a_target_that_runs_contractions_alone(target: Target) -> None:
    schedule = Schedule.of(Graph.parse(LAYER + "return %y"))
    same, report = FuseEpilogues().schedule(schedule, target)
    assert same is schedule
    assert [refusal.reason for refusal in report.refusals] == [Reason.TARGET_CANNOT]


def test_the_report_names_the_contraction() -> None:
    _, report = FuseEpilogues().schedule(Schedule.of(Graph.parse(LAYER + "return %y")), TARGET)
    assert [str(action) for action in report.actions] == ["%h heads a kernel of 3 nodes"]


def test_nothing_is_fused_once_kernels_are_in_place() -> None:
    schedule = Schedule.of(Graph.parse(LAYER + "return %y"))
    marked, _ = InPlace().schedule(schedule, Target(fuses_contractions=True, writes_in_place=True))
    assert any(kernel.in_place for kernel in marked.kernels)
    fused, report = FuseEpilogues().schedule(marked, TARGET)
    assert fused is marked
    assert [item.reason for item in report.refusals] == [Reason.ORDER_IS_FIXED]
