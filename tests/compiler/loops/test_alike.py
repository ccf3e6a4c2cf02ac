"""Kernels that are alike have one draft; what a draft depends on is in their key."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit.engine import host_target
from compiler.backends.llvm.run.program import NativeProgram
from compiler.backends.llvm.steps.launches import PythonStep, Scratch
from compiler.backends.llvm.steps.lowering import _Lowering, lower
from compiler.ir.graph import Graph
from compiler.loops.alike import likeness
from compiler.loops.places import Places
from compiler.loops.shown import Loops
from compiler.rewrite.refusal import Refusal
from compiler.schedule.planner import make_plan
from compiler.schedule.schedule import Schedule
from compiler.schedule.target import Target
from passes.fuse_elementwise import FuseElementwise
from passes.fuse_epilogues import FuseEpilogues
from passes.inplace import InPlace
from tests.compiler.loops.test_programs import compiled
from tinytorch.testing.programs import PROGRAMS

TARGET = Target(fuses=True, fuses_contractions=True, writes_in_place=True)


def plan_of(text, *, donates=False):
    graph = Graph.parse(text)
    schedule = Schedule.of(graph, graph.inputs if donates else ())
    for item in (FuseElementwise(), FuseEpilogues(), InPlace()):
        schedule = item.schedule(schedule, TARGET)[0]
    return make_plan(schedule)


def like(text, number=-1, **options):
    """What a kernel of a program is like, the last one unless another is named, and its step."""
    plan = plan_of(text, **options)
    places, kernel = Places(plan), plan.schedule.kernels[number]
    (step,) = lower(plan, host_target()).of_kernel[number]
    found = likeness(kernel, kernel.nest, places, frozenset(plan.schedule.outputs(kernel)))
    return found, step


def said(step):
    """All that runs of a step but for where memory begins, and the addresses in their order."""
    launches = step.launches({"n": 7, "m": 5, "batch": 3}, Scratch())
    return list(step.kernels), [(item.key, item.numbers, item.chunks, item.checks) for item in launches]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_shared_draft_is_the_one_that_a_kernel_would_have_alone(name):
    program, _ = compiled(name)
    executable = program._executable
    plan, shared = program.plan, 0
    for kernel, steps in zip(plan.schedule.kernels, executable.lowered.of_kernel, strict=True):
        if len(steps) != 1 or isinstance(steps[0], PythonStep) or not steps[0].labels:
            continue
        shared += 1
        alone = _Lowering(plan, executable.target, executable.lowered.places)
        step = alone._drafted(kernel, kernel.nest, frozenset(plan.schedule.outputs(kernel)))
        assert said(step) == said(steps[0])
    assert shared or name != "deep"


BASE = """
op f(x, y) = maximum(x, 0.0) + x * y
%a = input : f32[n,6]
%b = input : f32[n,6]
%y[i,j] = f(%a[i,j], %b[i,j]) : f32[n,6]
return %y
"""

OTHERS = {
    "a literal's sign": BASE.replace("0.0", "-0.0"),
    "a literal": BASE.replace("0.0", "1.0"),
    "an atom": BASE.replace("maximum", "minimum"),
    "the order of operands": BASE.replace("x * y", "y * x"),
    "one operand twice": BASE.replace("%b[i,j]", "%a[i,j]"),
    "an extent": BASE.replace(",6]", ",8]"),
    "a symbol": BASE.replace("[n", "[m"),
    "a dtype": BASE.replace("f32", "f64"),
    "a row": BASE.replace("%b = input : f32[n,6]", "%b = input : f32[6]").replace("%b[i,j]", "%b[j]"),
    "a transposed operand": BASE.replace("%b = input : f32[n,6]", "%c = input : f32[6,n]\n"
                                         "%b = transpose(%c, order=[1,0]) : f32[n,6]"),
    "an index": BASE.replace("%b[i,j])", "j)").replace("%b = input : f32[n,6]\n", ""),
    "another value that is stored": BASE.replace("return %y", "%z = exp(%y) : f32[n,6]\nreturn %z, %y"),
    "a value that is not": BASE.replace("return %y", "%z = exp(%y) : f32[n,6]\nreturn %z"),
    "a sum of rows": BASE.replace("return %y", "%z[i] = sum[j:6] %y[i,j] : f32[n]\nreturn %z"),
    "a sum of columns": BASE.replace("return %y", "%z[i] = sum[j:n] %y[j,i] : f32[6]\nreturn %z"),
    "a largest of rows": BASE.replace("return %y", "%z[i] = max[j:6] %y[i,j] : f32[n]\nreturn %z"),
}  # fmt: skip


def test_kernels_that_differ_in_one_thing_are_not_alike():
    keys = {name: like(text)[0].key for name, text in {"": BASE, **OTHERS}.items()}
    assert len(set(keys.values())) == len(keys)


@pytest.mark.parametrize("name", OTHERS)
def test_and_no_two_that_are_alike_have_other_code(name):
    """The same names in another order, and other values around it, change nothing."""
    text = OTHERS[name]
    renamed = text.replace("%a", "%first").replace("%y", "%other")
    found, step = like(text)
    same, other = like(renamed)
    assert found.key == same.key
    assert list(step.kernels) == list(other.kernels)


def test_where_memory_begins_is_in_no_key_but_what_is_one_is():
    text = """
%x = input : f32[4,6]
%w = input : f32[6,6]
%v = input : f32[6,6]
%a[i,j] = sum[k:6] %x[i,k] * %w[k,j] : f32[4,6]
%b[i,j] = sum[k:6] %a[i,k] * %v[k,j] : f32[4,6]
%c[i,j] = sum[k:6] %b[i,k] * %w[k,j] : f32[4,6]
%d[i,j] = sum[k:6] %v[i,k] * %v[k,j] : f32[6,6]
return %c, %d
"""
    plan = plan_of(text)
    places = Places(plan)
    found = [
        likeness(kernel, kernel.nest, places, frozenset(plan.schedule.outputs(kernel)))
        for kernel in plan.schedule.kernels
        if not isinstance(kernel.nest, Refusal)
    ]
    assert found[0].key == found[1].key == found[2].key != found[3].key
    assert len({item.pointers for item in found}) == 4
    steps = lower(plan, host_target()).steps
    assert [bool(step.labels) for step in steps] == [False, True, True, False]


def test_what_is_written_over_what_it_reads_is_not_like_what_is_not():
    text = """
%x = input : f32[64,8]
%w = input : f32[8,8]
%y = tanh(%x) : f32[64,8]
%z[i,j] = sum[k:8] %y[i,k] * %w[k,j] : f32[64,8]
return %z
"""
    assert plan_of(text, donates=True).schedule.kernels[0].in_place
    keys = {like(text, 0, donates=donates)[0].key for donates in (True, False)}
    assert len(keys) == 2


def test_the_texts_of_kernels_that_are_alike_have_the_names_of_each():
    x = tt.input("x", (4, 8))
    w = [tt.parameter(np.full((8, 8), k, np.float32), f"w{k}") for k in range(3)]
    value = x
    for k, item in enumerate(w):
        value = tt.tanh(value @ item).named(f"h{k}")
    program = tt.compile([x], value, backend="llvm")
    texts = [program.source(k) for k in range(len(program.schedule.kernels))]
    assert any(step.labels for step in program._executable.lowered.steps)
    for k, text in enumerate(texts):
        assert [other for other in range(3) if f"%w{other}" in text] == [k]


def test_so_do_the_tables_of_products():
    """Rows of a slice have no stride, and the table of one is called after what it is of."""
    text = "%w = input : f32[40,20]\n" + "".join(
        f"""%{x} = input : f32[9,40]
%{x}r = reshape(%{x}, shape=[3,3,40]) : f32[3,3,40]
%{x}s = slice(%{x}r, starts=[0,0,0], sizes=[2,2,40], steps=[1,1,1]) : f32[2,2,40]
%{x}p[i,j,k] = sum[l:40] %{x}s[i,j,l] * %w[l,k] : f32[2,2,20]
"""
        for x in ("a", "b")
    )
    plan = plan_of(text + "return %ap, %bp\n")
    program = NativeProgram(plan, host_target())
    first, second = (number for number, steps in enumerate(program.lowered.of_kernel) if steps)
    assert program.lowered.of_kernel[second][0].labels

    def source(number):
        return program.source(number, Loops)

    shown = source(first)
    assert "%as_rows" in shown
    assert (
        source(second).replace("%b", "%a").replace("output 1", "output 0").splitlines()[1:]
        == (shown.splitlines()[1:])
    )


def test_a_deeper_network_has_no_more_drafts():
    def drafts(depth):
        x = tt.input("x", (4, 8))
        parameters = [tt.parameter(np.full((8, 8), 0.1, np.float32), f"w{k}") for k in range(depth)]
        value = x
        for item in parameters:
            value = tt.gelu(value @ item)
        updates = tt.optim.SGD(parameters, lr=0.1).updates(value.sum())
        program = tt.compile([x], [], updates=updates, backend="llvm")
        return sum(not step.labels for step in program._executable.lowered.steps)

    assert drafts(6) == drafts(12) < 12
