"""`program.profile`: what is measured, of which kernels, and that nobody notices."""

import math
import threading
import time
from itertools import count

import numpy as np
import pytest

import tinytorch as tt
from compiler.analysis.cost import Cost
from compiler.backends.numpy.source import Source
from compiler.backends.numpy.stopwatch import Stopwatch
from compiler.backends.reference import Interpreter
from compiler.errors import ArgumentError, BackendError, IndexRangeError, PassError, ShapeError
from compiler.ir.node import make_node
from compiler.ir.op import Call, Trait
from compiler.pipeline.contract import Report
from compiler.profiling import Profile, Samples, Timing, sample
from compiler.schedule.costs import PlanCost
from compiler.schedule.plan import InInput
from compiler.schedule.target import Target
from tests.backends import ALL
from tinytorch.testing.programs import PROGRAMS

SHORT = 1e-4
"""Seconds: one round of calls, or a few."""


@pytest.fixture(params=ALL)
def backend(request):
    if request.param == "llvm":
        pytest.importorskip("llvmlite")
    return request.param


def called(function, *operands):
    """An opaque call with the type of its first operand."""
    nodes = [operand.node for operand in operands]
    return tt.Tensor(make_node(Call("called", function, nodes[0].type), nodes))


def counting(backend, **more):
    """A program with a parameter that counts its calls."""
    x, w = tt.input("x", ("n",)), tt.parameter(np.zeros(3, np.float32), "w")
    return w, tt.compile([x], x.sum() + w, updates={w: w + 1.0}, backend=backend, **more)


# What is measured


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_kernel_of_the_schedule_has_its_timing_and_its_cost(name, backend):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend=backend)
    found = program.profile(*made.data, seconds=SHORT)
    assert found.schedule is program.schedule
    assert len(found.kernels) == len(program.schedule.kernels)
    costs = program.cost.at(**found.sizes)
    assert (tuple(item.cost for item in found.kernels), found.copies.cost) == (costs.kernels, costs.copies)
    assert found.total.cost == costs.total
    assert {item.calls for item in (*found.kernels, found.copies, found.total)} == {found.calls}
    assert found.calls >= 1
    for item, kernel in zip(found.kernels, program.schedule.kernels, strict=True):
        assert item.microseconds >= item.fastest >= 0
        if not all(node.op.has(Trait.VIEW) for node in kernel.members):
            assert item.fastest > 0
    assert math.isclose(sum(item.share for item in found.kernels) + found.copies.share, 1)


def test_sizes_may_be_symbolic_and_arguments_named(backend):
    x, y = tt.input("x", ("batch", 4)), tt.input("y", ("rows", 4))
    program = tt.compile([x, y], [tt.exp(x), tt.tanh(y)], backend=backend)
    for batch, rows in ((5, 7), (300, 0)):
        data = {"y": np.ones((rows, 4), np.float32), "x": np.ones((batch, 4), np.float32)}
        found = program.profile(seconds=SHORT, **data)
        assert found.sizes == {"batch": batch, "rows": rows}
        assert found.total.cost == Cost(
            4 * (batch + rows), 4 * (batch + rows), 4 * (batch + rows), *[16 * (batch + rows)] * 2
        )


def test_python_steps_and_copies_are_measured(backend):
    x, w = tt.input("x", (4,)), tt.parameter(np.ones(4, np.float32))
    seen = called(np.negative, tt.exp(x))
    program = tt.compile([x], [seen * 2.0, x], updates={w: seen}, backend=backend)
    found = program.profile(np.ones(4, np.float32), seconds=SHORT)
    place = program.schedule.kernel_of[next(n for n in program.graph.nodes if n.op.has(Trait.OPAQUE))]
    assert found.kernels[place].fastest > 0
    assert found.kernels[place].cost.opaque == 1
    assert found.copies.fastest > 0


@pytest.fixture
def counted_time(monkeypatch):
    """A clock that goes on by one at each reading."""
    ticks = count()
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(ticks))


# A reshape is a view on numpy; the update is written early, the output at the end.
@pytest.mark.parametrize(("backend", "expected"), [("reference", [1, 1, 1, 1]), ("numpy", [1, 0, 1, 2])])
def test_each_reading_belongs_to_one_kernel(backend, expected, counted_time):
    x, w = tt.input("x", (4,)), tt.parameter(np.ones(4, np.float32))
    y = tt.exp(x)
    program = tt.compile(
        [x], [y.reshape([2, 2]) @ np.ones((2, 2), np.float32), x], updates={w: x}, passes=(), backend=backend
    )
    outputs = [np.empty((2, 2), np.float32), np.empty(4, np.float32)]
    spent = program._executable.run_timed([np.ones(4, np.float32)], {}, outputs)
    ops = [kernel.members[0].op.name for kernel in program.schedule.kernels]
    assert ops == ["exp", "reshape", "sum"]
    assert spent == expected
    np.testing.assert_allclose(outputs[0], np.full((2, 2), 2 * np.e), rtol=1e-6)
    np.testing.assert_array_equal(outputs[1], np.ones(4))


def test_a_stopwatch_forgets_each_run(monkeypatch):
    readings = iter([0, 5, 7, 100, 110, 140])
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(readings))
    source, watch = Source(), Stopwatch(kernels=2)
    watch.begin(source)
    watch.split(source, 0)  # nothing was written: nothing is read
    source.write("pass")
    watch.split(source, 1)
    source.write("pass")
    watch.split(source, -1)
    run, _ = source.finish([])
    for expected in ([0, 5, 2], [0, 10, 30]):
        run()
        assert watch.spent() == expected


def test_calls_with_and_without_a_clock_alternate_from_the_same_state():
    events = []
    found = sample(
        lambda: events.append("call"),
        lambda: events.append("timed") or [1, 2],
        lambda: events.append("restore"),
        1e-9,
    )
    assert events == ["restore", "call", "restore", "timed"] * 2  # the first round warms and does not count
    assert found.parts == [[1, 2]]
    assert len(found.whole) == 1


def test_every_call_sees_the_values_that_the_caller_has(backend):
    x, w = tt.input("x", (2,)), tt.parameter(np.full(2, 5, np.float32), "w")
    seen = []
    y = called(lambda a, b: seen.append((a.copy(), b.copy())) or a, x, w)
    program = tt.compile([x], y, updates={w: w * 2.0}, donate=["x"], backend=backend)
    argument = np.array([1, 2], np.float32)
    program.profile(argument, seconds=SHORT)
    assert len(seen) >= 4
    assert all(np.array_equal(a, [1, 2]) and np.array_equal(b, [5, 5]) for a, b in seen)


def test_medians_and_shares():
    y = tt.exp(tt.constant(np.ones(4, np.float32)))
    program = tt.compile([], y, passes=(), backend="numpy")
    cost = PlanCost(program.schedule, (Cost(4000, 4000, 0, 1000, 3000),), Cost(bytes_read=8, bytes_written=8))
    found = Samples([9000, 7000, 8000], [[3000, 1000], [5000, 1000], [4000, 0]]).profile(
        cost, "numpy", {"n": 4}
    )
    (kernel,) = found.kernels
    assert (kernel.microseconds, kernel.fastest, kernel.share, kernel.calls) == (4, 3, 0.8, 3)
    assert (kernel.gflops, kernel.gigabytes_per_second) == (1, 1)
    assert (found.copies.microseconds, found.copies.share) == (1, 0.2)
    assert (found.total.microseconds, found.total.fastest) == (4, 4)
    assert (found.call_microseconds, found.calls) == (8, 3)
    assert str(found) == (
        "          values  ops  us   share  flops     read  written  flop/byte  GFLOP/s   GB/s\n"
        "kernel 0  %1      exp   4   80.0%    4 k     1 kB     3 kB          1        1      1\n"
        "copies                  1   20.0%      0      8 B      8 B          0        0  0.016\n"
        "total                   4  100.0%    4 k  1.01 kB  3.01 kB      0.996        1      1\n"
        "a whole call: 8 us; medians of 3 calls on numpy, n=4\n"
    )
    assert repr(found) == "<Profile of 1 kernels on numpy: 8 us a call>"


def test_what_takes_no_time_has_no_rate():
    idle = Timing(Cost(), 0.0, 0.0, 0.0, 1)
    assert math.isnan(idle.gflops)
    assert math.isnan(idle.gigabytes_per_second)


# That nobody notices


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_profile_changes_no_later_result(name, backend):
    results = []
    for is_profiled in (False, True):
        made = PROGRAMS[name]()
        program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend=backend)
        if is_profiled:
            state = np.random.get_state()[1].copy()  # noqa: NPY002  # the global one must be left alone
            program.profile(*made.data, seconds=SHORT)
            np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
        results.append([*program(*made.data), *map(tt.value_of, made.updates)])
    for plain, profiled in zip(*results, strict=True):
        np.testing.assert_array_equal(plain, profiled)


def test_parameters_and_arguments_stay(backend):
    w, program = counting(backend)
    argument = np.arange(3, dtype=np.float32)
    program(argument)
    program.profile(argument, seconds=SHORT)
    np.testing.assert_array_equal(tt.value_of(w), np.ones(3))
    np.testing.assert_array_equal(argument, [0, 1, 2])


def test_a_donated_array_is_not_written_over(backend):
    x, seen = tt.input("x", (2, 2)), []
    noted = called(lambda array: seen.append(array.copy()) or array, x)
    h = tt.exp(x)
    program = tt.compile([x], [noted, h @ h], donate=["x"], passes=["inplace"], backend=backend)
    argument = np.ones((2, 2), np.float32)
    program.profile(argument, seconds=SHORT)
    np.testing.assert_array_equal([argument, *seen], np.ones((1 + len(seen), 2, 2)))
    program(argument)
    is_overwritten = any(isinstance(place, InInput) for place in program.plan.places.values())
    assert is_overwritten == (backend != "reference") == bool((argument != 1).all())


def test_no_copy_of_an_argument_is_counted(backend):
    _, plain = counting(backend)
    plain.profile(np.arange(6, dtype=np.float32)[::2], seconds=SHORT)
    assert plain.entry_copies == 0


def test_a_profile_that_fails_changes_nothing(backend):
    x, w = tt.input("x", (2,)), tt.parameter(np.zeros(2, np.float32))
    calls = count()

    def failing(array):
        if next(calls) > 4:
            raise RuntimeError("no luck")
        return array

    program = tt.compile([x], called(failing, x), updates={w: w + 1.0}, backend=backend)
    with pytest.raises(RuntimeError, match="no luck"):
        program.profile(np.ones(2, np.float32), seconds=60)
    np.testing.assert_array_equal(tt.value_of(w), np.zeros(2))


def test_other_threads_go_on(backend):
    w, program = counting(backend)
    argument = np.zeros(3, np.float32)
    profiles, threads = [], []
    for work in (
        lambda: profiles.append(program.profile(argument, seconds=0.05)),
        lambda: [program(argument) for _ in range(50)],
    ):
        threads += [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(profiles) == 2
    np.testing.assert_array_equal(tt.value_of(w), np.full(3, 100))


# Errors


class Bare:
    """A stranger's backend that knows nothing of clocks."""

    name = "bare"
    target = Target()

    def build(self, plan):
        whole = Interpreter(plan.schedule)

        class Runs:
            run = staticmethod(whole.run)

        return Runs()


def test_a_backend_without_a_clock_says_so():
    x = tt.input("x", (3,))
    program = tt.compile([x], x * 2.0, backend=Bare())
    with pytest.raises(BackendError, match="backend 'bare' cannot time its kernels: Runs has no run_timed"):
        program.profile(np.ones(3, np.float32))
    assert program.cost.total.flops == 3


def test_debug_mode_has_no_profile():
    x = tt.input("x", (3,))
    program = tt.compile([x], x * 2.0, debug=True)
    with pytest.raises(BackendError, match="compile without debug="):
        program.profile(np.ones(3, np.float32))


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_a_profile_takes_time(seconds):
    x = tt.input("x", (3,))
    with pytest.raises(ArgumentError, match="positive number of seconds"):
        tt.compile([x], x * 2.0, backend="numpy").profile(np.ones(3, np.float32), seconds=seconds)


def test_arguments_that_do_not_fit_raise_as_in_a_call(backend):
    x, labels = tt.input("x", ("n", 3)), tt.input("labels", ("n",), "int64")
    w = tt.parameter(np.zeros(3, np.float32))
    picked = tt.take_along_axis(x, labels.reshape(["n", 1]), axis=1)
    program = tt.compile([x, labels], picked, updates={w: w + x.sum(axis=0)}, backend=backend)
    data = np.ones((2, 3), np.float32)
    with pytest.raises(ArgumentError, match="input 'labels' is missing"):
        program.profile(data)
    with pytest.raises(ShapeError):
        program.profile(data[0], np.zeros(2, np.int64))
    with pytest.raises(IndexRangeError):
        program.profile(data, np.array([0, 3]))
    np.testing.assert_array_equal(tt.value_of(w), np.zeros(3))


def test_passes_that_change_their_mind_are_refused():
    class Fickle:
        name = "fickle"

        def __init__(self):
            self.turn = count()

        def rewrite(self, graph, target):
            if next(self.turn) == 0:
                return graph, Report()
            return graph.rebuilt(
                lambda node, operands: node if not node.operands else make_node(node.op, operands, "other")
            ), Report()

    x = tt.input("x", (3,))
    program = tt.compile([x], x * 2.0, passes=[Fickle()], backend="numpy")
    with pytest.raises(PassError, match="another schedule of the same graph"):
        program.profile(np.ones(3, np.float32))


def test_an_input_named_seconds_is_given_by_position():
    x = tt.input("seconds", (3,))
    program = tt.compile([x], x * 2.0, backend="numpy")
    assert isinstance(program.profile(np.ones(3, np.float32), seconds=SHORT), Profile)
