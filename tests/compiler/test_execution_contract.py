"""The execution contract where it is measured: memory that a call takes, bits that never differ.

What a call may touch and what it gives back is in `test_program.py`.
"""

import threading
import tracemalloc

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.build import reduce
from compiler.ir.dims import evaluate
from compiler.ir.op import Reducer
from tinytorch.testing import PROGRAMS, TestProgram

ROOM = 256_000
"""Bytes that a call may allocate besides slab, outputs and entry copies."""


def argmax(x: tt.Tensor, *axes: int) -> tt.Tensor:
    return tt.Tensor(reduce(Reducer.ARGMAX, x.node, axes, False))


def large() -> tuple[list[tt.Tensor], list[np.ndarray]]:
    """Numbers, and integers that select rows."""
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((300, 300)).astype(np.float32), random.integers(0, 300, (300, 300))]
    return [tt.input("x", (300, 300)), tt.input("k", (300, 300), "int64")], arrays


def along(x: tt.Tensor, index: tt.Tensor, axis: int) -> tt.Tensor:
    return tt.take_along_axis(x, index, axis=axis)


def of_slope(y: tt.Tensor, x: tt.Tensor) -> tt.Tensor:
    return tt.grad((y * y).sum(), x)


SINGLE = {
    "take of rows": lambda x, k: tt.take(x, k[0], axis=0),
    "take of columns": lambda x, k: tt.take(x, k[0], axis=1),
    "take from a view": lambda x, k: tt.take(x.T, k[0], axis=0),
    "take along": lambda x, k: along(x, k, 0),
    "take along of a view": lambda x, k: along(x.T, k, 1),
    "gradient of take": lambda x, k: of_slope(tt.take(x, k[0], axis=1), x),
    "gradient of take along": lambda x, k: of_slope(along(x, k, 1), x),
    "pad": lambda x, k: tt.pad(x, ((1, 1), (2, 2))),
    "concatenate views": lambda x, k: tt.concatenate([x.T, x.T * 2.0], axis=1),
    "argmax of columns": lambda x, k: x.argmax(0),
    "argmax of rows": lambda x, k: x.argmax(1),
    "argmax of everything, transposed": lambda x, k: argmax((x * 2.0).T, 0, 1),
    "argmax of integers": lambda x, k: k.argmax(0),
    "argmin of columns": lambda x, k: x.argmin(0),
    "argmin of integers": lambda x, k: k.argmin(1),
    "argmax of several axes": lambda x, k: argmax(x.reshape([6, 50, 300]), 0, 2),
    "one hot": lambda x, k: tt.one_hot(k[0], 300),
    "float32 and bools": lambda x, k: x * (k > 150),
    "float32 and integers": lambda x, k: x + k,
    "casts": lambda x, k: x.astype("float64") + x.astype("int32"),
    "erf in float64": lambda x, k: tt.erf(x.astype("float64")),
    "erfc": lambda x, k: tt.erfc(x),
    "gelu": lambda x, k: tt.gelu(x),
    "softmax of columns": lambda x, k: tt.softmax(x, axis=0),
    "cross-entropy": lambda x, k: tt.losses.cross_entropy(x, tt.maximum(k[0], 0)),
    "matmul": lambda x, k: x @ x.T,
    "matmul of mixed dtypes": lambda x, k: x @ x.astype("float64"),
    "matmul of integers": lambda x, k: k @ k[:, :3],
    "matmul of strided views": lambda x, k: x[:, ::2] @ x[:, ::-2].T,
    "a sum over two axes that do not merge": lambda x, k: tt.einsum(
        "abc,dbc->ad", x.reshape([6, 50, 300]).swapaxes(0, 1), x.reshape([6, 50, 300]).swapaxes(0, 1)
    ),
    "batches last": lambda x, k: tt.einsum(
        "abc,adc->bda", x.reshape([6, 50, 300]), x.reshape([6, 50, 300])
    ),
    "a product of three": lambda x, k: tt.einsum("ij,ij,ij->i", x, x, x),
    "a chain of three": lambda x, k: tt.einsum("ij,jk,kl->il", x, x, x),
    "a trace of three": lambda x, k: tt.einsum("ij,jk,ki->", x[:60, :60], x[:60, :60], x[:60, :60]),
    "an axis of one operand summed": lambda x, k: tt.einsum("ij,kl->ik", x[:50], x[:50]),
    "reductions": lambda x, k: x.sum(0) + x.max(1) + x.T.var(0) + k.sum(1),
    "lower triangle": lambda x, k: tt.tril(x),
    "choice": lambda x, k: tt.where(k > 5, x, 0.0),
    "diagonal": lambda x, k: of_slope(tt.diagonal(x), x),
    "slices": lambda x, k: of_slope(x[::2, ::-3], x),
}  # fmt: skip
PASSES = {"unfused": (), "default passes": None}


def made(name: str) -> TestProgram:
    if name in PROGRAMS:
        return PROGRAMS[name]()
    inputs, data = large()
    return TestProgram(inputs, data, [SINGLE[name](*inputs)])


def bytes_of_a_call(program, arguments, out) -> int:
    """The most that a call holds at once beyond what was there before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        program(*arguments, out=out)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("name", [*PROGRAMS, *SINGLE])
def test_a_second_call_allocates_next_to_nothing(name, passes):
    item = made(name)
    program = tt.compile(
        item.inputs, item.outputs, updates=item.updates, passes=PASSES[passes], backend="numpy"
    )
    out = [np.empty_like(array) for array in program(*item.data)]
    assert bytes_of_a_call(program, item.data, out) < ROOM


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("name", SINGLE)
def test_large_programs_equal_the_oracle(name, passes):
    item = made(name)
    found = tt.compile(item.inputs, item.outputs, passes=PASSES[passes], backend="numpy")(*item.data)
    expected = tt.compile(item.inputs, item.outputs, passes=(), backend="reference")(*item.data)
    for left, right in zip(found, expected, strict=True):
        assert left.dtype == right.dtype
        if right.dtype.kind != "f":
            np.testing.assert_array_equal(left, right)
            continue
        tolerance = 1e-5 * max(1.0, np.abs(right).max())  # all begin with float32
        np.testing.assert_allclose(left, right, rtol=0, atol=tolerance)


def test_what_a_call_allocates_is_seen():
    x = tt.input("x", (300, 300))
    program = tt.compile([x], [x * 2.0], backend="reference")
    argument = np.ones((300, 300), np.float32)
    assert bytes_of_a_call(program, [argument], [np.empty_like(argument)]) > ROOM


def test_the_slab_is_what_the_plan_says_and_the_first_call_takes_little_more():
    x = tt.input("x", ("n", 500))
    weights = [tt.constant(np.eye(500, dtype=np.float32)) for _ in range(4)]
    y = x
    for weight in weights:
        y = tt.tanh(y @ weight) + 1.0
    program = tt.compile([x], [y], backend="numpy")
    argument = np.ones((2000, 500), np.float32)
    out = [np.empty_like(argument)]
    slab = evaluate(program.plan.peak_bytes, {"n": 2000})
    assert slab >= argument.nbytes
    assert slab <= bytes_of_a_call(program, [argument], out) < slab + 2 * ROOM


def test_entry_copies_are_the_only_ones():
    x = tt.input("x", (300, 300))
    program = tt.compile([x], [x * 2.0], backend="numpy")
    dense = np.ones((300, 300), np.float32)
    out = [np.empty_like(dense)]
    program(dense, out=out)
    assert bytes_of_a_call(program, [dense], out) < ROOM
    assert program.entry_copies == 0
    assert dense.nbytes <= bytes_of_a_call(program, [np.asfortranarray(dense)], out) < dense.nbytes + ROOM
    assert program.entry_copies == 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_threads_give_the_bits_of_one(name):
    item = PROGRAMS[name]()
    program = tt.compile(item.inputs, item.outputs, backend="numpy")
    expected = [array.tobytes() for array in program(*item.data)]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            if [array.tobytes() for array in program(*item.data)] != expected:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=[k]) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_every_call_has_the_same_bits_whatever_came_before():
    item = PROGRAMS["rows"]()
    program = tt.compile(item.inputs, item.outputs, backend="numpy")
    expected = [array.tobytes() for array in program(*item.data)]
    for count in (1, 40, 0, 3):
        program(*(np.full((count, 19), 0.5, np.float32) for _ in item.data))
        assert [array.tobytes() for array in program(*item.data)] == expected
