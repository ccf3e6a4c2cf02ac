"""What a native program prints of its kernels is what they do: run by hand, it gives the oracle's numbers."""

import re
from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.analysis.extents import bind_sizes
from compiler.backends.llvm.jit.untyped import binding
from compiler.backends.llvm.library import symbol_of
from compiler.backends.llvm.wording import Words
from compiler.backends.reference import run
from compiler.debugging.margins import disagreement, margins
from compiler.driver import compile_source
from compiler.ir.dims import evaluate
from compiler.structure import Structure
from tests.benchmarks import workloads
from tests.benchmarks.systems import ours
from tests.compiler.backends.llvm.loop_nests import IndexOutsideError, Machine, memory_of
from tests.properties.trial import backends, make_trial
from tinytorch.testing.programs import PROGRAMS

PASSES = {"default": tt.default_passes(), "none": ()}


def pieces_of(text):
    """The kernels and copies of a call, one after the other."""
    found = []
    for line in text.splitlines(keepends=True):
        if line.startswith(("# kernel ", "# a copy")):
            found.append("")
        found[-1] += line
    return found


def run_by_hand(program, arguments, sizes=None):
    """Runs all that a program prints, and compares what each kernel stores, and all results."""
    graph, lowered = program.graph, program._executable.lowered
    sizes = sizes or bind_sizes(graph.inputs, [array.shape for array in arguments])
    leaves = dict(zip(graph.inputs, arguments, strict=True))
    for node in graph.nodes:
        if node.op.name in ("parameter", "constant"):
            leaves[node] = node.op.buffer.array.copy()
    values = run(graph, leaves, sizes)
    allowed, memory, kernels = margins(graph, values), memory_of(program, arguments, sizes), 0
    words = Words(lowered.places)

    def compare(node, flat):
        reason = disagreement(flat, values[node], allowed[node])
        assert reason is None, f"{node}: {reason}"

    def look(node):
        located = lowered.places[node]
        region = words.place(located.pointer).split(" + ")[0]
        shape, strides = ([evaluate(n, sizes) for n in x] for x in (node.type.shape, located.strides))
        dtype = node.type.dtype.numpy
        if 0 in shape:
            return np.empty(shape, dtype)
        steps = [n * dtype.itemsize for n in strides]
        return np.ndarray(shape, dtype, memory[region], evaluate(located.pointer.offset, sizes), steps)

    for piece in pieces_of(program.source()):
        Machine(memory, sizes, graph.calls).run(piece)
        if piece.startswith("# kernel "):
            assert piece == program.source(kernels)
            for node in program.schedule.outputs(program.schedule.kernels[kernels]):
                compare(node, look(node))
            kernels += 1
    assert kernels == len(program.schedule.kernels)
    for place, node in enumerate(graph.outputs):
        compare(node, memory[f"output {place}"].view(node.type.dtype.numpy).reshape(values[node].shape))
    for parameter, node in graph.updates:
        name = f"parameter {words.called(parameter)}"
        compare(node, memory[name].view(node.type.dtype.numpy).reshape(values[node].shape))


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_kernel_of_the_test_programs_does_what_it_says(name, passes):
    item = PROGRAMS[name]()
    program = tt.compile(
        item.inputs, item.outputs, updates=item.updates, passes=PASSES[passes], backend="llvm"
    )
    run_by_hand(program, item.data)


def few(network, rows=2):
    """A network with a smaller batch."""
    return replace(network, x=network.x[:rows], target=network.target[:rows])


@pytest.fixture
def small(monkeypatch):
    """The workloads with a few rows, and as many columns and layers as ever."""

    def change(name, value):
        monkeypatch.setattr(workloads, name, lambda: value)

    x, b = workloads.activation_data()
    change("activation_data", (x[:3], b))
    change("logits_and_labels", tuple(array[:3] for array in workloads.logits_and_labels()))
    change("classifier", few(workloads.classifier()))
    change("deep", workloads.sized("net-2-9-50"))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", workloads.NAMES)
def test_every_kernel_of_the_benchmarks_does_what_it_says(name):
    program, arguments = ours.build(name, backend="llvm")
    run_by_hand(program, arguments)


@pytest.mark.parametrize("block", range(4))
def test_every_kernel_of_random_programs_does_what_it_says(block):
    for seed in range(block * 12, (block + 1) * 12):
        trial = make_trial(seed)
        sample = trial.sample
        program = compile_source(
            sample.graph, structure=Structure("list", len(sample.graph.outputs)), passes=trial.passes,
            backend=backends()["llvm"], donate=trial.donate,
        )  # fmt: skip
        arguments = [np.array(item) for item in sample.arguments(1)]
        run_by_hand(program, arguments, sample.sizes(1))


LAYER = """\
# kernel 0: %h : f32[n,4], %y : f32[n,4]
%b : f32 at parameter %b
%h : f32 at output 1
%y : f32 at output 0
%x : f32 at input %x
%w : f32 at parameter %w
for i in 0 .. n:  # in chunks
    for j in 0 .. 4:  # tiles stay in registers
        sum0 : f32 = 0.0
        for block0 in 0 .. 300 by 256:
            part0 : f32 = 0.0
            for k in block0 .. min(block0 + 256, 300):
                part0 = fma(%x[300*i + k], %w[j + 4*k], part0)
            sum0 += part0
        %0 : f32 = sum0
        %h : f32 = %0 + %b[j]
        %y : f32 = tanh(%h)
        %h[4*i + j] = %h
        %y[4*i + j] = %y
"""


def layer():
    x = tt.input("x", ("n", 300))
    w = tt.parameter(np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32), "w")
    h = (x @ w + tt.parameter(np.ones(4, np.float32), "b")).named("h")
    return tt.compile([x], [tt.tanh(h).named("y"), h], backend="llvm")


def test_a_product_is_read_as_a_loop_nest_with_the_names_of_the_user():
    text = re.sub(r"tiles of \d+ x \d+", "tiles", layer().source(0))
    fused = re.sub(r"(\w+) \+= (%x.*) \* (%w.*)", r"\1 = fma(\2, \3, \1)", text)
    assert fused == LAYER


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("%x[300*i + k]", "%x[k]"),
        ("min(block0 + 256, 300)", "min(block0 + 256, 299)"),
        ("by 256", "by 255"),
        ("%w[j + 4*k]", "%w[j + 3*k]"),
        ("%0 + %b[j]", "%0 - %b[j]"),
        ("%y[4*i + j]", "%y[4*j + i]"),
        ("%b : f32 at parameter %b", "%b : f32 at parameter %w"),
        ("sum0 += part0", "sum0 = part0"),
    ],
)
def test_a_text_that_is_wrong_gives_other_numbers(monkeypatch, right, wrong):
    program, source = layer(), tt.Program.source
    x = np.random.default_rng(1).standard_normal((5, 300)).astype(np.float32)
    run_by_hand(program, [x])
    assert right in program.source()
    monkeypatch.setattr(tt.Program, "source", lambda *what: source(*what).replace(right, wrong))
    with pytest.raises(AssertionError):
        run_by_hand(program, [x])


def test_a_text_of_another_dtype_is_refused(monkeypatch):
    program, source = layer(), tt.Program.source
    monkeypatch.setattr(tt.Program, "source", lambda *what: source(*what).replace("%h : f32 =", "%h : f64 ="))
    with pytest.raises(AssertionError):
        run_by_hand(program, [np.ones((5, 300), np.float32)])


def test_a_check_refuses_an_index_before_anything_is_written():
    x, index = tt.input("x", ("n", 4)), tt.input("index", (3,), "int64")
    program = tt.compile([x, index], tt.take(x, index, axis=1), backend="llvm")
    memory = memory_of(program, [np.ones((2, 4), np.float32), np.array([0, 4, 1])], {"n": 2})
    with pytest.raises(IndexOutsideError):
        Machine(memory, {"n": 2}, {}).run(program.source())
    assert (memory["output 0"] == 255).all()


def programs():
    """The test programs and the benchmarks, compiled."""
    for name, make in PROGRAMS.items():
        item = make()
        yield name, tt.compile(item.inputs, item.outputs, updates=item.updates, backend="llvm")
    for name in workloads.NAMES:
        yield name, ours.build(name, backend="llvm")[0]


def kernels(program):
    """The number of each kernel that has code of its own, and the names of its functions."""
    seen = set()
    for number, steps in enumerate(program._executable.lowered.of_kernel):
        keys = frozenset(key for step in steps for key in step.kernels)
        if keys - seen or not keys:
            yield number, [symbol_of(key) for key in keys]
        seen |= keys


@pytest.mark.usefixtures("small")
def test_every_kernel_has_its_own_code():
    for name, program in programs():
        for number, functions in kernels(program):
            code = program.llvm_ir(number)
            binding.parse_assembly(code).verify()
            assert all(f'define void @"{function}"(' in code for function in functions), (name, number)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_every_kernel_has_machine_code():
    for name, program in programs():
        for number, functions in kernels(program):
            text = program.assembly(number)
            assert all(f"{function}:" in text for function in functions), (name, number)
