"""Prefix reductions along rows, which lie in lanes: bit by bit what NumPy adds up, forwards and backwards."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.loops.chunking import cut
from compiler.loops.language import Count
from compiler.loops.lowering import lower
from compiler.loops.pipeline import stages
from compiler.loops.prefixes import FEWEST
from compiler.loops.scanning import scanning_draft
from compiler.loops.verify import verify, verify_machine
from tests.backends import NATIVE
from tests.compiler.loops.interpreter import run

MACHINE = engine.host_target().machine
SCANS = ["cumsum", "cumprod", "cummax", "cummin"]
DTYPES = ["float32", "float64", "int32", "int64"]


def rows(count, width, dtype, seed=0):
    """Numbers that are equal here and there, with NaN and zeros of both signs among floats."""
    random = np.random.default_rng(seed)
    made = np.round(random.standard_normal((count, width)) * 3)
    if dtype.startswith("float"):
        made += random.choice([0.0, 0.25], made.shape)
        made = np.where(random.random(made.shape) < 1 / 90, np.nan, made)
    return made.astype(dtype)


def compiled(scan, shape, dtype, reverse, backend="llvm"):
    x = tt.input("x", shape, dtype)
    return tt.compile([x], getattr(tt, scan)(x, len(shape) - 1, reverse=reverse), backend=backend)


def assert_same(found, wanted):
    """The same bits but of NaN and zeros."""
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("width", [8, 16, 17, 23, 31, 32, 33, 50])
def test_rows_of_any_width_and_number(backend, width):
    for number, dtype in enumerate(DTYPES):
        scan, reverse = SCANS[(number + width) % 4], bool((number + width // 4) % 2)
        program = compiled(scan, ("n", width), dtype, reverse, backend)
        wanted = compiled(scan, ("n", width), dtype, reverse, "reference")
        for count in (0, 1, 7, 16, 21):
            x = rows(count, width, dtype, count)
            assert_same(program(x), wanted(x))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("scan", SCANS)
def test_few_rows_are_chains_in_one_loop(scan, reverse):
    for shape in ((1, 40), (FEWEST - 1, 40), (2, 2, 40), (40, 3)):
        for dtype in (*DTYPES, "float16"):
            x = rows(int(np.prod(shape[:-1])), shape[-1], dtype).reshape(shape)
            wanted = compiled(scan, shape, dtype, reverse, "reference")(x)
            assert_same(compiled(scan, shape, dtype, reverse)(x), wanted)
    text = compiled("cummax", (2, 1000), "float32", False).source(0)
    assert text.count("for ") == 2, "chunks, and one loop along both rows"


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("dtype", DTYPES)
def test_kernels_keep_the_laws_and_are_interpreted_in_vectors_of_any_width(dtype, vector_bytes):
    for scan in SCANS:
        for reverse in (False, True):
            program = compiled(scan, (9, 37), dtype, reverse)
            (kernel,) = program.plan.schedule.kernels
            draft, lanes = scanning_draft(kernel, program._executable.lowered.places, vector_bytes)
            (out,) = program.graph.outputs
            assert lanes == vector_bytes // out.type.dtype.size
            kernel, chunks = cut(draft, Count(1), lanes).kernel, -(-9 // lanes)
            verify(kernel)
            x = rows(9, 37, dtype)
            out = np.zeros(x.shape, out.type.dtype.numpy)
            assert run(kernel, x, out, order=range(chunks)[::-1])
            assert_same(out, compiled(scan, (9, 37), dtype, reverse, "reference")(x))


def test_steps_keep_the_laws_after_every_trick():
    for dtype in DTYPES:
        (step,) = compiled("cumsum", ("n", 37), dtype, True)._executable.lowered.steps
        *_, last = stages(step.bound.kernel, MACHINE)
        for kernel in (step.written[-1], step.bound.kernel, last):
            verify(kernel)
        verify_machine(lower(last, MACHINE))


def test_what_is_no_square_goes_lane_by_lane_or_along_columns():
    """Short rows, rows whose elements lie apart, and results in the place of what they are computed from."""
    x = tt.input("x", (12, 40))
    made = [tt.cumsum(x[:, :3], 1), tt.cumsum(x, 0), tt.cumsum(x.T, 1), tt.cumsum(x[:, ::2], 1)]
    made += [tt.cumsum(x + 1, 1) * 2, tt.cumsum(tt.cumsum(x * 2, 1), 1)]
    given = rows(12, 40, "float32")
    wanted = tt.compile([x], made, backend="reference")(given)
    for found, right in zip(tt.compile([x], made)(given), wanted, strict=True):
        np.testing.assert_array_equal(found, right)
