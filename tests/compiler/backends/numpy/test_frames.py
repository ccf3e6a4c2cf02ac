"""Memory between calls: frames by size, in place, donated, swapped, and views of what comes with a call."""

import threading

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.numpy import program as programs
from compiler.backends.numpy.frame import Storage, aligned
from compiler.backends.numpy.source import Source
from compiler.ir.dims import evaluate
from compiler.ir.node import make_node
from compiler.ir.op import Call
from tests.compiler.backends.numpy.running import assert_right, compiled, source


def frames(program):
    return program._executable._frames


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_a_frame_is_made_once_for_each_size():
    x = tt.input("x", ("n", "m"))
    program = compiled([x], [tt.tanh(x @ x.T)])
    made = []
    for n, m in [(1, 2), (2, 1), (1, 2), (2, 1)]:
        program(np.ones((n, m), np.float32))
        made.append(frames(program)[n, m][0])
    assert made[0] is made[2]
    assert made[1] is made[3]
    assert made[0] is not made[1]


def test_only_the_latest_sizes_are_kept():
    x = tt.input("x", ("n",))
    program = compiled([x], [x * 2.0])
    for n in range(12):
        program(np.ones(n, np.float32))
    assert len(frames(program)) == programs._KEPT
    assert (11,) in frames(program)
    np.testing.assert_array_equal(program(np.ones(1, np.float32))[0], [2])


def test_the_slab_of_a_frame_is_as_large_as_the_plan_says():
    x = tt.input("x", ("n", 3))
    y = tt.exp(x) @ tt.constant(np.ones((3, 50), np.float32))
    program = compiled([x], [tt.tanh(y).sum(0)])
    program(np.ones((7, 3), np.float32))
    assert frames(program)[7,][0].slab_bytes == evaluate(program.plan.peak_bytes, {"n": 7}) > 0


def test_two_calls_at_once_have_two_frames():
    x = tt.input("x", (2,))
    inside, release = threading.Event(), threading.Event()

    def wait(array):
        if array[0] == 1:
            inside.set()
            assert release.wait(30)
        return array

    y = tt.Tensor(make_node(Call("wait", wait, x.node.type), [x.node]))
    program = compiled([x], [tt.exp(y) + 1.0])
    found = []
    thread = threading.Thread(target=lambda: found.append(program(floats(1, 2))))
    thread.start()
    assert inside.wait(30)
    np.testing.assert_allclose(program(floats(0, 0))[0], [2, 2])
    release.set()
    thread.join()
    np.testing.assert_allclose(found[0][0], np.exp([1, 2]) + 1, rtol=1e-6)
    assert len(frames(program)[()]) == 2


def test_a_frame_returns_when_a_call_fails():
    x, k = tt.input("x", (3,)), tt.input("k", (1,), "int64")
    program = compiled([x, k], [tt.take(x, k, axis=0)])
    for _ in range(3):
        with pytest.raises(tt.IndexRangeError):
            program(floats(1, 2, 3), [5])
    assert len(frames(program)[()]) == 1


def test_a_result_in_place_has_the_memory_of_its_operand():
    x = tt.input("x", (4, 4))
    y = tt.tanh(x @ x)
    program = assert_right([x], [y @ y], np.eye(4, dtype=np.float32) / 2)
    assert program.plan.peak_bytes == 64
    assert any(kernel.in_place for kernel in program.schedule.kernels)


def test_a_donated_input_is_written_over():
    x = tt.input("x", (4, 4))
    program = compiled([x], [tt.exp(x) @ tt.constant(np.eye(4, dtype=np.float32))], donate=[x])
    given = np.zeros((4, 4), np.float32)
    np.testing.assert_array_equal(program(given)[0], np.ones((4, 4)))
    np.testing.assert_array_equal(given, np.ones((4, 4)))
    assert program.plan.peak_bytes == 0


def test_swapped_parameters_go_through_the_slab():
    a, b = tt.parameter(floats(1, 2), "a"), tt.parameter(floats(3, 4), "b")
    program = compiled([], [], updates={a: b, b: a})
    assert "aside_" in source(program)
    for expected in ([3, 4], [1, 2]):
        program()
        np.testing.assert_array_equal(tt.value_of(a), expected)


def test_three_in_a_circle_and_one_reversed():
    a, b, c = (tt.parameter(floats(k, k + 1), name) for k, name in enumerate("abc"))
    program = compiled([], [], updates={a: b[::-1], b: c, c: a})
    program()
    found = [tt.value_of(item).tolist() for item in (a, b, c)]
    assert found == [[2, 1], [2, 3], [0, 1]]


def test_an_update_is_computed_in_its_parameter():
    w, x = tt.parameter(floats(1, 2), "w"), tt.input("x", (2,))
    program = compiled([x], [], updates={w: w * 0.5 + x})
    assert program.plan.peak_bytes == 0
    assert "copyto" not in source(program)
    program(floats(1, 1))
    np.testing.assert_array_equal(tt.value_of(w), [1.5, 2])


@pytest.mark.parametrize("passes", [(), None])
def test_views_of_inputs_and_of_what_is_computed(passes):
    x = tt.input("x", ("n", 4, 3))
    y = x * 2.0
    outputs = [x.T + 1.0, x[::-1, ::2] * 2.0, x[:, 1].sum(0), tt.diagonal(x[:, :3], 0, 1, 2) * 3.0]
    outputs += [
        y.T[1:] + x.T[:-1],
        x.reshape([-1, 3]) @ y[0].T,
        y[:, :0] * 2.0,
        y[:, :, None] - y[:, None, :3, 0:1],
    ]
    assert_right(
        [x], outputs, np.random.default_rng(0).standard_normal((5, 4, 3)).astype(np.float32), passes=passes
    )


def test_memory_begins_at_a_cache_line():
    for size in (1, 100, 5000):
        room = aligned(size)
        assert room.ctypes.data % 64 == 0
        assert room.nbytes == size


def test_nobody_writes_through_a_view():
    """Windows overlap: what is written to one element would be another one too."""
    x = tt.input("x", ("n", 5))
    outputs = [tt.sliding_window(x, 2, 1) * 2.0, tt.exp(x).unfold(1, 2, 2) + 1.0]
    program = compiled([x], outputs, passes=())
    assert "flags.writeable = False" in source(program, n=3)
    found = program(np.zeros((3, 5), np.float32))
    assert [array.shape for array in found] == [(3, 4, 2), (3, 2, 2)]
    assert all(array.flags.writeable for array in found)
    windows = next(
        node for node in program.graph.nodes if node.op.name == "window" and node.operands[0].operands
    )
    storage = Storage(program.plan, {"n": 3}, Source())
    fixed = storage.array(windows)
    assert fixed is not None
    assert not fixed.flags.writeable
