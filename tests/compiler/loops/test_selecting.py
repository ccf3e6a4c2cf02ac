"""A few elements of long rows, sought among keys: bit by bit what NumPy finds, or what a whole sort would."""

import itertools

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.ir.known_calls import AtRanks, First, FirstValues, Ranked
from compiler.ir.ordering import NETWORKED
from compiler.loops.chunking import cut
from compiler.loops.language import Count
from compiler.loops.lowering import lower
from compiler.loops.pipeline import stages
from compiler.loops.selecting import drafting
from compiler.loops.selecting.drafting import LONGEST, MOST_FIRST, selection_draft
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
WIDTHS = [1, 2, 3, 7, 15, 16, 17, 63, 64, 65, 130, 1000]


def functions(width):
    """Few and many of the first, which are found in two ways, and ranks."""
    for made, few, largest in itertools.product((First, FirstValues), (1, 3, 70), (False, True)):
        if few <= width:
            yield made(few, largest), None
    ranks = np.array([width // 2, 0, width - 1])
    yield from ((made(or_nan), ranks) for made in (Ranked, AtRanks) for or_nan in (False, True))


@pytest.fixture
def no_networks(monkeypatch):
    """Rows of any width are sought in."""
    monkeypatch.setattr(drafting, "LONGEST_NETWORKED", 0)


def steps_of(program):
    return program._executable.lowered.steps


@pytest.mark.parametrize(
    ("backend", "width"),
    [(backend, width) for backend in NATIVE for width in (WIDTHS if backend == "llvm" else WIDTHS[1::5])],
)
@pytest.mark.usefixtures("no_networks")
def test_calls_of_each_width_and_dtype(backend, width):
    for number, dtype in enumerate(NETWORKED):
        for function, ranks in itertools.islice(functions(width), (number + width) % 4, None, 4):
            program = compiled(function, ranks, ("n", width), dtype, backend)
            (step,) = steps_of(program)
            assert len(step.draft.scratch) in (1, 3), "keys, and the first ones with their places"
            for rows in (0, 1, 7, 33):
                for x in arrays((rows, width), dtype.numpy):
                    assert_same(program(x), expected(function, ranks, x), function)


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("dtype", NETWORKED, ids=str)
@pytest.mark.usefixtures("no_networks")
def test_kernels_keep_the_laws_and_are_interpreted_in_vectors_of_any_width(dtype, vector_bytes):
    width = 80
    for function, ranks in itertools.islice(functions(width), vector_bytes // 32, None, 2):
        program = compiled(function, ranks, (3, width), dtype)
        (kernel,) = program.plan.schedule.kernels
        draft, unit = selection_draft(kernel, program._executable.lowered.places, vector_bytes)
        kernel = cut(draft, Count(2), unit).kernel
        verify(kernel)
        sizes = {item.memory: item.size * 2 for item in draft.scratch}
        x = arrays((3, width), dtype.numpy)[-1]
        wanted = expected(function, ranks, x)
        out, status = np.zeros_like(wanted), np.zeros(1, np.int64)
        given = [x, out] if ranks is None else [x, out, ranks, status]
        scratch = [garbage(item.dtype, sizes[item]) for item in sizes]
        assert run(kernel, *given, *scratch, order=[1, 0])
        assert_same(out, wanted, function)


@pytest.mark.usefixtures("no_networks")
def test_steps_keep_the_laws_after_every_trick():
    for dtype in NETWORKED:
        for function, ranks in functions(100):
            (step,) = steps_of(compiled(function, ranks, ("n", 100), dtype))
            *_, last = stages(step.bound.kernel, MACHINE)
            for kernel in (step.written[-1], step.bound.kernel, last):
                verify(kernel)
            verify_machine(lower(last, MACHINE))


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.usefixtures("no_networks")
def test_rows_that_lie_elsewhere(backend, dtype):
    """Columns, every other element, elements backwards, a part of each row, one row for all."""
    random = np.random.default_rng(3)
    given = np.round(random.standard_normal((40, 24)) * 3).astype(dtype)
    x = tt.input("x", (40, 24), dtype=dtype)
    rows = [x.T, x[:, ::2], x[:, ::-1], x[3:, 5:20], x[::3, 4:7], tt.broadcast_to(x[1], (9, 24))]
    made = [found for item in rows for found in (item.topk(2)[1], item.topk(3)[0], tt.median(item, 1))]
    wanted = tt.compile([x], made, backend="reference")(given)
    for found, right in zip(tt.compile([x], made, backend=backend)(given), wanted, strict=True):
        np.testing.assert_array_equal(found, right)


def test_ends_of_integers_and_rows_of_one_number():
    """Where keys are the last there is, or all the same, places alone decide."""
    limits = np.iinfo(np.int32)
    rows = np.full((4, 600), limits.max, np.int32)
    rows[1] = limits.min
    rows[2, ::2] = limits.min
    rows[3, 599] = 0
    for function in (First(5), First(5, False), FirstValues(100), FirstValues(100, False)):
        program = compiled(function, None, rows.shape, "int32")
        assert program._executable.python_steps == ()
        np.testing.assert_array_equal(program(rows), expected(function, None, rows))
    for ranks in ([0, 299, 599], [1, 300, 598]):
        for function in (Ranked(), AtRanks()):
            program = compiled(function, np.array(ranks), rows.shape, "int32")
            np.testing.assert_array_equal(program(rows), expected(function, np.array(ranks), rows))


def test_numbers_that_differ_in_their_last_bits():
    """Every part of the keys' range is entered, and rows are told apart at their last bit."""
    for dtype in (np.float32, np.float64):
        ones = np.nextafter(np.ones(1000, dtype), dtype(2))
        x = np.stack([ones, -ones, np.cumsum(np.full(1000, np.finfo(dtype).tiny * dtype(2**-20)))])
        x[:2, 500:] = np.sign(x[:2, 500:])
        for function in (First(7), FirstValues(90), FirstValues(90, False)):
            assert_same(compiled(function, None, x.shape, dtype)(x), expected(function, None, x), function)
        ranks = np.array([499, 500, 501])
        for function in (Ranked(), AtRanks(), Ranked(or_nan=True)):
            assert_same(compiled(function, ranks, x.shape, dtype)(x), expected(function, ranks, x), function)


def test_threads_change_nothing():
    assert_threads_change_nothing(First(40), (64, 5000))


def test_a_rank_that_no_element_has_is_refused():
    for ranks in ([-1], [0, 2000]):
        program = compiled(Ranked(), np.array(ranks), ("n", 2000), "float32")
        assert program._executable.python_steps == ()
        with pytest.raises(tt.IndexRangeError, match="of 2000 elements none has one of the ranks"):
            program(np.zeros((3, 2000), np.float32))


@pytest.mark.parametrize(
    ("function", "width", "dtype"),
    [
        (First(MOST_FIRST + 1), 2000, "float32"),
        (Ranked(), 2000, "float16"),
        (Ranked(), LONGEST // 4 + 1, "float32"),
        (Ranked(), "n", "float32"),
    ],
    ids=str,
)
def test_what_is_left_to_numpy(function, width, dtype):
    program = compiled(function, None if isinstance(function, First) else np.array([3]), (2, width), dtype)
    (step,) = program._executable.python_steps
    assert "network" in step.reason or "is not known" in step.reason
