from collections.abc import Iterable
from textwrap import dedent

import numpy as np
import pytest

from compiler.backends import reference
from compiler.errors import LawError
from compiler.ir.build import apply, input_node
from compiler.ir.dims import evaluate
from compiler.ir.graph import Graph
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from compiler.pipeline.contract import Report
from compiler.rewrite.refusal import Reason
from compiler.schedule import overwriting
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target
from compiler.schedule.verify import verify_schedule
from passes.fuse_elementwise import FuseElementwise
from passes.inplace import InPlace
from tests.compiler.schedule.walk import Walk
from tests.passes.small_graphs import Maker

TARGET = Target(fuses=True, writes_in_place=True)


def run(
    graph: Graph | str, *, fuse: bool = False, donate: Iterable[str] = (), target: Target = TARGET
) -> tuple[Schedule, Report]:
    graph = Graph.parse(graph) if isinstance(graph, str) else graph
    before = Schedule.of(graph, [node for node in graph.inputs if node.name in donate])
    if fuse:
        before = FuseElementwise().schedule(before, TARGET)[0]
    schedule, report = InPlace().schedule(before, target)
    verify_schedule(schedule)
    assert (schedule is before) == (not report.actions)
    return schedule, report


def marks(schedule: Schedule) -> dict[str | None, str | None]:
    return {y.name: x.name for kernel in schedule.kernels for y, x in kernel.in_place.items()}


def reason_for(name: str, report: Report) -> Reason:
    (found,) = [refusal for refusal in report.refusals if refusal.nodes[0].name == name]
    return found.reason


def test_a_map_is_written_over_an_operand_that_dies() -> None:
    text = """
    op relu(x) = maximum(x, 0)
    %x = input : f32[n]
    %h = mul(%x, %x) : f32[n]
    %y = relu(%h) : f32[n]
    %z[] = sum[i:n] %y[i] : f32[]
    return %z
    """
    assert str(run(text)[0]) == dedent("""\
        kernel 0: %h = mul(%x, %x) : f32[n]
        kernel 1: %y = relu_(%h) : f32[n]  # over %h
        kernel 2: %z[] = sum[i:n] %y[i] : f32[]
        """)


def test_a_row_kernel_is_written_over_its_operand() -> None:
    text = """
    %x = input : f32[batch,10]
    %w = input : f32[10,10]
    %h[i,j] = sum[k:10] %x[i,k] * %w[k,j] : f32[batch,10]
    %m[i,_] = max[j:10] %h[i,j] : f32[batch,1]
    %d = sub(%h, %m) : f32[batch,10]
    %e = exp(%d) : f32[batch,10]
    %s[i,_] = sum[j:10] %e[i,j] : f32[batch,1]
    %y = div(%e, %s) : f32[batch,10]
    %z[i,j] = sum[k:10] %y[i,k] * %w[k,j] : f32[batch,10]
    return %z
    """
    assert str(run(text, fuse=True)[0]) == dedent("""\
        kernel 0: %h[i,j] = sum[k:10] %x[i,k] * %w[k,j] : f32[batch,10]
        kernel 1:
            %m[i,_] = max[j:10] %h[i,j] : f32[batch,1]
            %d = sub(%h, %m) : f32[batch,10]
            %e = exp(%d) : f32[batch,10]
            %s[i,_] = sum[j:10] %e[i,j] : f32[batch,1]
            %y = div_(%e, %s) : f32[batch,10]  # over %h
        kernel 2: %z[i,j] = sum[k:10] %y[i,k] * %w[k,j] : f32[batch,10]
        """)


def test_no_change_where_nothing_can_be_given_up() -> None:
    schedule, report = run("%x = input : f32[3]\n%v = transpose(%x, order=[0]) : f32[3]\nreturn %v\n")
    assert report == Report()
    assert not marks(schedule)


def test_marks_that_are_there_stay() -> None:
    text = """
    %x = input : f32[3]
    %a = exp(%x) : f32[3]
    %b = neg(%a) : f32[3]
    %c = add(%b, %x) : f32[3]
    return %c
    """
    schedule, _ = run(text)
    again, report = InPlace().schedule(schedule, TARGET)
    assert again is schedule
    assert marks(again) == {"b": "a"}
    assert not report.actions


def test_refused_where_the_backend_does_not_write_in_place() -> None:
    _, report = run("%x = input : f32[3]\nreturn %x\n", target=Target(fuses=True))
    assert [refusal.reason for refusal in report.refusals] == [Reason.TARGET_CANNOT]


HEAD = """
op twice(x) = x * 2
op turned(x) = x + 1
op mixed(x, y) = x + 2 * y
%x = input : f32[3,3]
%a = exp(%x) : f32[3,3]
"""


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("%y = neg(%a) : f32[3,3]\n%z = add(%y, %a) : f32[3,3]\nreturn %z", Reason.READ_LATER),
        (
            """
            %v = reshape(%a, shape=[9]) : f32[9]
            %y = neg(%a) : f32[3,3]
            %z = twice(%v) : f32[9]
            %s[] = sum[i:9] %z[i] : f32[]
            %t[] = sum[i:3,j:3] %y[i,j] : f32[]
            return %s, %t
            """,
            Reason.READ_LATER,
        ),
        ("%y = neg(%a) : f32[3,3]\n%z = neg(%y) : f32[3,3]\nreturn %a, %z", Reason.RETURNED),
        (
            "%v = transpose(%a, order=[1,0]) : f32[3,3]\n%y = neg(%a) : f32[3,3]\n"
            "%z = neg(%y) : f32[3,3]\nreturn %v, %z",
            Reason.RETURNED,
        ),
        ("%y = neg(%a) : f32[3,3]\nreturn %y", Reason.RETURNED),
        ("%y[i,j] = turned(%a[j,i]) : f32[3,3]\n%z = neg(%y) : f32[3,3]\nreturn %z", Reason.OTHER_INDEX),
        (
            "%y[i,j] = mixed(%a[i,j], %a[j,i]) : f32[3,3]\n%z = neg(%y) : f32[3,3]\nreturn %z",
            Reason.OTHER_INDEX,
        ),
        (
            "%v = transpose(%a, order=[1,0]) : f32[3,3]\n%y = mixed(%a, %v) : f32[3,3]\n"
            "%z = neg(%y) : f32[3,3]\nreturn %z",
            Reason.OTHER_INDEX,
        ),
        (
            "%y[i,j] = sum[k:3] %a[i,k] * %a[k,j] : f32[3,3]\n%z = neg(%y) : f32[3,3]\nreturn %z",
            Reason.ACCUMULATED,
        ),
        (
            "%v = transpose(%a, order=[1,0]) : f32[3,3]\n%y = neg(%v) : f32[3,3]\n"
            "%z = neg(%y) : f32[3,3]\nreturn %z",
            Reason.NOT_DENSE,
        ),
        ("%y = gt(%a, 1.0) : bool[3,3]\n%z = not(%y) : bool[3,3]\nreturn %z", Reason.NOT_DENSE),
        ("%y = neg(%x) : f32[3,3]\n%z = mul(%y, %a) : f32[3,3]\nreturn %z", Reason.CALLER_OWNS_IT),
        (
            "%c = constant(@c) : f32[3,3]\n%y = neg(%c) : f32[3,3]\n%z = mul(%y, %a) : f32[3,3]\nreturn %z",
            Reason.OUTLIVES_THE_CALL,
        ),
        (
            "%p = parameter(@p) : f32[3,3]\n%y = neg(%a) : f32[3,3]\n%z = neg(%y) : f32[3,3]\n"
            "update %p <- %a\nreturn %z",
            Reason.OUTLIVES_THE_CALL,
        ),
        (
            "%p = parameter(@p) : f32[3,3]\n%y = neg(%a) : f32[3,3]\nupdate %p <- %y\nreturn",
            Reason.OUTLIVES_THE_CALL,
        ),
        (
            "%y = concatenate(%a, axis=0) : f32[3,3]\n%z = neg(%y) : f32[3,3]\nreturn %z",
            Reason.MOVES_ELEMENTS,
        ),
    ],
)
def test_refused(lines: str, reason: Reason) -> None:
    schedule, report = run(HEAD + lines)
    assert "y" not in marks(schedule)
    assert reason_for("y", report) is reason


def test_refused_for_an_opaque_call() -> None:
    x = input_node("x", TensorType(FLOAT32, (3,)))
    call = Call("twice", lambda array: array * 2, TensorType(FLOAT32, (3,)))
    graph = Graph.of([apply("neg", make_node(call, [apply("exp", x)]))])
    assert Reason.OPAQUE in [refusal.reason for refusal in run(graph)[1].refusals]


def test_a_reshape_of_a_dense_buffer_is_given_up() -> None:
    text = """
    %v = reshape(%a, shape=[9]) : f32[9]
    %y = neg(%v) : f32[9]
    %s[] = sum[i:9] %y[i] : f32[]
    return %s
    """
    assert marks(run(HEAD + text)[0]) == {"y": "v"}


def test_another_dtype_of_the_same_size_is_fine() -> None:
    text = """
    op whole(x) = floor(x)
    %x = input : f32[3]
    %a = exp(%x) : f32[3]
    %y = whole(%a) : i32[3]
    %z[] = sum[i:3] %y[i] : i64[]
    return %z
    """
    assert marks(run(text)[0]) == {"y": "a"}


def test_a_read_in_the_kernel_after_the_result_is_written() -> None:
    """`y` must not take `b`'s buffer: `z` reads `b` afterwards, element by element or tile by tile."""
    text = """
    %x = input : f32[8,8]
    %b[i,j] = sum[k:8] %x[i,k] * %x[k,j] : f32[8,8]
    %y = neg(%b) : f32[8,8]
    %z = mul(%y, %b) : f32[8,8]
    %p[i,j] = sum[k:8] %y[i,k] * %z[k,j] : f32[8,8]
    return %p
    """
    schedule, report = run(text, fuse=True)
    assert [len(kernel.members) for kernel in schedule.kernels] == [1, 2, 1]
    assert marks(schedule) == {"z": "b"}
    assert reason_for("y", report) is Reason.READ_LATER


def test_a_later_pass_over_the_row_may_read_the_operand_again() -> None:
    text = """
    %x = input : f32[8,8]
    %b[i,j] = sum[k:8] %x[i,k] * %x[k,j] : f32[8,8]
    %e = exp(%b) : f32[8,8]
    %y = neg(%b) : f32[8,8]
    %s[i,_] = sum[j:8] %e[i,j] : f32[8,1]
    %z = div(%e, %s) : f32[8,8]
    %p[i,j] = sum[k:8] %y[i,k] * %z[k,j] : f32[8,8]
    return %p
    """
    schedule, report = run(text, fuse=True)
    assert marks(schedule) == {"z": "b"} or not marks(schedule)
    assert "READ_LATER: the kernel walks its rows again" in next(
        str(r) for r in report.refusals if r.nodes[0].name == "y"
    )


def test_what_has_no_elements_is_not_written() -> None:
    text = """
    %x = input : f32[0]
    %a = exp(%x) : f32[0]
    %y = neg(%a) : f32[0]
    %z = neg(%y) : f32[0]
    return %z
    """
    schedule, report = run(text)
    assert not marks(schedule)
    assert reason_for("y", report) is Reason.NO_ELEMENTS


def test_each_operand_is_given_up_once() -> None:
    text = """
    %x = input : f32[8,8]
    %b[i,j] = sum[k:8] %x[i,k] * %x[k,j] : f32[8,8]
    %y = neg(%b) : f32[8,8]
    %z = exp(%y) : f32[8,8]
    %p[i,j] = sum[k:8] %y[i,k] * %z[k,j] : f32[8,8]
    return %p
    """
    schedule, report = run(text, fuse=True)
    assert marks(schedule) == {"y": "b"}
    assert reason_for("z", report) is Reason.TAKEN


def test_a_donated_input_is_given_up() -> None:
    text = HEAD + "%y = neg(%x) : f32[3,3]\n%z = mul(%y, %a) : f32[3,3]\nreturn %z\n"
    assert marks(run(text)[0]) == {}
    assert marks(run(text, donate=["x"])[0]) == {"y": "x", "z": "y"}


def test_an_output_is_written_over_a_donated_input_of_its_type_only() -> None:
    text = HEAD + "%y = neg(%x) : f32[3,3]\n%z = isnan(%x) : bool[3,3]\nreturn {result}\n"
    assert marks(run(text.format(result="%y"), donate=["x"])[0]) == {"y": "x"}
    assert marks(run(text.format(result="%y, %y"), donate=["x"])[0]) == {"y": "x"}
    schedule, report = run(text.format(result="%z"), donate=["x"])
    assert not marks(schedule)
    assert reason_for("z", report) is Reason.RETURNED
    text = HEAD + "%y = neg(%x) : f32[3,3]\n%v = reshape(%y, shape=[9]) : f32[9]\nreturn %v\n"
    assert not marks(run(text, donate=["x"])[0]), "a view is returned in an array of its own"


def test_a_donated_input_is_unharmed_while_the_call_may_fail() -> None:
    text = """
    %x = input : f32[3]
    %i = input : i64[2]
    %y = neg(%x) : f32[3]
    %g = gather(%y, %i, axis=0, batched=false) : f32[2]
    return %g
    """
    schedule, report = run(text, donate=["x"])
    assert not marks(schedule)
    assert reason_for("y", report) is Reason.MAY_FAIL


def first_wrong_seed(seeds: range) -> int | None:
    """The first random graph whose schedule breaks a law, or whose values change in shared buffers."""
    for seed in seeds:
        made = Maker(seed)
        schedule = Schedule.of(made.graph, made.donated)
        if seed % 2:
            schedule = FuseElementwise().schedule(schedule, TARGET)[0]
        schedule, _ = InPlace().schedule(schedule, TARGET)
        try:
            verify_schedule(schedule)
        except LawError:
            return seed
        sizes = {"batch": 1 + seed % 3}
        generator = np.random.default_rng(seed)
        leaves = {
            node: generator.integers(-3, 4, [evaluate(n, sizes) for n in node.type.shape]).astype(np.float64)
            for node in (*made.graph.inputs, *made.graph.parameters)
        }
        expected = reference.run(made.graph, leaves, sizes)
        walk = Walk(schedule, leaves, sizes, tile=1 if seed % 3 else 1000)
        pairs = zip(made.graph.results, walk.run(), strict=True)
        if not all(np.allclose(array, expected[node], rtol=1e-9, atol=1e-9) for node, array in pairs):
            return seed
        if any(not np.array_equal(walk.buffers[n], leaves[n]) for n in leaves if n not in schedule.donated):
            return seed
    return None


@pytest.mark.parametrize("block", range(5))
def test_random_graphs_keep_their_values_in_shared_buffers(block: int) -> None:
    assert first_wrong_seed(range(100 * block, 100 * block + 100)) is None


@pytest.mark.parametrize(
    "name", ["_is_ours", "_is_kept", "_is_read_later", "_is_taken", "_is_read_elsewhere"]
)
def test_without_any_one_check_some_random_graph_goes_wrong(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tuple(check for check in overwriting.CHECKS if check.__name__ != name)
    assert len(kept) == len(overwriting.CHECKS) - 1
    monkeypatch.setattr(overwriting, "CHECKS", kept)
    assert first_wrong_seed(range(2000)) is not None
