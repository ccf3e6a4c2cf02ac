"""What a native program shows of its kernels: the user's names, extents, places; and code for each kernel."""

import re
from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit.untyped import binding
from compiler.backends.llvm.steps.library import symbol_of
from tests.benchmarks import workloads
from tests.benchmarks.systems import ours
from tinytorch.testing.programs import PROGRAMS


def layer():
    x = tt.input("x", ("n", 300))
    w = tt.parameter(np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32), "w")
    h = (x @ w + tt.parameter(np.ones(4, np.float32), "b")).named("h")
    return tt.compile([x], [tt.tanh(h).named("y"), h], backend="llvm")


def test_a_transposed_copy_shows_the_numbers_in_its_places():
    x = tt.input("x", (3, 3, 64, 64))
    program = tt.compile([x], x[::-1, ::-1].transpose(0, 1, 3, 2).reshape(576, 64), backend="llvm")
    assert "in vectors of" in program.source()


def test_a_product_is_read_with_the_names_of_the_user():
    text = layer().source(0)
    assert text.startswith("# kernel 0: %h : f32[n,4], %y : f32[n,4]\n")
    for line in (
        "%x : f32 at input %x",
        "%w : f32 at parameter %w",
        "%h : f32 at output 1",
        "row_grain : i64",
    ):
        assert line in text.splitlines()
    for part in (
        "times %w[",
        "tile %h[",
        "{n}",
        "of %x[300*",
        "over ",
        "%h : f32x",
        "%y : f32x",
        "= tanh(%h)",
    ):
        assert part in text


def test_what_a_row_keeps_and_what_a_chunk_is_are_said():
    x = tt.input("x", ("n", 96))
    text = tt.compile([x], tt.softmax(x, axis=-1), backend="llvm").source(0)
    assert "grain : i64\n" in text
    assert "room0 : f32 at room[96]" in text
    assert text.count("exp(") == 1
    assert text.count("in vectors of") == 3


def test_sums_of_chunks_lie_in_scratch_memory():
    x = tt.input("x", (300, 1100))
    assert "scratch[1100]" in tt.compile([x], x.sum(axis=0), backend="llvm").source(0)


def test_sums_of_narrow_rows_lie_in_scratch_memory_one_behind_the_other():
    x = tt.input("x", (300, 2))
    text = tt.compile([x], x.sum(axis=0), backend="llvm").source(0)
    (size,) = re.findall(r"scratch\[(\d+)\]", text)
    assert int(size) % 2 == 0
    assert f"by {int(size) // 2}:" in text


def test_a_view_is_nothing_to_do_and_a_copy_is_a_loop():
    x = tt.input("x", (3, 4))
    text = tt.compile([x], tt.transpose(x), backend="llvm").source()
    assert "# a copy\n" in text
    assert "for chunk in chunks:" in text


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
