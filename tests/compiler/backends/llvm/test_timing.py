"""Timed calls of native programs: each launch under its kernel, by either clock."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.llvm.run import timing
from compiler.backends.llvm.run.driver import driver
from compiler.backends.llvm.run.timing import NativeClock, PythonClock
from compiler.backends.llvm.steps.launches import PythonStep
from compiler.errors import IndexRangeError
from compiler.ir.node import make_node
from compiler.ir.op import Call


@pytest.fixture(params=["native", "python"])
def clock(request, monkeypatch):
    """The clock of this system, and the one for systems without POSIX clocks."""
    if request.param == "python":
        monkeypatch.setattr(timing, "timed_part", lambda: PythonClock(driver().run_part))
    elif timing.CLOCK is None:
        pytest.skip("no POSIX clock here")
    else:
        assert isinstance(timing.timed_part(), NativeClock)
    return request.param


def floats(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def timed(program, *arguments):
    """Nanoseconds, outputs and updates' values of one timed call of the program itself."""
    inputs, sizes = program.signature.bind(arguments, {})
    outputs = program._outputs(sizes, None, inputs)
    return program._executable.run_timed(inputs, sizes, outputs), outputs


def test_a_timed_call_is_a_call(clock):
    x, w = tt.input("x", ("n", 40)), tt.parameter(floats(40, 30), "w")
    y = tt.tanh(x @ w)
    program = tt.compile([x], [y, y.sum()], updates={w: w * 0.5})
    before, data = tt.value_of(w), floats(20, 40)
    spent, outputs = timed(program, data)
    assert len(spent) == len(program.schedule.kernels) + 1
    assert min(spent[:-1]) > 0
    np.testing.assert_array_equal(tt.value_of(w), before / 2)
    tt.set_value(w, before)
    for found, expected in zip(outputs, program(data), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_launches_python_steps_and_copies_go_to_their_kernels(clock, monkeypatch):
    """Counted: a concatenation of three takes three launches, a sum of all two, a view none."""
    x, w = tt.input("x", (4,)), tt.parameter(np.ones(4, np.float32))
    opaque = tt.Tensor(make_node(Call("called", np.negative, x.node.type), [tt.exp(x).node]))
    joined = tt.concatenate([opaque, x, x], axis=0)
    program = tt.compile([x], [joined.reshape([3, 4]).sum(), x], updates={w: x}, passes=())
    part = timing.timed_part()

    def counted(binding, frame, first, stop):
        answer, times = part(binding, frame, first, stop)
        return answer, [1_000_000_000_000 for _ in times]

    monkeypatch.setattr(timing, "timed_part", lambda: counted)
    spent, _ = timed(program, np.ones(4, np.float32))
    steps = program._executable.lowered.of_kernel
    kinds = [[type(step) is PythonStep for step in found] for found in steps]
    assert [kernel.members[0].op.name for kernel in program.schedule.kernels] == [
        "exp", "called", "concatenate", "reshape", "sum",
    ]  # fmt: skip
    assert kinds == [[False], [True], [False] * 3, [], [False]]
    assert [round(taken / 1e12) for taken in spent] == [1, 0, 3, 0, 2, 2]
    assert spent[1] > 0


def test_a_refusal_is_the_error_of_a_call(clock):
    x, rows = tt.input("x", (5, 4)), tt.input("rows", ("n",), "int64")
    w = tt.parameter(np.zeros(4, np.float32))
    picked = tt.take(x, rows, axis=0)
    program = tt.compile([x, rows], tt.exp(picked), updates={w: picked.sum(axis=0)})
    with pytest.raises(IndexRangeError):
        timed(program, floats(5, 4), np.array([0, 5]))
    np.testing.assert_array_equal(tt.value_of(w), np.zeros(4))
    spent, _ = timed(program, floats(5, 4), np.array([0, 4]))
    assert min(spent[:-1]) > 0


def test_threads_share_the_kernels_of_a_timed_call(clock):
    x = tt.input("x", (500, 1000))
    program = tt.compile([x], tt.gelu(x))
    data, before = floats(500, 1000), tt.get_num_threads()
    try:
        for count in (1, 2):
            tt.set_num_threads(count)
            _, (found,) = timed(program, data)
            np.testing.assert_array_equal(found, program(data))
    finally:
        tt.set_num_threads(before)
