"""The execution contract: what a call may touch, what it gives back, and what it leaves as it was."""

import gc
import multiprocessing
import os
import pickle
import sys
import threading
import warnings
import weakref

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, IndexRangeError, ShapeError
from compiler.ir.build import parameter_node
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from compiler.program import Program


@pytest.fixture(params=["reference", "numpy"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def vector(name: str = "x") -> tt.Tensor:
    return tt.input(name, ("n",))


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def called(function, *operands: tt.Tensor) -> tt.Tensor:
    """An opaque call with the type of its first operand."""
    nodes = [operand.node for operand in operands]
    return tt.Tensor(make_node(Call("called", function, nodes[0].type), nodes))


# Outputs


def test_outputs_survive_the_next_call(backend):
    x = vector()
    program = tt.compile([x], [x * 2, x + 1], backend=backend)
    first = program(floats(1, 2))
    kept = [array.copy() for array in first]
    program(floats(5, 6))
    for array, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_outputs_alias_nothing(backend):
    fixed, w = tt.input("fixed", (3,)), tt.parameter(np.ones(3, np.float32), "w")
    z = fixed * 2
    outputs = [fixed, fixed, w, w, z, z, z[::-1], z.reshape([1, 3]), z.broadcast_to([2, 3]), fixed.T]
    program = tt.compile([fixed], outputs, backend=backend)
    argument = floats(1, 2, 3)
    found = program(argument)
    others = [argument, w.node.op.buffer.array, *found]
    for place, array in enumerate(found):
        assert array.flags.owndata
        assert array.flags.writeable
        rest = [other for k, other in enumerate(others) if k != place + 2]
        assert not any(np.shares_memory(array, other) for other in rest)


def test_a_caller_may_write_to_an_output(backend):
    w = tt.parameter(np.ones(3, np.float32), "w")
    program = tt.compile([], w, backend=backend)
    program()[:] = 7
    np.testing.assert_array_equal(program(), floats(1, 1, 1))


def test_the_structure_of_the_outputs_is_kept(backend):
    x = vector()
    argument = floats(1)
    assert type(tt.compile([x], x * 2, backend=backend)(argument)) is np.ndarray
    assert type(tt.compile([x], (x * 2,), backend=backend)(argument)) is tuple
    assert type(tt.compile([x], [x * 2], backend=backend)(argument)) is list
    found = tt.compile([x], {"b": x * 2, "a": x}, backend=backend)(argument)
    assert list(found) == ["b", "a"]
    assert tt.compile([x], (), backend=backend)(argument) == ()


@pytest.mark.parametrize("find", [tt.argmax, tt.argmin])
def test_the_place_of_the_largest_of_nothing_is_an_error(backend, find):
    x = tt.input("x", ("n", "m"))
    w = tt.parameter(np.zeros((), np.float32), "w")
    program = tt.compile([x], (find(x, axis=0), find(x)), updates={w: w + 1}, backend=backend)
    assert program(np.zeros((1, 2), np.float32))[0].shape == (2,)
    for shape in ((0, 2), (0, 0)):
        with pytest.raises(ShapeError, match=f"with n = 0, {find.__name__} of no elements has no value"):
            program(np.zeros(shape, np.float32))
    assert tt.value_of(w) == 1
    assert tt.compile([x], find(x, axis=1), backend=backend)(np.zeros((0, 2), np.float32)).shape == (0,)


def test_out_takes_the_outputs_in_every_structure(backend):
    x = vector()
    argument = floats(1, 2)
    one, two = np.empty(2, np.float32), np.empty(2, np.float32)
    assert tt.compile([x], x * 2, backend=backend)(argument, out=one) is one
    np.testing.assert_array_equal(one, floats(2, 4))
    pair = (one, two)
    assert tt.compile([x], [x * 3, x * 4], backend=backend)(argument, out=pair) is pair
    np.testing.assert_array_equal(two, floats(4, 8))
    named = {"b": two, "a": one}
    assert tt.compile([x], {"a": x * 5, "b": x * 6}, backend=backend)(argument, out=named) is named
    np.testing.assert_array_equal(one, floats(5, 10))
    np.testing.assert_array_equal(two, floats(6, 12))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty(3, np.float32), r"out 0 must be a dense, aligned, writable float32 of \[2\]"),
        (np.empty(2, np.float64), "out 0 must be a dense"),
        (np.empty(4, np.float32)[::2], "out 0 must be a dense"),
        (np.empty(2, ">f4"), "out 0 must be a dense"),
        ([1.0, 2.0], "out= is arranged like the outputs: one array; not a list of 2"),
        ({"y": np.empty(2, np.float32)}, "not a dict of 1"),
        (np.broadcast_to(np.float32(0), (2,)), "out 0 must be a dense"),
    ],
)
def test_out_that_does_not_fit_is_an_error(backend, out, message):
    x = vector()
    with pytest.raises(ArgumentError, match=message):
        tt.compile([x], x * 2, backend=backend)(floats(1, 2), out=out)


def test_out_with_other_keys_is_an_error(backend):
    x = vector()
    program = tt.compile([x], {"a": x * 2}, backend=backend)
    with pytest.raises(ArgumentError, match="out= has the keys of the outputs, a"):
        program(floats(1), out={"b": np.empty(1, np.float32)})


def test_out_that_overlaps_is_an_error(backend):
    x, w = tt.input("x", (2,)), tt.parameter(np.ones(2, np.float32), "w")
    program = tt.compile([x], [x * 2, w * 2], backend=backend)
    argument, room = floats(1, 2), np.empty(3, np.float32)
    match = "shares memory with an argument, a parameter or another output"
    for out in ([argument, floats(0, 0)], [room[:2], room[1:]], [floats(0, 0), w.node.op.buffer.array]):
        with pytest.raises(ArgumentError, match=match):
            program(argument, out=out)
    np.testing.assert_array_equal(argument, floats(1, 2))


# Updates


def test_updates_are_simultaneous(backend):
    a, b = (tt.parameter(np.full(3, k, np.float32), name) for k, name in enumerate("ab"))
    program = tt.compile([], [a, b, a + b], updates={a: b, b: a}, backend=backend)
    first, second, total = program()
    np.testing.assert_array_equal([first[0], second[0], total[0]], [0, 1, 1])
    np.testing.assert_array_equal([tt.value_of(a)[0], tt.value_of(b)[0]], [1, 0])
    program()
    np.testing.assert_array_equal([tt.value_of(a)[0], tt.value_of(b)[0]], [0, 1])


def test_updates_in_a_circle_and_through_views(backend):
    a, b, c = (tt.parameter(np.arange(3, dtype=np.float32) + 10 * k, name) for k, name in enumerate("abc"))
    updates = {a: b[::-1], b: c + a, c: a.reshape([1, 3]).reshape([3])}
    tt.compile([], (), updates=updates, backend=backend)()
    np.testing.assert_array_equal(tt.value_of(a), [12, 11, 10])
    np.testing.assert_array_equal(tt.value_of(b), [20, 22, 24])
    np.testing.assert_array_equal(tt.value_of(c), [0, 1, 2])


def test_a_parameter_may_be_updated_by_itself_and_by_an_input(backend):
    a, b, x = (
        tt.parameter(floats(1, 2), "a"),
        tt.parameter(floats(3, 4), "b"),
        tt.input("x", (2,)),
    )
    argument = floats(5, 6)
    tt.compile([x], (), updates={a: a, b: x}, backend=backend)(argument)
    argument[:] = 0
    np.testing.assert_array_equal(tt.value_of(a), [1, 2])
    np.testing.assert_array_equal(tt.value_of(b), [5, 6])


def test_nothing_is_written_when_an_index_is_out_of_range(backend):
    w, table = (
        tt.parameter(floats(1, 2), "w"),
        tt.parameter(np.arange(6, dtype=np.float32).reshape(3, 2), "table"),
    )
    index = tt.input("index", ("n",), "int64")
    rows = tt.take(table, index, axis=0)
    program = tt.compile([index], rows, updates={w: w + 1, table: table * 2}, backend=backend)
    out = np.zeros((2, 2), np.float32)
    for wrong in ([0, 3], [-1, 0]):
        with pytest.raises(IndexRangeError, match=r"gather: index -?\d+ at \[\d\] is outside 0 \.\. 2"):
            program(np.array(wrong), out=out)
        np.testing.assert_array_equal(tt.value_of(w), [1, 2])
        np.testing.assert_array_equal(tt.value_of(table), np.arange(6).reshape(3, 2))
    np.testing.assert_array_equal(out, 0)
    program(np.array([0, 2]))
    np.testing.assert_array_equal(tt.value_of(w), [2, 3])


def test_nothing_is_written_when_a_call_raises(backend):
    def fail(x):
        raise KeyError("from inside")

    w, x = tt.parameter(floats(1, 2), "w"), tt.input("x", (2,))
    donated = floats(3, 4)
    early = w * 2
    program = tt.compile([x], called(fail, x * early), updates={w: early + 1}, donate=[x], backend=backend)
    with pytest.raises(KeyError, match="from inside"):
        program(donated)
    np.testing.assert_array_equal(tt.value_of(w), [1, 2])
    np.testing.assert_array_equal(donated, [3, 4])


def test_a_call_that_returns_another_type_is_an_error(backend):
    x = tt.input("x", (2,))
    for function in (lambda array: array[:1], lambda array: array.astype(np.float64), lambda array: None):
        program = tt.compile([x], called(function, x), backend=backend)
        with pytest.raises(ArgumentError, match=r"called returned .* and declares f32\[2\]"):
            program(floats(1, 2))


def test_a_call_cannot_write_to_its_operands(backend):
    def vandal(array):
        array[:] = 0
        return array

    x = tt.input("x", (2,))
    argument = floats(1, 2)
    with pytest.raises(ValueError, match="read-only"):
        tt.compile([x], called(vandal, x), backend=backend)(argument)
    np.testing.assert_array_equal(argument, [1, 2])


def test_what_a_call_returns_is_copied(backend):
    kept: list[np.ndarray] = []

    def keep(array):
        kept.append(array.copy())
        return kept[-1]

    x = tt.input("x", (2,))
    found = tt.compile([x], called(keep, x), backend=backend)(floats(1, 2))
    assert not np.shares_memory(found, kept[0])


# Threads, re-entrance, forks


def test_two_threads_have_slabs_of_their_own(backend):
    x = tt.input("x", ("n", 64))
    y = tt.tanh(x @ tt.constant(np.eye(64, dtype=np.float32))) * 2 + x
    program = tt.compile([x], y, backend=backend)
    wrong: list[int] = []

    def work(seed: int) -> None:
        argument = np.full((50, 64), seed, np.float32)
        expected = np.tanh(argument) * 2 + argument
        for _ in range(20):
            if not np.allclose(program(argument), expected, rtol=1e-5):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=[k]) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_programs_that_share_an_updated_parameter_take_turns(backend):
    a, b = tt.parameter(np.zeros(500), "a"), tt.parameter(np.zeros(500), "b")
    up = tt.compile([], (), updates={a: a + 1, b: b + 1}, backend=backend)
    down = tt.compile([], (), updates={b: b - 1, a: a - 1}, backend=backend)
    look = tt.compile([], (a - b).sum(), backend=backend)
    seen: set[float] = set()

    def run(program: Program) -> None:
        for _ in range(100):
            found = program()
            if program is look:
                seen.add(float(found))

    threads = [threading.Thread(target=run, args=[program]) for program in (up, down, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {0.0}
    np.testing.assert_array_equal(tt.value_of(a), 0)


def test_a_program_may_be_called_from_within_a_call(backend):
    x = tt.input("x", (2,))
    inner = tt.compile([x], x * 2, backend=backend)
    programs: list[Program] = []

    def again(array):
        return inner(array) if array[0] > 100 else programs[0](array * 1000) / 1000

    programs.append(tt.compile([x], called(again, x) + x, backend=backend))
    np.testing.assert_allclose(programs[0](floats(1, 2)), floats(4, 8))


def test_an_update_within_a_call_that_reads_the_parameter_is_an_error(backend):
    w, x = tt.parameter(floats(1, 2), "w"), tt.input("x", (2,))
    inner = tt.compile([], (), updates={w: w + 1}, backend=backend)

    def update(array):
        inner()
        return array

    outer = tt.compile([x], called(update, x) + w, backend=backend)
    with pytest.raises(ArgumentError, match="updates parameter 'w' is called within a call that reads it"):
        outer(floats(1, 2))
    np.testing.assert_array_equal(tt.value_of(w), [1, 2])
    inner()
    np.testing.assert_array_equal(tt.value_of(w), [2, 3])


def run_in_fork(work) -> int:
    """The exit code of a child that does the work; a minute is more than it may take."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
    process.join(60)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_programs_survive_a_fork_while_another_thread_holds_the_lock(backend):
    w = tt.parameter(floats(1, 2), "w")
    program = tt.compile([], w * 2, updates={w: w + 1}, backend=backend)
    program()
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with w.node.op.buffer.lock:
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()

    def child() -> None:
        os._exit(0 if program().tolist() == [4, 6] else 1)

    try:
        assert run_in_fork(child) == 0
    finally:
        release.set()
        thread.join()
    np.testing.assert_array_equal(tt.value_of(w), [2, 3])


# Donation and entry copies


def test_a_donated_argument_is_checked(backend):
    x, y = tt.input("x", (2,)), tt.input("y", (2,))
    program = tt.compile([x, y], x * 2 + y, donate="x", backend=backend)
    np.testing.assert_array_equal(program(floats(1, 2), floats(3, 4)), [5, 8])
    shared = floats(1, 2, 3)
    frozen = floats(1, 2)
    frozen.flags.writeable = False
    wrong = [
        ([1.0, 2.0], "must be a dense, aligned, writable array of float32"),
        (floats(1, 2).astype(">f4"), "must be a dense"),
        (floats(1, 2, 3, 4)[::2], "must be a dense"),
        (frozen, "must be a dense"),
    ]
    for argument, message in wrong:
        with pytest.raises(ArgumentError, match=f"input 'x' is donated: it {message}"):
            program(argument, floats(3, 4))
    with pytest.raises(ArgumentError, match="donated input 'x' shares memory with input 'y'"):
        program(shared[:2], shared[1:])


def test_only_inputs_are_donated(backend):
    x = vector()
    with pytest.raises(ArgumentError, match="no input is named 'z', which is to be donated"):
        tt.compile([x], x, donate=["z"], backend=backend)


AWKWARD = {
    "dense": (lambda x: x, 0),
    "transposed": (lambda x: np.asfortranarray(x), 1),
    "strided": (lambda x: np.repeat(x, 2, axis=1)[:, ::2], 1),
    "reversed": (lambda x: x[::-1].copy()[::-1], 1),
    "big-endian": (lambda x: x.astype(">f4"), 1),
    "unaligned": (
        lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape),
        1,
    ),
    "of a smaller dtype": (lambda x: x.astype(np.float16), 1),
    "of bools": (lambda x: x > 2, 1),
    "a list": (lambda x: x.tolist(), 0),
}


@pytest.mark.parametrize("kind", AWKWARD)
def test_arguments_that_are_not_ready_are_copied_and_counted(backend, kind):
    make, copies = AWKWARD[kind]
    x = tt.input("x", ("n", 3))
    program = tt.compile([x], x * 2, backend=backend)
    argument = make(np.arange(6, dtype=np.float32).reshape(2, 3))
    expected = np.array(argument, np.float32) * 2
    np.testing.assert_array_equal(program(argument), expected)
    assert program.entry_copies == copies


def test_a_read_only_argument_is_read(backend):
    x = vector()
    argument = floats(1, 2)
    argument.flags.writeable = False
    np.testing.assert_array_equal(tt.compile([x], x * 2, backend=backend)(argument), [2, 4])


def test_overlapping_arguments_are_read(backend):
    x, y = vector("x"), vector("y")
    room = floats(1, 2, 3)
    found = tt.compile([x, y], x * 2 + y, backend=backend)(room[:2], room[1:])
    np.testing.assert_array_equal(found, [4, 7])
    np.testing.assert_array_equal(room, [1, 2, 3])


# Extents


def test_an_empty_batch_has_results(backend):
    x = tt.input("x", ("n", 3))
    y = x[::-1] @ tt.constant(np.ones((3, 2), np.float32))
    found = tt.compile([x], [y, y.sum(axis=0), y.sum(), tt.concatenate([x, x])], backend=backend)(
        np.zeros((0, 3), np.float32)
    )
    assert [array.shape for array in found] == [(0, 2), (2,), (), (0, 3)]
    np.testing.assert_array_equal(found[1], [0, 0])


@pytest.mark.parametrize("count", [0, 1])
def test_a_slice_that_leaves_its_operand_is_an_error(backend, count):
    x = vector()
    for item in (x[-2:], x[2:], x[:-2], x[1:-1] if count == 0 else x[-2]):
        program = tt.compile([x], (item * 2).sum(), backend=backend)
        with pytest.raises(ShapeError, match=rf"with n = {count}, .*: .*slice .*test_program\.py"):
            program(np.zeros(count, np.float32))


def test_a_slice_of_nothing_is_right(backend):
    x = vector()
    assert tt.compile([x], x[2:], backend=backend)(floats(1, 2)).shape == (0,)
    assert tt.compile([x], x[:-2], backend=backend)(floats(1, 2)).shape == (0,)


def test_a_program_runs_for_every_batch_size(backend):
    x = tt.input("x", ("n", 3))
    program = tt.compile([x], (tt.softmax(x) * 2).sum(axis=1), backend=backend)
    for count in (1, 5, 2, 100, 1):
        np.testing.assert_allclose(program(np.zeros((count, 3), np.float32)), np.full(count, 2), rtol=1e-6)


# What else


def test_floating_point_warnings_are_off_during_a_call(backend):
    x = vector()
    outputs = [tt.log(x), 1 / x, tt.exp(x * 1e4), tt.sqrt(-x), (x * 1e38) * 1e38, (x / 0).astype("int32")]
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        tt.compile([x], outputs, backend=backend)(floats(0, -1, np.nan, np.inf))


def test_the_callers_error_state_is_as_it_was(backend):
    x = vector()
    with np.errstate(all="raise"):
        before = np.geterr()
        tt.compile([x], 1 / x, backend=backend)(floats(0))
        assert np.geterr() == before


def test_a_program_pickles_with_its_parameters(backend):
    x = tt.input("x", ("n", 3))
    net = tt.nn.Dense(3, 2, seed=0)
    loss = (net(x) ** 2.0).mean()
    program = tt.compile(
        x, {"loss": loss}, updates=tt.optim.SGD(net.parameters(), 0.1).updates(loss), backend=backend
    )
    argument = np.ones((4, 3), np.float32)
    program(argument)
    copy = pickle.loads(pickle.dumps(program))  # noqa: S301  # our own bytes
    assert str(copy.source_graph) == str(program.source_graph)
    assert str(copy.schedule) == str(program.schedule)
    for _ in range(2):
        np.testing.assert_array_equal(copy(x=argument)["loss"], program(argument)["loss"])


def test_an_unpickled_program_owns_its_parameters(backend):
    w = tt.parameter(floats(1), "w")
    program = tt.compile([], w, updates={w: w + 1}, backend=backend)
    copy = pickle.loads(pickle.dumps(program))  # noqa: S301  # our own bytes
    copy()
    assert program() == [1.0]
    assert copy() == [2.0]


def test_a_program_that_is_dropped_is_freed(backend):
    x = vector()
    program = tt.compile([x], x * 2, backend=backend)
    program(floats(1))
    dead = weakref.ref(program), weakref.ref(program._executable)
    del program
    gc.collect()
    assert [each() for each in dead] == [None, None]


def test_repr_says_what_goes_in_and_comes_out(backend):
    x, w = tt.input("x", ("n", 3)), tt.parameter(np.ones(3, np.float32), "w")
    program = tt.compile([x], x * w, updates={w: w * 2}, backend=backend)
    assert repr(program) == f"<Program (x: f32[n,3]) -> (f32[n,3]), 1 updates, {backend}>"


def test_a_buffer_counts_no_users_after_a_call_that_failed(backend):
    w = tt.parameter(floats(1), "w")
    index = tt.input("index", (), "int64")
    program = tt.compile([index], tt.take(w, index, axis=0), updates={w: w + 1}, backend=backend)
    with pytest.raises(IndexRangeError):
        program(9)
    assert w.node.op.buffer.users == 0
    program(0)


def test_a_parameter_holds_a_copy():
    array = floats(1, 2)
    node = parameter_node(array, "w")
    array[:] = 0
    assert node.type == TensorType(FLOAT32, (2,))
    np.testing.assert_array_equal(node.op.buffer.array, [1, 2])
