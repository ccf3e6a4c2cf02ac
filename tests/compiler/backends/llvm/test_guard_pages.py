"""Native code touches no byte outside of its arguments: right behind them, or before them, lies no memory."""

import ctypes
import itertools
import mmap
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.jit import engine
from tests.compiler.loops.test_peeling import SMALL

PAGE = mmap.PAGESIZE
BACKENDS = {"host": Llvm(engine.host_target()), "short vectors, no masks": Llvm(SMALL)}


@contextmanager
def guarded(shape, dtype, *, at_end):
    """An array whose last byte is the last one of its pages, or whose first byte is the first one."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    pages = max(1, -(-size // PAGE))
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    first = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    library = ctypes.CDLL(None, use_errno=True)
    library.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    sides = first, first + (pages + 1) * PAGE
    for side in sides:
        assert library.mprotect(side, PAGE, 0) == 0
    start = sides[1] - size if at_end else first + PAGE
    flat = np.frombuffer((ctypes.c_char * size).from_address(start), dtype) if size else np.empty(0, dtype)
    yield flat.reshape(shape)
    for side in sides:
        assert library.mprotect(side, PAGE, mmap.PROT_READ | mmap.PROT_WRITE) == 0


def run(program, x, wanted):
    """A call whose argument and output lie between pages that nobody may touch."""
    for at_end in (False, True):
        with (
            guarded(x.shape, x.dtype, at_end=at_end) as given,
            guarded(wanted.shape, wanted.dtype, at_end=at_end) as out,
        ):
            given[...] = x
            program(given, out=out)
            np.testing.assert_array_equal(out, wanted)


def numbers(shape, dtype):
    return (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)


def transposed(shape, axes, dtype, backend):
    x = tt.input("x", shape, dtype)
    return tt.compile([x], x.transpose(axes), backend=BACKENDS[backend])


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_any_matrix(backend, dtype):
    program = transposed(("n", "m"), (1, 0), dtype, backend)
    for shape in itertools.product([1, 2, 3, 7, 8, 15, 16, 17, 33], [1, 2, 5, 8, 16, 19, 32, 300]):
        x = numbers(shape, dtype)
        run(program, x, x.T)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("short", [2, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("axis", [0, 1])
def test_short_rows(axis, short, backend):
    for long in ("n", 14, 35):
        shape = (short, long) if axis == 0 else (long, short)
        program = transposed(shape, (1, 0), "float32", backend)
        for extent in [1, 2, 7, 16, 17, 31, 40] if long == "n" else [long]:
            x = numbers((short, extent) if axis == 0 else (extent, short), "float32")
            run(program, x, x.T)


@pytest.mark.parametrize("backend", BACKENDS)
def test_more_axes(backend):
    for shape, axes in [
        ((2, 5, 3, 7), (0, 2, 3, 1)),
        ((2, 3, 7, 5), (0, 3, 1, 2)),
        ((2, 2, 3, 2, 14, 14), (2, 3, 4, 0, 5, 1)),
        ((3, 2, 7, 2, 9, 2), (3, 5, 0, 1, 2, 4)),
    ]:
        x = numbers(shape, "float32")
        run(transposed(shape, axes, "float32", backend), x, x.transpose(axes))


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_elements_apart_and_backwards(backend, dtype):
    for extent, step in itertools.product([1, 2, 15, 16, 31, 33, 64, 97], [-3, -2, -1, 2, 3, 4]):
        x = numbers((extent,), dtype)
        taken = tt.input("x", x.shape, dtype)
        run(tt.compile([taken], taken[::step], backend=BACKENDS[backend]), x, x[::step])
        stacked = tt.compile([taken], tt.stack([taken] * abs(step), axis=1), backend=BACKENDS[backend])
        run(stacked, x, np.stack([x] * abs(step), axis=1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_taps_that_are_read_from_the_last_one_on(backend):
    for shape in [(5, 4, 3, 3), (17, 33, 3, 3), (2, 9, 7, 1), (3, 20, 5, 2), (0, 4, 3, 3)]:
        taken, x = tt.input("x", shape), numbers(shape, "float32")
        for order in [(0, 2, 3, 1), (2, 3, 1, 0), (3, 0, 1, 2)]:
            program = tt.compile([taken], taken[:, :, ::-1, ::-1].transpose(order), backend=BACKENDS[backend])
            run(program, x, x[:, :, ::-1, ::-1].transpose(order))


CONVOLUTIONS = [  # images, channels, filters, extent, taps, step
    (2, 3, 5, 7, 3, 1), (1, 17, 33, 9, 3, 1), (3, 33, 17, 8, 3, 2), (2, 16, 16, 6, 5, 1),
    (5, 40, 36, 5, 3, 1),
]  # fmt: skip


def convolution(case, what, backend, *, is_last):
    """A convolution or one of its gradients; its arguments, whole numbers, and its result by NumPy."""
    n, c, o, extent, taps, step = case
    out = (extent - taps) // step + 1
    rng = np.random.default_rng(0)
    shapes = (n, extent, extent, c), (taps, taps, c, o), (n, out, out, o)
    x, w, g = (rng.integers(-3, 4, shape).astype(np.float32) for shape in shapes)
    if not is_last:
        x, w, g = (
            x.transpose(0, 3, 1, 2).copy(),
            w.transpose(3, 2, 0, 1).copy(),
            g.transpose(0, 3, 1, 2).copy(),
        )
    images, weights, cotangent = tt.input("x", x.shape), tt.input("w", w.shape), tt.input("g", g.shape)
    axes, letters = ((1, 2), "nhwcij,ijco->nhwo") if is_last else ((2, 3), "nchwij,ocij->nohw")
    y = tt.einsum(letters, tt.sliding_window(images, (taps, taps), axes, step=step), weights)
    if what == "forward":
        value, given = y, [(images, x), (weights, w)]
    else:
        value = tt.grad((y * cotangent).sum(), images if what == "input" else weights)
        given = [(images, x), (weights, w), (cotangent, g)]
    inputs, arrays = zip(*given, strict=True)
    program = tt.compile(list(inputs), value, backend=BACKENDS[backend])
    oracle = tt.compile(list(inputs), value, backend="reference", passes=())
    return program, arrays, oracle(*arrays)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize("what", ["forward", "weights", "input"])
def test_convolutions(what, is_last, backend):
    for case in CONVOLUTIONS:
        program, arrays, wanted = convolution(case, what, backend, is_last=is_last)
        for at_end in (False, True):
            with ExitStack() as pages:
                given = [pages.enter_context(guarded(x.shape, x.dtype, at_end=at_end)) for x in arrays]
                out = pages.enter_context(guarded(wanted.shape, wanted.dtype, at_end=at_end))
                for mine, x in zip(given, arrays, strict=True):
                    mine[...] = x
                program(*given, out=out)
                np.testing.assert_array_equal(out, wanted)


VIEWS = {
    "transposed": lambda shape: (shape[::-1], lambda x: x.T),
    "reversed": lambda shape: (shape, lambda x: x[::-1]),
    "reversed columns": lambda shape: (shape, lambda x: x[:, ::-1]),
    "both reversed, transposed": lambda shape: (shape[::-1], lambda x: x[::-1, ::-1].T),
    **{
        f"columns by {step}": lambda shape, step=step: (
            (shape[0], (shape[1] - 1) * abs(step) + 1),
            lambda x: x[:, ::step],
        )
        for step in (2, 3, 5, -2, -3, -7)
    },
    "rows by 3": lambda shape: (((shape[0] - 1) * 3 + 1, shape[1]), lambda x: x[::3]),
    "one row": lambda shape: ((1, shape[1]), lambda x: np.broadcast_to(x, shape)),
    "one column": lambda shape: ((shape[0], 1), lambda x: np.broadcast_to(x, shape)),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["float32", "bool"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_arguments_as_they_lie(backend, dtype, view):
    x = tt.input("x", ("n", "m"), dtype)
    cubed = x ^ ~x if dtype == "bool" else x * x * x - x / (1 + x * x) + tt.sqrt(x)
    for outputs in (x, ~x if dtype == "bool" else -x, cubed):
        program, dense = (tt.compile([x], outputs, backend=BACKENDS[backend]) for _ in range(2))
        for shape in itertools.product([1, 2, 17, 33], [1, 2, 7, 16, 40]):
            base, seen = VIEWS[view](shape)
            for at_end in (False, True):
                with (
                    guarded(base, dtype, at_end=at_end) as given,
                    guarded(shape, dtype, at_end=at_end) as out,
                ):
                    given[...] = numbers(base, dtype)
                    wanted = dense(np.ascontiguousarray(seen(given)))
                    for _ in range(3):
                        out[...] = 0
                        program(seen(given), out=out)
                        np.testing.assert_array_equal(out, wanted)
