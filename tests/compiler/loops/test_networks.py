"""Sorting networks: every call that sorts, bit by bit, as the arrays of NumPy are sorted."""

import itertools

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.ir.known_calls import First, Order, Ranked, Sorted
from compiler.ir.ordering import NETWORKED
from compiler.loops.chunking import cut
from compiler.loops.language import Count
from compiler.loops.lowering import lower
from compiler.loops.networks.batcher import comparators
from compiler.loops.networks.drafting import network_draft
from compiler.loops.pipeline import stages
from compiler.loops.verify import verify, verify_machine
from tests.backends import NATIVE
from tests.compiler.loops.interpreter import garbage, run
from tests.compiler.loops.sorting import (
    arrays,
    assert_same,
    assert_threads_change_nothing,
    compiled,
    expected,
    functions,
)

MACHINE = engine.host_target().machine
EVERY = [*range(1, 71), 100, 128, 129, 200, 256, 300]
WIDTHS = [1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 33, 64, 70, 100, 200]
ROWS = [0, 1, 7, 16, 33]


def steps_of(program):
    return program._executable.lowered.steps


def check(width, dtype, backend, which):
    for function, ranks in which:
        program = compiled(function, ranks, ("n", width), dtype, backend)
        assert program._executable.python_steps == ()
        for rows in ROWS:
            for x in arrays((rows, width), dtype.numpy):
                assert_same(program(x), expected(function, ranks, x), function)


@pytest.mark.parametrize(
    ("backend", "width"),
    [(backend, width) for backend in NATIVE for width in (WIDTHS if backend == "llvm" else WIDTHS[::3])],
)
def test_some_calls_of_each_width_and_dtype(backend, width):
    for number, dtype in enumerate(NETWORKED):
        check(width, dtype, backend, itertools.islice(functions(width), (number + width) % 4, None, 4))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "width"),
    [(backend, width) for backend in NATIVE for width in (EVERY if backend == "llvm" else EVERY[::9])],
)
def test_every_call_of_each_width(backend, width):
    """Both emitters read the same kernels, and compilers of C take longer."""
    check(width, NETWORKED[width % 4], backend, functions(width))


@pytest.mark.parametrize("count", range(12))
def test_a_network_that_sorts_zeros_and_ones_sorts_everything(count):
    """D. Knuth, volume 3, 5.3.4, theorem Z."""
    for row in itertools.product([0, 1], repeat=count):
        found = list(row)
        for low, high in comparators(count):
            assert low < high
            found[low], found[high] = min(found[low], found[high]), max(found[low], found[high])
        assert found == sorted(row)


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("dtype", NETWORKED, ids=str)
def test_kernels_keep_the_laws_and_are_interpreted_in_vectors_of_any_width(dtype, vector_bytes):
    for width in (5, 21):
        for function, ranks in functions(width):
            program = compiled(function, ranks, (7, width), dtype)
            (kernel,) = program.plan.schedule.kernels
            draft, lanes = network_draft(kernel, program._executable.lowered.places, vector_bytes)
            kernel, chunks = cut(draft, Count(1), lanes).kernel, -(-7 // lanes)
            verify(kernel)
            sizes = {item.memory: item.size * chunks for item in draft.scratch}
            for x in arrays((7, width), dtype.numpy):
                wanted = expected(function, ranks, x)
                out, status = np.zeros_like(wanted), np.zeros(1, np.int64)
                given = [x, out] if ranks is None else [x, out, ranks, status]
                scratch = [garbage(item.dtype, sizes[item]) for item in sizes]
                assert run(kernel, *given, *scratch, order=range(chunks)[::-1])
                assert_same(out, wanted, function)


def test_steps_keep_the_laws_after_every_trick():
    for dtype in NETWORKED:
        for function, ranks in functions(37):
            (step,) = steps_of(compiled(function, ranks, ("n", 37), dtype))
            *_, last = stages(step.bound.kernel, MACHINE)
            for kernel in (step.written[-1], step.bound.kernel, last):
                verify(kernel)
            verify_machine(lower(last, MACHINE))


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_rows_that_lie_elsewhere(backend, dtype):
    """Columns, every other element, elements backwards, a part of each row, one row for all."""
    random = np.random.default_rng(3)
    given = np.round(random.standard_normal((40, 24)) * 3).astype(dtype)
    x = tt.input("x", (40, 24), dtype=dtype)
    rows = [x.T, x[:, ::2], x[:, ::-1], x[3:, 5:20], x[::3, 4:7], tt.broadcast_to(x[1], (9, 24))]
    made = [item for row in rows for item in (row.sort(), row.argsort(descending=True), row.topk(2)[1])]
    wanted = tt.compile([x], made, backend="reference")(given)
    for found, right in zip(tt.compile([x], made, backend=backend)(given), wanted, strict=True):
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("shape", [(10,), (2, 3, 10), (0, 10), (1, 10)], ids=str)
def test_rows_of_any_rank(shape):
    for x in arrays(shape, np.dtype(np.float32)):
        for function, ranks in functions(10):
            program = compiled(function, ranks, shape, "float32")
            assert_same(program(x), expected(function, ranks, x), function)


def test_threads_change_nothing():
    assert_threads_change_nothing(Sorted(), (2000, 100))


@pytest.mark.parametrize("backend", NATIVE)
def test_a_rank_that_no_element_has_is_refused(backend):
    for ranks in ([-1], [0, 10]):
        program = compiled(Ranked(), np.array(ranks), ("n", 10), "float32", backend)
        assert program._executable.python_steps == ()
        with pytest.raises(tt.IndexRangeError, match="of 10 elements none has one of the ranks"):
            program(np.zeros((3, 10), np.float32))


def test_a_derived_class_is_asked_itself():
    class Doubled(Sorted):
        def write(self, out, *operands):
            out[...] = 2 * operands[0]

    program = compiled(Doubled(), None, (5, 10), "float32")
    (step,) = program._executable.python_steps
    assert step.reason == "it is an opaque call"
    np.testing.assert_array_equal(program(np.ones((5, 10), np.float32)), np.full((5, 10), 2, np.float32))


@pytest.mark.parametrize(
    ("function", "shape", "dtype", "reason"),
    [
        (Sorted(), (5, 10), "float16", "there are no sorting networks for float16"),
        (Sorted(), (5, "n"), "float32", "how long its rows are is not known"),
        (Sorted(), (5, 9000), "float32", "NumPy sorts rows of 9000 elements faster than a network"),
        (Order(), (5, 5000), "int64", "NumPy sorts rows of 5000 elements faster than a network"),
        (First(200), (5, 1300), "float32", "NumPy sorts rows of 1300 elements faster than a network"),
    ],
    ids=lambda item: str(item),
)
def test_what_numpy_sorts_is_said_with_its_reason(function, shape, dtype, reason):
    (step,) = compiled(function, None, shape, dtype)._executable.python_steps
    assert step.reason == reason
