"""Rows that are sorted one at a time, in all lanes: bit by bit as the arrays of NumPy are sorted."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.ir.known_calls import Order, Sorted
from compiler.ir.ordering import NETWORKED
from compiler.loops.chunking import cut
from compiler.loops.language import Count
from compiler.loops.lowering import lower
from compiler.loops.networks import lines
from compiler.loops.networks.lines import line_draft
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
)

MACHINE = engine.host_target().machine
FUNCTIONS = [made(descends) for made in (Sorted, Order) for descends in (False, True)]
WIDTHS = [32, 33, 47, 64, 100, 127, 129, 256, 500, 1025, 2000]


@pytest.fixture
def alone(monkeypatch):
    """Rows are sorted alone, however many there are."""
    monkeypatch.setattr(lines._Drafting, "is_sooner", lambda self: True)


def is_line(program):
    """Whether a program's only kernel is one of those."""
    (_,) = program._executable.lowered.steps
    return line_draft(program.plan.schedule.kernels[0], program._executable.lowered.places, 64) is not None


@pytest.mark.parametrize(
    ("backend", "width"),
    [(backend, width) for backend in NATIVE for width in (WIDTHS if backend == "llvm" else WIDTHS[1::4])],
)
@pytest.mark.usefixtures("alone")
def test_rows_of_each_width_and_dtype(backend, width):
    for number, dtype in enumerate(NETWORKED):
        function = FUNCTIONS[(number + width) % 4]
        program = compiled(function, None, (3, width), dtype, backend)
        assert is_line(program)
        for x in arrays((3, width), dtype.numpy):
            assert_same(program(x), expected(function, None, x), function)


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("dtype", NETWORKED, ids=str)
@pytest.mark.usefixtures("alone")
def test_kernels_keep_the_laws_and_are_interpreted_in_vectors_of_any_width(dtype, vector_bytes):
    for width, function in zip((32, 37, 70, 129), FUNCTIONS, strict=True):
        program = compiled(function, None, (2, width), dtype)
        (kernel,) = program.plan.schedule.kernels
        draft, unit = line_draft(kernel, program._executable.lowered.places, vector_bytes)
        kernel = cut(draft, Count(1), unit).kernel
        verify(kernel)
        sizes = {item.memory: item.size * 2 for item in draft.scratch}
        for x in arrays((2, width), dtype.numpy)[1:]:
            wanted = expected(function, None, x)
            out = np.zeros_like(wanted)
            scratch = [garbage(item.dtype, sizes[item]) for item in sizes]
            assert run(kernel, x, out, *scratch, order=[1, 0])
            assert_same(out, wanted, function)


@pytest.mark.usefixtures("alone")
def test_steps_keep_the_laws_after_every_trick():
    for dtype in NETWORKED:
        for function in FUNCTIONS[1:3]:
            (step,) = compiled(function, None, (2, 100), dtype)._executable.lowered.steps
            *_, last = stages(step.bound.kernel, MACHINE)
            for kernel in (step.written[-1], step.bound.kernel, last):
                verify(kernel)
            verify_machine(lower(last, MACHINE))


@pytest.mark.parametrize("size", [32, 64])
def test_a_line_that_sorts_zeros_and_ones_sorts_everything(size):
    """D. Knuth, volume 3, 5.3.4, theorem Z; of all rows of zeros and ones as many as are drawn."""
    program = compiled(Sorted(), None, (1, size), "int32")
    random = np.random.default_rng(size)
    for share in np.linspace(0, 1, 400):
        row = (random.random((1, size)) < share).astype(np.int32)
        np.testing.assert_array_equal(program(row), np.sort(row))


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.usefixtures("alone")
def test_rows_that_lie_elsewhere(dtype):
    """Columns, every other element, elements backwards, a part of each row, one row for all."""
    random = np.random.default_rng(3)
    given = np.round(random.standard_normal((80, 96)) * 3).astype(dtype)
    x = tt.input("x", (80, 96), dtype=dtype)
    rows = [x.T, x[:, ::2], x[:, ::-1], x[3:, 5:60], x[::3, 4:70], tt.broadcast_to(x[1], (9, 96))]
    made = [found for item in rows for found in (item.sort(), item.argsort(descending=True))]
    wanted = tt.compile([x], made, backend="reference")(given)
    for found, right in zip(tt.compile([x], made)(given), wanted, strict=True):
        np.testing.assert_array_equal(found, right)


def test_few_rows_are_sorted_alone_and_many_in_lanes():
    for shape, alone in (
        ((1, 300), True),
        ((2, 64), True),
        ((1000, 64), False),
        ((100, 2000), True),
        (("n", 2000), True),
        (("n", 300), False),
    ):
        assert is_line(compiled(Sorted(), None, shape, "float32")) == alone


def test_threads_change_nothing():
    assert_threads_change_nothing(Sorted(), (64, 2000))
