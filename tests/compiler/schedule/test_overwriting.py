"""The in-place rule and the proof, which share nothing, give one answer to every question."""

import numpy as np
import pytest

from compiler.analysis.liveness import liveness_of
from compiler.backends import reference
from compiler.ir.graph import Graph
from compiler.ir.op import Gather, MapReduce, Trait, Update
from compiler.schedule.overwriting import access_refusal
from compiler.schedule.planner import make_plan
from compiler.schedule.proof import prove_plan, prove_schedule
from compiler.schedule.proof.accesses import Spot, home_spot, overwriting_fault, spot_of_view
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target
from passes.fuse_elementwise import FuseElementwise
from passes.inplace import InPlace
from tests.compiler.schedule.programs import Busy
from tests.passes.small_graphs import Maker
from tinytorch.builtin import BUILTIN

TARGET = Target(fuses=True, writes_in_place=True)


def spots_of(graph: Graph) -> dict:
    found: dict = {}
    for node in graph.nodes:
        seen = spot_of_view(node, found[node.operands[0]]) if node.op.has(Trait.VIEW) else None
        found[node] = seen or home_spot(node)
    return found


def one_parameter_a_buffer(spots, live):
    return {node: Spot(live.owners[node], spot.start, spot.steps) for node, spot in spots.items()}


def answers(schedule: Schedule):
    """For each stored map or reduction, and each memory of its size that its kernel reads: rule and proof."""
    live = liveness_of(schedule.graph)
    spots = one_parameter_a_buffer(spots_of(schedule.graph), live)
    for kernel in schedule.kernels:
        if not all(isinstance(node.op, MapReduce | Gather | Update) for node in kernel.members):
            continue
        for result in schedule.outputs(kernel):
            for owner in dict.fromkeys(live.owners[operand] for operand in kernel.operands):
                if owner.type.bytes == result.type.bytes:
                    rule = access_refusal(kernel, result, owner, live)
                    yield rule, overwriting_fault(kernel, result, owner, spots)


def test_rule_and_proof_agree():
    counts = {True: 0, False: 0}
    for seed in range(400):
        made = Maker(seed)
        schedule = Schedule.of(made.graph, made.donated)
        if seed % 2:
            schedule = FuseElementwise().schedule(schedule, TARGET)[0]
        for rule, proof in answers(schedule):
            assert (rule is None) == (proof is None), (seed, str(rule), proof)
            counts[rule is None] += 1
    assert min(counts.values()) > 100


def test_rule_and_proof_agree_about_updates():
    counts = {True: 0, False: 0}
    for seed in range(300):
        made = Busy(seed)
        graph = Graph.of([node for node in made.nodes if isinstance(node.op, Update)])
        for rule, proof in answers(Schedule.of(graph)):
            assert (rule is None) == (proof is None), (seed, str(rule), proof)
            counts[rule is None] += 1
    assert min(counts.values()) > 100


UPDATES = """
    %t = input : f32[32]
    %i = input : i64[4]
    %v = input : f32[4]
    %a = exp(%t) : f32[32]
    %s = scatter(%a, %i, %v, axis=0, combine=add, batched=false) : f32[32]
    %y = insert(%s, %v, starts=[1], steps=[2]) : f32[32]
    %z = sin(%y) : f32[32]
    return %z
    """


def test_updates_follow_each_other_in_one_memory():
    found, plan = marked(UPDATES)
    assert found == {"s": "a", "y": "s"}
    assert plan.peak_bytes == 128


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("scatter(%a, %i, %v", "scatter(%t, %i, %v", {"y": "s"}),
        ("insert(%s, %v", "insert(%s, %w", {"s": "a"}),
        ("%z = sin(%y)", "%z = add(%y, %a)", {"y": "s"}),
    ],
)
def test_an_update_is_not_written_over_what_is_not_dead_or_is_read(old, new, expected):
    view = "    %w = slice(%s, starts=[3], sizes=[4], steps=[1]) : f32[4]\n    %y ="
    text = UPDATES.replace(old, new)
    if "%w" in text:
        text = text.replace("    %y =", view)
    found, _ = marked(text)
    found.pop("z", None)
    assert found == expected


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        ("", {"s": "t"}),
        ("%g = gather(%s, %i, axis=0, batched=false) : f32[4]", {"s": "t"}),
        ("%g = gather(%s, %j, axis=0, batched=false) : f32[4]", {}),
    ],
)
def test_an_update_that_may_fail_is_written_over_what_was_donated_unless_another_fails_later(
    behind, expected
):
    text = f"""
    %t = input : f32[32]
    %i = input : i64[4]
    %j = input : i64[4]
    %v = input : f32[4]
    %s = scatter(%t, %i, %v, axis=0, combine=max, batched=false) : f32[32]
    {behind}
    return %s{", %g" if behind else ""}
    """
    found, _ = marked(text, "t")
    assert found == expected


def marked(text: str, donate: str = "", fuse: bool = False):
    graph = Graph.parse(text)
    schedule = Schedule.of(graph, [node for node in graph.inputs if node.name in donate])
    if fuse:
        schedule = FuseElementwise().schedule(schedule, TARGET)[0]
    schedule = InPlace().schedule(schedule, TARGET)[0]
    prove_schedule(schedule)
    plan = make_plan(schedule)
    prove_plan(plan)
    found = {y.name: x.name for kernel in schedule.kernels for y, x in kernel.in_place.items()}
    return found, plan


@pytest.mark.parametrize(("donate", "peak"), [("", 384), ("t", 256)])
def test_what_a_gather_has_checked_cannot_fail_in_its_adjoint(donate, peak):
    """So a donated array may be written before the adjoint runs."""
    text = """
    %t = input : f32[32]
    %i = input : i64[32]
    %g = gather(%t, %i, axis=0, batched=false) : f32[32]
    %a = exp(%t) : f32[32]
    %b = mul(%a, %g) : f32[32]
    %s = scatter_add(%i, %b, axis=0, extent=32, batched=false) : f32[32]
    %y = mul(%s, %g) : f32[32]
    return %y
    """
    found, plan = marked(text, donate)
    assert found.get("a") == ("t" if donate else None)
    assert plan.peak_bytes == peak


ROWS = """
    %x = input : f32[n,8]
    %w = input : f32[8]
    %m[i] = sum[j:8] %x[i,j] * %w[j] : f32[n]
    %r = exp(%m) : f32[n]
    %d[i,j] = mul(%x[i,j], %r[i]) : f32[n,8]
    %s[i] = sum[j:8] %d[i,j] : f32[n]
    %v[i,j] = div(%d[i,j], %s[i]) : f32[n,8]
    %z[i] = sum[j:n] %x[j,i] * %s[j] : f32[8]
    return %z, %v
    """


@pytest.mark.parametrize("backend", BUILTIN.backends, ids=lambda backend: backend.name)
def test_a_reduction_of_rows_is_written_over_what_a_map_of_rows_has_read(backend):
    found, plan = marked(ROWS, fuse=True)
    assert found == {"s": "m"}
    graph, numbers = plan.schedule.graph, np.random.default_rng(0)
    arguments = [numbers.normal(size=(700, 8)), numbers.normal(size=8)]
    arguments = [array.astype(np.float32) for array in arguments]
    expected = reference.run(graph, dict(zip(graph.inputs, arguments, strict=True)), {"n": 700})
    out = np.empty(8, np.float32)
    backend.build(plan).run(arguments, {"n": 700}, [out, np.empty((700, 8), np.float32)])
    np.testing.assert_allclose(out, expected[graph.outputs[0]], rtol=1e-4)


def test_a_view_of_a_view_may_be_given_up_where_it_is_read_as_memory_lies():
    text = """
    op turned(x) = x + 1
    %x = input : f32[3,3]
    %a = exp(%x) : f32[3,3]
    %v = transpose(%a, order=[1,0]) : f32[3,3]
    %y[i,j] = turned(%v[j,i]) : f32[3,3]
    %z[i,j] = sum[k:3] %y[i,k] * %y[k,j] : f32[3,3]
    return %z
    """
    assert marked(text)[0] == {"y": "v"}


def test_a_reshape_that_copies_gives_up_its_own_memory():
    text = """
    %x = input : f32[3,4]
    %a = exp(%x) : f32[3,4]
    %v = transpose(%a, order=[1,0]) : f32[4,3]
    %r = reshape(%v, shape=[12]) : f32[12]
    %y = neg(%r) : f32[12]
    %s[] = sum[i:12] %y[i] : f32[]
    %t[] = sum[i:3,j:4] %a[i,j] : f32[]
    return %s, %t
    """
    assert marked(text)[0] == {"y": "r"}
