"""The llvm backend against the oracle, on this machine and on the smaller ones that it contains."""

import itertools
import os
import signal
import threading
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.jit.engine import Target, host_target
from compiler.backends.llvm.run.program import NativeProgram
from compiler.backends.llvm.steps import library
from compiler.backends.llvm.threads import pool as threads
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from compiler.loops.shown import Loops
from compiler.signature import Signature
from passes import REWRITES
from tinytorch.ops.normalise import layer_norm, softmax
from tinytorch.tensor import Tensor
from tinytorch.testing import check_backend

HOST = host_target()


def machines() -> dict[str, Target]:
    found = {"host": HOST}
    if not HOST.is_arm:
        found["sse2"] = Target(HOST.triple, "x86-64", "+sse2")
    if HOST.vector_bytes >= 32 and HOST.has_fma:
        found["avx2"] = Target(HOST.triple, "x86-64-v3", "+avx2,+fma")
    return found


def values(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def native(program: Any) -> NativeProgram:
    assert isinstance(program._executable, NativeProgram)
    return program._executable


def network(sizes: list[int], batch: Any = "batch") -> tuple[list[Any], Any, dict[Any, Any]]:
    """Inputs, loss and updates of a classifier."""
    x, labels = tt.input("x", (batch, sizes[0])), tt.input("labels", (batch, sizes[-1]))
    parameters, h = [], x
    for number, (rows, columns) in enumerate(itertools.pairwise(sizes)):
        w, b = tt.parameter(values(rows, columns, seed=number) / 4), tt.parameter(values(columns, seed=9))
        parameters += [w, b]
        h = h @ w + b
        h = tt.gelu(h) if number < len(sizes) - 2 else h
    loss = tt.losses.cross_entropy(h, labels)
    updates = {p: p - 0.1 * g for p, g in zip(parameters, tt.grad(loss, parameters), strict=True)}
    return [x, labels], loss, updates


@pytest.mark.parametrize("name", machines())
def test_the_test_programs(name: str) -> None:
    check_backend(Llvm(machines()[name]))


def test_training_follows_the_oracle_and_uses_no_python() -> None:
    losses: dict[str, list[float]] = {}
    for backend in ("llvm", "reference"):
        inputs, loss, updates = network([13, 40, 7])
        step = tt.compile(inputs, loss, updates=updates, backend=backend)
        batches = [
            (values(n, 13, seed=n), np.eye(7, dtype=np.float32)[np.arange(n) % 7]) for n in (5, 32, 5, 33)
        ]
        losses[backend] = [float(step(*batch)) for _ in range(5) for batch in batches]
        if backend == "llvm":
            assert native(step).python_steps == ()
    np.testing.assert_allclose(losses["llvm"], losses["reference"], rtol=2e-5)
    assert losses["llvm"][-1] < losses["llvm"][1]


def test_equal_networks_share_their_code() -> None:
    inputs, loss, updates = network([11, 9, 5])
    tt.compile(inputs, loss, updates=updates, backend="llvm")
    before = dict(library._loaded)
    inputs, loss, updates = network([11, 9, 5])
    tt.compile(inputs, loss, updates=updates, backend="llvm")
    assert library._loaded == before


def test_the_same_bits_for_any_number_of_threads() -> None:
    x, w, b = tt.input("x", ("n", 300)), tt.input("w", (300, 257)), tt.input("b", (300,))
    y = layer_norm(x + b)
    outputs = [y @ w, y.sum(0), tt.exp(x).sum(), softmax(x), tt.grad((y * y * y).sum(), x)]
    program = tt.compile([x, w, b], outputs, backend="llvm")
    arguments = [values(3000, 300), values(300, 257), values(300)]
    before = tt.get_num_threads()
    try:
        answers = []
        for count in (1, 2, 3):
            tt.set_num_threads(count)
            answers.append(program(*arguments))
    finally:
        tt.set_num_threads(before)
    for other in answers[1:]:
        for found, expected in zip(other, answers[0], strict=True):
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_of_ten_million_terms(dtype: str) -> None:
    x = tt.input("x", (10_000_000,), dtype)
    array = np.random.default_rng(0).uniform(0.05, 0.15, 10_000_000).astype(dtype)
    exact = float(np.sum(array, dtype=np.longdouble))
    assert abs(float(tt.compile(x, x.sum(), backend="llvm")(array)) - exact) < 1e-6 * exact


def test_sizes_in_turn_and_out_arrays() -> None:
    x = tt.input("x", ("n", 7))
    program = tt.compile([x], softmax(x) + x.sum(1, keepdims=True), backend="llvm")
    expected = tt.compile([x], softmax(x) + x.sum(1, keepdims=True), backend="reference")
    for n in (3, 40, 0, 3, 1, 40, *range(20)):
        array = values(n, 7, seed=n)
        out = np.empty_like(array)
        np.testing.assert_allclose(program(array), expected(array), rtol=1e-5, atol=1e-5)
        assert program(array, out=out) is out
        np.testing.assert_array_equal(out, program(array))


def test_what_the_fast_entry_does_not_take_is_checked_and_converted() -> None:
    x = tt.input("x", (2, 3))
    program = tt.compile([x], x * 2.0, backend="llvm")
    array = values(2, 6)
    np.testing.assert_array_equal(program(array[:, ::2]), array[:, ::2] * 2)
    np.testing.assert_array_equal(program(x=array[:, :3]), array[:, :3] * 2)
    np.testing.assert_array_equal(program([[1, 2, 3], [4, 5, 6]]), [[2, 4, 6], [8, 10, 12]])
    with pytest.raises(tt.ShapeError):
        program(values(3, 3))
    with pytest.raises(tt.DTypeError):
        program(values(2, 3).astype(np.float64))


def test_a_list_or_a_dict_of_outputs_takes_the_fast_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tt.input("x", (3,))
    array = values(3)
    many = tt.compile([x], [x * 2.0, x], backend="llvm")
    named = tt.compile([x], {"b": x * 2.0, "a": x}, backend="llvm")
    pair = (np.empty_like(array), np.empty_like(array))
    assert many(array, out=pair) is pair
    named(array)
    monkeypatch.delattr(Signature, "bind")  # what the checked way in begins with
    assert type(many(array)) is list
    np.testing.assert_array_equal(many(array), [array * 2, array])
    assert list(named(array)) == ["b", "a"]
    np.testing.assert_array_equal(named(array)["a"], array)


def test_an_index_out_of_range_changes_no_parameter() -> None:
    x, index = tt.input("x", (4, 3)), tt.input("index", (4,), "int64")
    w = tt.parameter(np.ones(3, np.float32))
    loss = tt.losses.cross_entropy(x * w, index)
    step = tt.compile([x, index], loss, updates={w: w - tt.grad(loss, w)}, backend="llvm")
    assert native(step).python_steps == ()
    step(values(4, 3), np.array([0, 1, 2, 0]))
    before = tt.value_of(w)
    with pytest.raises(tt.IndexRangeError, match="index 3"):
        step(values(4, 3), np.array([0, 1, 3, 0]))
    np.testing.assert_array_equal(tt.value_of(w), before)


def test_an_opaque_call_is_a_python_step_between_native_ones() -> None:
    x = tt.input("x", (5,))
    call = Call("halved", lambda array: array / np.float32(2), TensorType(FLOAT32, (5,)))
    y = tt.exp(Tensor(make_node(call, [tt.exp(x).node])))
    program = tt.compile([x], y, backend="llvm")
    array = values(5)
    np.testing.assert_allclose(program(array), np.exp(np.exp(array) / 2), rtol=1e-5)
    (step,) = native(program).python_steps
    assert step.reason == "it is an opaque call"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_program_runs_on_in_the_child_of_a_fork_with_workers_of_its_own() -> None:
    x = tt.input("x", ("rows", 1000))
    program = tt.compile([x], tt.gelu(x).sum(axis=0), backend="llvm")
    argument, before = values(512, 1000), tt.get_num_threads()
    tt.set_num_threads(2)
    expected = program(argument).tobytes()
    assert threads.started_workers() == 1
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        fresh = threads.started_workers() == 0
        same = all(program(argument).tobytes() == expected for _ in range(20))
        tt.compile([x], tt.tanh(x) * 3, backend="llvm")(argument)
        os._exit(0 if fresh and same and threads.started_workers() == 1 else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    again = program(argument).tobytes()
    tt.set_num_threads(before)
    assert status == 0
    assert again == expected


def test_two_threads_call_two_programs_that_share_the_workers() -> None:
    x = tt.input("x", ("rows", 1000))
    argument, before = values(512, 1000), tt.get_num_threads()
    programs = [tt.compile([x], y.sum(axis=1), backend="llvm") for y in (tt.gelu(x), tt.tanh(x) + x)]
    tt.set_num_threads(2)
    expected = [program(argument).tobytes() for program in programs]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(50):
            if programs[number](argument).tobytes() != expected[number]:
                wrong.append(number)

    callers = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    tt.set_num_threads(before)
    assert wrong == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 8, 10, 16, 24, 33, 40])
def test_maps_after_a_product_have_the_bits_that_they_have_alone(columns: int, dtype: str) -> None:
    """Whatever the width of vectors, and where a row ends: the rows after a narrow one are not touched."""
    generator = np.random.default_rng(columns)
    x, w = (tt.input(name, shape, dtype) for name, shape in (("x", ("n", 7)), ("w", (7, columns))))
    y = x @ w
    outputs = [
        (tt.gelu(y), tt.tanh(y)),
        (tt.erf(y), tt.log1p(tt.exp(y))),
        (tt.sin(y), y * tt.sigmoid(y), tt.expm1(y)),
    ]
    arguments = [
        (30 * generator.standard_normal(shape)).astype(dtype)  # among them what saturates and vanishes
        for shape in ((37, 7), (7, columns))
    ]
    for found in outputs:
        fused = tt.compile([x, w], found, backend="llvm")
        alone = tt.compile([x, w], found, backend="llvm", passes=REWRITES)
        assert len(fused.schedule.kernels) < len(alone.schedule.kernels)
        for one, other in zip(fused(*arguments), alone(*arguments), strict=True):
            assert one.tobytes() == other.tobytes()


def test_every_layer_of_a_deep_network_is_fused_as_the_first_one_is() -> None:
    kernels: list[int] = []
    for depth in (20, 120):
        inputs, loss, updates = network([8] * (depth + 1))
        kernels.append(len(tt.compile(inputs, loss, updates=updates, backend="llvm").schedule.kernels))
    assert kernels[1] - kernels[0] == 5 * 100, "a product forward; two, a sum and the bias's update backward"


def test_calls_from_several_threads() -> None:
    inputs, loss, updates = network([20, 30, 4])
    step = tt.compile(inputs, loss, updates=updates, backend="llvm")
    x, w = tt.input("x", (50, 60)), tt.parameter(values(60, 70))
    product = tt.compile([x], tt.exp(x @ w), backend="llvm")
    labels = np.eye(4, dtype=np.float32)[np.arange(16) % 4]
    expected = product(values(50, 60))
    wrong: list[object] = []

    def work() -> None:
        for _ in range(200):
            if not np.isfinite(step(values(16, 20), labels)):
                wrong.append("loss")
            if product(values(50, 60)).tobytes() != expected.tobytes():
                wrong.append("product")

    callers = [threading.Thread(target=work) for _ in range(3)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert wrong == []


def test_a_kernel_can_be_read() -> None:
    x, b = tt.input("x", ("n", 5)), tt.input("b", (5,))
    program = native(tt.compile([x, b], softmax(x + b), backend="llvm"))
    assert "{n}" in program.source(0, Loops)
    assert "exp(" in program.source(0, Loops)
    assert "define void" in program.llvm_ir(0)
    assert program.assembly(0).count("\n") > 20
