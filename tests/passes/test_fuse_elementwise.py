from textwrap import dedent

import networkx
import numpy as np
import pytest

from compiler.backends import reference
from compiler.ir.build import apply, input_node
from compiler.ir.dims import evaluate
from compiler.ir.graph import Graph
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from compiler.pipeline.contract import Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.nest import Nest, nest_of
from compiler.schedule.schedule import Kernel, Schedule
from compiler.schedule.target import Target
from compiler.schedule.verify import MOST_MEMBERS, verify_schedule
from passes import fuse_elementwise as module
from passes.fuse_elementwise import FuseElementwise
from tests.compiler.schedule.walk import Walk
from tests.passes.small_graphs import Maker

FUSES = Target(fuses=True)


def run(graph: Graph | str, target: Target = FUSES) -> tuple[Schedule, Report]:
    graph = Graph.parse(graph) if isinstance(graph, str) else graph
    before = Schedule.of(graph)
    schedule, report = FuseElementwise().schedule(before, target)
    verify_schedule(schedule)
    assert (schedule is before) == (not report.actions)
    return schedule, report


def fused(text: str) -> str:
    return str(run(text)[0])


def reasons(text: str) -> list[Reason]:
    return [refusal.reason for refusal in run(text)[1].refusals]


def test_maps_through_broadcasting_into_trailing_reductions() -> None:
    text = """
    %x = input : f32[batch,10]
    %b = input : f32[10]
    %a = add(%x, %b) : f32[batch,10]
    %t = tanh(%a) : f32[batch,10]
    %db[i] = sum[j:batch] %t[j,i] : f32[10]
    %all[] = max[i:batch, j:10] %t[i,j] : f32[]
    return %t, %db, %all
    """
    assert fused(text) == dedent("""\
        kernel 0:
            %a = add(%x, %b) : f32[batch,10]
            %t = tanh(%a) : f32[batch,10]
            %db[i] = sum[j:batch] %t[j,i] : f32[10]
            %all[] = max[i:batch, j:10] %t[i,j] : f32[]
        """)


BAG = """
%x = input : f32[50,8]
%i = input : i64[batch,6]
%t = gather(%x, %i, axis=0, batched=false) : f32[batch,6,8]
%a = tanh(%t) : f32[batch,6,8]
%s[i,j] = sum[k:6] %a[i,k,j] : f32[batch,8]
return %s
"""


def test_a_gather_is_joined_with_what_reads_it() -> None:
    schedule, _ = run(BAG, Target(fuses=True, fuses_gathers=True))
    assert [len(kernel.members) for kernel in schedule.kernels] == [3]
    assert schedule.kernels[0].operands == schedule.graph.inputs


def test_a_gather_is_alone_where_the_target_says_so() -> None:
    schedule, report = run(BAG)
    assert [len(kernel.members) for kernel in schedule.kernels] == [1, 2]
    assert [refusal.reason for refusal in report.refusals] == [Reason.TARGET_CANNOT]
    assert report.refusals[0].sentence == "%t moves elements, which the backend does alone"


@pytest.mark.parametrize("maker", ["%i = neg(%k) : i64[8]", "%x = exp(%y) : f32[8]"])
def test_a_gather_reads_what_was_written_before_it(maker: str) -> None:
    leaves = {"%i": "input : i64[8]", "%x": "input : f32[8]", "%k": "input : i64[8]", "%y": "input : f32[8]"}
    leaves[maker[:2]] = maker.partition(" = ")[2]
    lines = [f"{name} = {leaves[name]}" for name in ("%k", "%y", "%i", "%x")]
    text = "\n".join([*lines, "%t = gather(%x, %i, axis=0, batched=false) : f32[8]", "return %t"])
    schedule, report = run(text, Target(fuses=True, fuses_gathers=True))
    assert [len(kernel.members) for kernel in schedule.kernels] == [1, 1]
    assert [refusal.reason for refusal in report.refusals] == [Reason.OTHER_LOOPS]
    assert "picks from memory, by indices that were checked" in report.refusals[0].sentence


SOFTMAX = """
%x = input : f32[batch,10]
%m[i,_] = max[j:10] %x[i,j] : f32[batch,1]
%d = sub(%x, %m) : f32[batch,10]
%e = exp(%d) : f32[batch,10]
%s[i,_] = sum[j:10] %e[i,j] : f32[batch,1]
%y = div(%e, %s) : f32[batch,10]
return %y
"""


def test_softmax_is_one_kernel_over_rows() -> None:
    assert fused(SOFTMAX) == dedent("""\
        kernel 0:
            %m[i,_] = max[j:10] %x[i,j] : f32[batch,1]
            %d = sub(%x, %m) : f32[batch,10]
            %e = exp(%d) : f32[batch,10]
            %s[i,_] = sum[j:10] %e[i,j] : f32[batch,1]
            %y = div(%e, %s) : f32[batch,10]
        """)


CROSS_ENTROPY = """
%x = input : f32[batch,10]
%t = input : f32[batch,10]
%one = constant(1.0) : f32[]
%m[i,_] = max[j:10] %x[i,j] : f32[batch,1]
%d = sub(%x, %m) : f32[batch,10]
%e = exp(%d) : f32[batch,10]
%s[i,_] = sum[j:10] %e[i,j] : f32[batch,1]
%l = log(%s) : f32[batch,1]
%p = sub(%d, %l) : f32[batch,10]
%z = mul(%t, %p) : f32[batch,10]
%r[i] = sum[j:10] %z[i,j] : f32[batch]
%total[] = sum[i:batch] %r[i] : f32[]
%loss = div(%total, {batch}) : f32[]
%seed = div(%one, {batch}) : f32[]
%g = mul(%seed, %t) : f32[batch,10]
%u = neg(%g) : f32[batch,10]
%v[i,_] = sum[j:10] %u[i,j] : f32[batch,1]
%w = div(%v, %s) : f32[batch,1]
%q = mul(%w, %e) : f32[batch,10]
%dx = add(%g, %q) : f32[batch,10]
return %loss, %dx
"""


def test_cross_entropy_and_its_gradient_are_one_kernel_over_rows() -> None:
    schedule, _ = run(CROSS_ENTROPY)
    names = [[node.name for node in kernel.members] for kernel in schedule.kernels]
    assert names == [
        ["seed"],
        ["m", "d", "e", "s", "l", "p", "z", "r", "total", "g", "u", "v", "w", "q", "dx"],
        ["loss"],
    ]


LAYER_NORM = """
%x = input : f32[batch,10]
%g = input : f32[batch,10]
%w = input : f32[10]
%sum[i,_] = sum[j:10] %x[i,j] : f32[batch,1]
%mean = div(%sum, {10}) : f32[batch,1]
%c = sub(%x, %mean) : f32[batch,10]
%c2 = mul(%c, %c) : f32[batch,10]
%ss[i,_] = sum[j:10] %c2[i,j] : f32[batch,1]
%var = div(%ss, {10}) : f32[batch,1]
%sd = sqrt(%var) : f32[batch,1]
%h = div(%c, %sd) : f32[batch,10]
%dw[i] = sum[j:batch] %g[j,i] * %h[j,i] : f32[10]
%db[i] = sum[j:batch] %g[j,i] : f32[10]
%gw = mul(%g, %w) : f32[batch,10]
%a[i,_] = sum[j:10] %gw[i,j] * %h[i,j] : f32[batch,1]
%ah = mul(%a, %h) : f32[batch,10]
%left = sub(%gw, %ah) : f32[batch,10]
%dx = div(%left, %sd) : f32[batch,10]
return %dx, %dw, %db
"""


def test_layer_norm_and_its_gradients_are_one_kernel_over_rows() -> None:
    schedule, report = run(LAYER_NORM)
    assert len(schedule.kernels) == 1
    assert not report.refusals


def test_a_value_for_each_row_joins_once_there_are_rows() -> None:
    text = """
    %x = input : f32[batch,10]
    %v = input : f32[batch,1]
    %n = neg(%v) : f32[batch,1]
    %y = mul(%x, %n) : f32[batch,10]
    %m[i,_] = max[j:10] %y[i,j] : f32[batch,1]
    %z = sub(%y, %m) : f32[batch,10]
    return %z
    """
    assert len(run(text)[0].kernels) == 1


def test_readers_of_one_operand_share_a_walk() -> None:
    text = """
    %x = input : f32[batch]
    %a = exp(%x) : f32[batch]
    %b = neg(%x) : f32[batch]
    return %a, %b
    """
    assert fused(text) == dedent("""\
        kernel 0:
            %a = exp(%x) : f32[batch]
            %b = neg(%x) : f32[batch]
        """)


@pytest.mark.parametrize(
    "text",
    [
        "%x = input : f32[3]\nreturn %x\n",
        "%x = input : f32[3]\n%y = exp(%x) : f32[3]\nreturn %y\n",
        """
        %x = input : f32[3]
        %z = input : f32[4]
        %y = exp(%x) : f32[3]
        %w = exp(%z) : f32[4]
        return %y, %w
        """,
    ],
    ids=["nothing", "one map", "two that share nothing"],
)
def test_no_change(text: str) -> None:
    schedule, report = run(text)
    assert report == Report()
    assert all(len(kernel.members) == 1 for kernel in schedule.kernels)


def test_what_is_fused_is_left_alone() -> None:
    schedule, report = run(SOFTMAX)
    again, second = FuseElementwise().schedule(schedule, FUSES)
    assert report.actions
    assert again is schedule
    assert not second.actions


def test_a_kernel_of_another_pass_is_left_alone() -> None:
    text = """
    %x = input : f32[3]
    %a = exp(%x) : f32[3]
    %b = neg(%a) : f32[3]
    %c = tanh(%b) : f32[3]
    return %c
    """
    made = FuseElementwise(most_members=2).schedule(Schedule.of(Graph.parse(text)), FUSES)[0]
    again, report = FuseElementwise().schedule(made, FUSES)
    assert again is made
    assert [refusal.reason for refusal in report.refusals] == [Reason.SCHEDULED]
    assert report.refusals[0].sentence == "another pass has scheduled %b or %c"


def test_refused_where_the_backend_does_not_fuse() -> None:
    schedule, report = run(SOFTMAX, Target(fuses=False))
    assert len(schedule.kernels) == 5
    assert [refusal.reason for refusal in report.refusals] == [Reason.TARGET_CANNOT]


def test_refused_where_a_path_leaves_and_comes_back() -> None:
    text = """
    %x = input : f32[8,8]
    %a = exp(%x) : f32[8,8]
    %h[i,j] = sum[k:8] %a[i,k] * %a[k,j] : f32[8,8]
    %y = add(%a, %h) : f32[8,8]
    return %y
    """
    found = run(text)[1].refusals
    assert [refusal.reason for refusal in found] == [
        Reason.OWN_NEST,
        Reason.NOT_CONVEX,
        Reason.OWN_NEST,
    ]
    assert found[1].sentence == "between %a and %y other kernels run, or may run"


def test_refused_where_loops_differ() -> None:
    text = """
    op turned(x, y) = x + y
    %x = input : f32[3,3]
    %a = exp(%x) : f32[3,3]
    %y[i,j] = turned(%a[i,j], %a[j,i]) : f32[3,3]
    return %y
    """
    assert reasons(text) == [Reason.OTHER_LOOPS]


def test_refused_at_65_members() -> None:
    node = first = input_node("x", TensorType(FLOAT32, (3,)))
    for _ in range(MOST_MEMBERS + 1):
        node = apply("neg", node)
    schedule, report = run(Graph.of([node], inputs=[first]))
    assert [len(kernel.members) for kernel in schedule.kernels] == [MOST_MEMBERS, 1]
    assert [refusal.reason for refusal in report.refusals] == [Reason.TOO_MANY_MEMBERS]


def test_refused_around_an_opaque_call() -> None:
    x = input_node("x", TensorType(FLOAT32, (3,)))
    graph = Graph.of([apply("neg", _called(apply("exp", x)))])
    assert [refusal.reason for refusal in run(graph)[1].refusals] == [Reason.OPAQUE, Reason.OPAQUE]


def _called(node: object) -> object:
    from compiler.ir.node import make_node

    return make_node(Call("twice", lambda array: array * 2, TensorType(FLOAT32, (3,))), [node])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("reshape(%a, shape=[3,2])", Reason.VIEW),
        ("transpose(%a, order=[1,0])", Reason.VIEW),
        ("concatenate(%a, axis=0)", Reason.MOVES_ELEMENTS),
        ("cumsum(%a, axis=0, reverse=false)", Reason.IN_ORDER),
    ],
)
def test_refused_across_what_moves_elements(line: str, reason: Reason) -> None:
    shape = "3,2" if reason is Reason.VIEW else "2,3"
    text = f"""
    %x = input : f32[2,3]
    %a = exp(%x) : f32[2,3]
    %v = {line} : f32[{shape}]
    %y = neg(%v) : f32[{shape}]
    return %y
    """
    assert reasons(text) == [reason, reason]


def test_refused_around_a_reduction_of_loops_that_turn_once() -> None:
    text = """
    %x = input : f32[3,1]
    %a = exp(%x) : f32[3,1]
    %s[i] = max[j:1] %a[i,j] : f32[3]
    return %s
    """
    assert reasons(text) == [Reason.UNIT_LOOPS]


def rows(shape: str, axis: int, extent: str) -> str:
    kept = "_,i" if axis == 0 else "i,_"
    read = "j,i" if axis == 0 else "i,j"
    first, second = shape.split(",")
    small = f"1,{second}" if axis == 0 else f"{first},1"
    return f"""
    %x = input : f32[{shape}]
    %m[{kept}] = max[j:{extent}] %x[{read}] : f32[{small}]
    %d = sub(%x, %m) : f32[{shape}]
    return %d
    """


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (rows("5000,1000", 0, "5000"), "the rows would be read with strides"),
        (rows("33,1000", 0, "33"), "the rows would be read with strides"),
        (rows("batch,10", 0, "batch"), "the rows would be read with strides"),
        (rows("10,100000", 1, "100000"), "a row of 100000 elements does not stay in the cache"),
        (
            """
            %x = input : f32[batch,10]
            %e = exp(%x) : f32[batch,10]
            %s[] = sum[i:batch, j:10] %e[i,j] : f32[]
            %y = div(%e, %s) : f32[batch,10]
            return %y
            """,
            "all 10*batch elements would be one row, which does not stay in the cache",
        ),
        (
            """
            %x = input : f32[40,100000]
            %e = exp(%x) : f32[40,100000]
            %s[i] = sum[j:40] %e[j,i] : f32[100000]
            return %s
            """,
            "the 100000 accumulators of %s do not stay in the cache",
        ),
    ],
)
def test_refused_where_it_would_be_slower(text: str, sentence: str) -> None:
    found = [refusal for refusal in run(text)[1].refusals if refusal.reason is Reason.NOT_FASTER]
    assert {refusal.sentence for refusal in found} == {sentence}


def test_a_reduction_of_other_loops_is_refused_where_short_ones_would_add_up_in_memory() -> None:
    text = """
    %x = input : f32[4,100000]
    %e = exp(%x) : f32[4,100000]
    %s[i] = sum[j:4] %e[j,i] : f32[100000]
    %m[i] = max[j:100000] %e[i,j] : f32[4]
    return %s, %m
    """
    schedule, report = run(text)
    assert [len(kernel.members) for kernel in schedule.kernels] == [2, 1]
    assert "the 100000 accumulators of %s do not stay in the cache" in str(report.refusals[0])


@pytest.mark.parametrize(
    "text",
    [
        rows("50,100", 0, "50"),
        rows("batch,10", 1, "10"),
        rows("batch,n", 1, "n"),
        rows("32,100000", 0, "32"),
        rows("3,n", 0, "3"),
        """
        %x = input : f32[4,100000]
        %e = exp(%x) : f32[4,100000]
        %s[i] = sum[j:4] %e[j,i] : f32[100000]
        return %s
        """,
    ],
)
def test_small_contiguous_and_short_rows_are_fused(text: str) -> None:
    assert len(run(text)[0].kernels) == 1


def test_a_group_without_a_nest_is_left_unfused_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = Refusal(Reason.OTHER_LOOPS, (), "no nest")
    monkeypatch.setattr(Kernel, "nest", refusal)
    schedule, report = run(SOFTMAX)
    assert len(schedule.kernels) == 5
    assert report == Report((), (refusal,))


ARGMAX = """
    %x = input : f32[3,10]
    %t = tanh(%x) : f32[3,10]
    %a[i] = argmax[j:10] %t[i,j] : i64[3]
    %b[i] = argmax[j:3] %t[j,i] : i64[10]
    return %a, %b
    """


def test_an_argmax_over_other_loops_is_left_alone_where_the_target_says_so() -> None:
    everywhere = Target(fuses=True, fuses_searches=True)
    assert [len(kernel.members) for kernel in run(ARGMAX, everywhere)[0].kernels] == [3]
    schedule, report = run(ARGMAX)
    assert [len(kernel.members) for kernel in schedule.kernels] == [2, 1]
    assert {refusal.reason for refusal in report.refusals} == {Reason.TARGET_CANNOT}


def test_a_long_chain_takes_work_in_proportion() -> None:
    counts: list[int] = []
    for length in (1000, 2000):
        node = apply("neg", input_node("x", TensorType(FLOAT32, (3,))))
        for _ in range(length):
            node = apply("neg", node)
        fusion = module._Fusion(Schedule.of(Graph.of([node])), MOST_MEMBERS)
        for item in fusion.old.graph.nodes[1:]:
            fusion.visit(item)
        counts.append(fusion.groups.visits)
    assert counts[1] <= 2.1 * counts[0] <= 2.1 * 1001 * 2 * MOST_MEMBERS


def test_a_deep_network_takes_work_in_proportion() -> None:
    """Forward and backward of a chain of products: every backward node reads a value from far away."""
    from compiler.ir.build import contract

    counts: list[int] = []
    for depth in (100, 200):
        w = input_node("w", TensorType(FLOAT32, (8, 8)))
        values = [apply("exp", w)]
        for _ in range(depth):
            product = contract([values[-1], w], [(0, 1), (1, 2)], (0, 2), (8, 8, 8))
            values.append(apply("tanh", product))
        back = values[-1]
        for value in reversed(values):
            back = apply("mul", contract([back, w], [(0, 1), (1, 2)], (0, 2), (8, 8, 8)), value)
        fusion = module._Fusion(Schedule.of(Graph.of([back])), MOST_MEMBERS)
        for item in fusion.old.graph.nodes[1:]:
            fusion.visit(item)
        counts.append(fusion.groups.visits)
    assert 0 < counts[1] <= 2.2 * counts[0]


def is_convex(graph: Graph, group: set[object], closure: object) -> bool:
    others = [node for node in graph.nodes if node not in group]
    return not any(
        any(closure.has_edge(a, node) for a in group) and any(closure.has_edge(node, b) for b in group)
        for node in others
    )


@pytest.mark.parametrize("block", range(10))
def test_random_graphs_are_convex_have_nests_and_keep_their_values(block: int) -> None:
    fused_kernels = 0
    for seed in range(30 * block, 30 * block + 30):
        made = Maker(seed)
        schedule, _ = run(made.graph)
        closure = networkx.transitive_closure_dag(networkx.DiGraph(made.graph.network))
        for kernel in schedule.kernels:
            if len(kernel.members) > 1:
                fused_kernels += 1
                assert is_convex(made.graph, set(kernel.members), closure)
                assert isinstance(nest_of(kernel.members), Nest)
        check_values(made, schedule, seed)
    assert fused_kernels > 20


def check_values(made: Maker, schedule: Schedule, seed: int) -> None:
    sizes = {"batch": seed % 4}
    generator = np.random.default_rng(seed)
    leaves = {
        node: generator.integers(-3, 4, [evaluate(n, sizes) for n in node.type.shape]).astype(np.float64)
        for node in (*made.graph.inputs, *made.graph.parameters)
    }
    expected = reference.run(made.graph, leaves, sizes)
    for tile in (1, 1000):
        found = Walk(schedule, leaves, sizes, tile).run()
        for node, array in zip(made.graph.results, found, strict=True):
            np.testing.assert_allclose(array, expected[node], rtol=1e-9, atol=1e-9)
