"""Peeling: whole vectors lose their masks, what is left of a loop keeps one, and no bit changes."""

from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.jit import engine
from compiler.loops.language import For, walk
from compiler.loops.peeling import peel
from compiler.loops.source import source
from compiler.loops.verify import verify
from tests.compiler.loops.interpreter import run
from tests.compiler.loops.programs import call
from tests.compiler.loops.reading import NAMING, read_kernel
from tinytorch.testing.programs import PROGRAMS

HOST = engine.host_target()
SMALL = engine.Target(
    HOST.triple, "generic" if HOST.is_arm else "x86-64", "+neon" if HOST.is_arm else "+sse2"
)
"""A machine without registers for masks, whose code runs here."""

PLAIN = SMALL.machine
SPARING = replace(PLAIN, has_mask_registers=True)

BEFORE = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
%s : f64 at output 1
for chunk in chunks:
    for i in 0 .. n:
        sum0 : f64x4 = 0.0
        for j in 0 .. n in vectors of 4 with mask0:
            sum0 += f64(%x[n*i + j; where mask0]) where mask0
        %sum : f64 = join sum(sum0)
        %s[i] = %sum
        for j in 0 .. 6 in vectors of 4 with mask0:
            %h : f32x4 = %x[n*i + j; where mask0] * 2.0
            if j < 4:
                %y[6*i + j] = %h
            else:
                %y[6*i + j; first 2] = %h
"""

AFTER = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
%s : f64 at output 1
for chunk in chunks:
    for i in 0 .. n:
        t0 : i64 = n - rem(n, 4)
        sum0 : f64x4 = 0.0
        for j in 0 .. t0 in vectors of 4:
            sum0 += f64(%x[n*i + j])
        for j in t0 .. n in vectors of 4 with mask0:
            sum0 += f64(%x[n*i + j; where mask0]) where mask0
        %sum : f64 = join sum(sum0)
        %s[i] = %sum
        for j in 0 .. 4 in vectors of 4:
            %h : f32x4 = %x[n*i + j] * 2.0
            %y[6*i + j] = %h
        for j in 4 .. 6 in vectors of 4 with mask0:
            %h : f32x4 = %x[n*i + j; where mask0] * 2.0
            %y[6*i + j; first 2] = %h
"""

WHOLE = """\
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 8 in vectors of 4:
        %y[i] = %x[i]
    for i in 0 .. 3 in vectors of 4 with mask0:
        %y[i; where mask0] = %x[i; where mask0]
"""


def test_a_loop_under_a_mask_becomes_two():
    peeled = peel(read_kernel(BEFORE), PLAIN)
    verify(peeled, "peel")
    assert source(peeled, NAMING) == AFTER


def test_a_loop_that_is_whole_and_one_shorter_than_a_vector_stay_as_they_are():
    assert source(peel(read_kernel(WHOLE), PLAIN), NAMING) == WHOLE


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 8, 9])
def test_a_state_goes_from_the_first_loop_into_the_second(count):
    x = np.random.default_rng(count).standard_normal(count * count + 6).astype(np.float32)
    results = []
    for kernel in (read_kernel(BEFORE), peel(read_kernel(BEFORE), PLAIN)):
        y, sums = np.zeros(max(6 * count, 1), np.float32), np.zeros(max(count, 1))
        assert run(kernel, count, x, y, sums)
        results.append(y.tobytes() + sums.tobytes())
    assert results[0] == results[1]


EMPTY = """\
n : i64
%y : i64 at output 0
for chunk in chunks:
    for i in 8 .. n in vectors of 4 with mask0:
        %y[i; where mask0] = i
"""


@pytest.mark.parametrize("stop", [0, 5, 7, 8, 9, 12, 15])
def test_a_loop_without_an_iteration_has_none_afterwards(stop):
    y = np.full(16, -1)
    assert run(peel(read_kernel(EMPTY), PLAIN), stop, y)
    assert np.array_equal(y, [k - k % 4 if 8 <= k < stop else -1 for k in range(16)])


def gathers():
    x, index = tt.input("x", ("n",)), tt.input("index", ("m",), "int64")
    arguments = np.arange(7, dtype=np.float32), np.array([6, 0, -1, 3, 3, 2, 1])
    return tt.compile([x, index], tt.exp(x)[index] + 1.0, backend=Llvm(SMALL)), arguments


def of_testing(name):
    item = PROGRAMS[name]()
    return tt.compile(item.inputs, item.outputs, updates=item.updates, backend=Llvm(SMALL)), item.data


@pytest.mark.parametrize("name", ["small extents", "training step", "gathers"])
def test_programs_run_by_hand_have_the_same_bits_before_and_after(name):
    program, arguments = gathers() if name == "gathers" else of_testing(name)
    before, after = (call(program, arguments, stage, PLAIN) for stage in ("vectorise", "peel"))
    for one, other in zip(before.results(program), after.results(program), strict=True):
        assert one.tobytes() == other.tobytes()


def test_with_registers_for_masks_only_loops_that_carry_are_peeled():
    text = source(peel(read_kernel(BEFORE), SPARING), NAMING)
    maps = BEFORE.index("        for j in 0 .. 6")
    assert text == AFTER[: AFTER.index("        for j in 0 .. 4")] + BEFORE[maps:]


@pytest.mark.parametrize("turned", ["%x[n*i - j; where mask0]", "%x[n*i + 2*j; 4 lanes by 2; where mask0]"])
def test_with_registers_for_masks_loops_that_turn_a_mask_are_peeled(turned):
    kernel = read_kernel(BEFORE.replace("%x[n*i + j; where mask0] * 2.0", f"{turned} * 2.0"))
    assert source(peel(kernel, SPARING), NAMING) == source(peel(kernel, PLAIN), NAMING)


def test_no_mask_is_left_in_a_loop_of_whole_vectors():
    for loop in walk(peel(read_kernel(BEFORE), PLAIN).body):
        if isinstance(loop, For) and loop.lanes and loop.mask is None:
            assert not any(getattr(stmt, "mask", None) for stmt in walk(loop.body))
