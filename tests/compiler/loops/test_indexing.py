"""Gathers and scatter_adds as loops: every dtype, width and shape of indices, alone and beside others."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.steps.launches import Scratch
from compiler.errors import IndexRangeError
from tests.backends import ALL
from tests.threads import by_threads

WIDTHS = (1, 2, 3, 17, 64, 200)
SHAPES = ((), (5,), (4, 3), (0,), (2, 40))
DTYPES = ("float32", "float64", "int32", "int64")


def data(rng, dtype, shape):
    found = rng.standard_normal(shape) * 9
    return found.astype(dtype)


def compiled(inputs, outputs, backend="llvm", **options):
    program = tt.compile(inputs, outputs, backend=backend, **options)
    assert not getattr(program._executable, "python_steps", ())
    return program


@pytest.mark.parametrize("kind", ["int32", "int64"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_rows(shape, width, dtype, kind):
    """Of 11 rows some are taken more than once; sums have the bits of the oracle, in the order of indices."""
    rng = np.random.default_rng(0)
    x, i = tt.input("x", (11, width), dtype), tt.input("i", shape, kind)
    g = tt.input("g", (*shape, width), dtype)
    table, cotangent = data(rng, dtype, (11, width)), data(rng, dtype, (*shape, width))
    indices = rng.integers(0, 11, shape).astype(kind)
    taken = tt.take(x, i, axis=0)
    assert np.array_equal(compiled([x, i], taken)(table, indices), table[indices])
    if not dtype.startswith("float"):
        return
    found = compiled([i, g], tt.grad(taken, x, seed=g))(indices, cotangent)
    expected = np.zeros_like(table)
    np.add.at(expected, indices, cotangent)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(4, 5, 6), (3, 1, 33), (20, 2, 1), (3, 4, 300)])
def test_along_an_axis(shape, axis):
    """`take` and `take_along_axis` along every axis, of data that are transposed and broadcast, too."""
    rng = np.random.default_rng(1)
    x, g = tt.input("x", shape), tt.input("g", shape)
    i, j = tt.input("i", (7,), "int32"), tt.input("j", shape, "int64")
    table, cotangent = (data(rng, "float32", shape) for _ in range(2))
    few = rng.integers(0, shape[axis], 7).astype("int32")
    many = rng.integers(0, shape[axis], shape)
    turned = x.transpose((2, 0, 1))
    outputs = [tt.take(x, i, axis=axis), tt.take_along_axis(x, j, axis=axis)]
    outputs += [tt.take(turned, i, axis=0), tt.grad(outputs[1], x, seed=g)]
    outputs += [tt.grad(tt.take(tt.broadcast_to(x[:1], shape), i, axis=axis).sum(), x)]
    found = compiled([x, i, j, g], outputs)(table, few % min(shape[2], shape[axis]), many, cotangent)
    known = compiled([x, i, j, g], outputs, "reference")(
        table, few % min(shape[2], shape[axis]), many, cotangent
    )
    for one, other in zip(found[:-1], known[:-1], strict=True):
        assert np.array_equal(one, other)
    np.testing.assert_allclose(found[-1], known[-1], rtol=1e-6)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_bag_is_one_kernel_and_its_gradient_makes_no_rows(width, backend):
    rng = np.random.default_rng(2)
    x, i, g = tt.input("x", (50, width)), tt.input("i", ("n", 6), "int64"), tt.input("g", ("n", width))
    bag = tt.take(x, i, axis=0).sum(axis=1)
    table, indices = data(rng, "float32", (50, width)), rng.integers(0, 50, (9, 6))
    forward = compiled([x, i], bag, backend)
    if backend in ("llvm", "c"):
        assert len(forward.schedule.kernels) == 1
        assert forward.plan.peak_bytes == 0
    np.testing.assert_allclose(forward(table, indices), table[indices].sum(1), rtol=2e-5, atol=1e-4)
    cotangent = data(rng, "float32", (9, width))
    backward = compiled([i, g], tt.grad(bag, x, seed=g), backend)
    assert backward.plan.peak_bytes == 0
    expected = np.zeros_like(table)
    np.add.at(expected, indices, cotangent[:, None])
    assert np.array_equal(backward(indices, cotangent), expected)


def test_maps_and_reductions_of_rows_that_are_picked():
    """Around a softmax over rows, which reads what is picked in three passes."""
    rng = np.random.default_rng(3)
    x, i, b = tt.input("x", (30, 37)), tt.input("i", (12,), "int32"), tt.input("b", (37,))
    y = tt.softmax(tt.take(x, i, axis=0) * 2.0 + b, axis=1)
    program = compiled([x, i, b], [y, y.sum(axis=0)])
    assert len(program.schedule.kernels) == 1
    table, indices = data(rng, "float32", (30, 37)), rng.integers(0, 30, 12).astype("int32")
    bias = np.ones(37, "float32")
    found = program(table, indices, bias)
    z = table[indices].astype("float64") * 2 + bias
    e = np.exp(z - z.max(1, keepdims=True))
    expected = e / e.sum(1, keepdims=True)
    np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(found[1], expected.sum(0), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("kind", ["int32", "int64"])
@pytest.mark.parametrize("width", [2, 3, 4, 9, 10, 17])
def test_narrow_rows_that_are_picked_for_a_long_map_fill_vectors(width, kind):
    """They are copied to a room, many rows at a time; those that are left are mapped where they lie."""
    rng = np.random.default_rng(6)
    x, i, b = tt.input("x", (70, width)), tt.input("i", (3000,), kind), tt.input("b", (3000, 1))
    table, indices = data(rng, "float32", (70, width)), rng.integers(0, 70, 3000).astype(kind)
    by_row = data(rng, "float32", (3000, 1))
    picked = tt.take(x, i, axis=0)
    program = compiled([x, i, b], [tt.tanh(picked), tt.exp(-picked * picked) + b, picked * 2.0])
    assert "room" in program.source()
    assert "room" not in compiled([x, i], picked * 2.0).source()
    rows = table[indices].astype("float64")
    for found, known in zip(
        program(table, indices, by_row), (np.tanh(rows), np.exp(-rows * rows) + by_row, rows * 2), strict=True
    ):
        np.testing.assert_allclose(found, known, rtol=1e-5, atol=1e-6)


def test_indices_that_are_computed_are_written_first():
    x, i = tt.input("x", (9,)), tt.input("i", (5,), "int64")
    program = compiled([x, i], tt.take(x, 8 - i, axis=0) + 1.0)
    assert [len(kernel.members) for kernel in program.schedule.kernels] == [1, 2]
    table, indices = np.arange(9, dtype="float32"), np.array([0, 8, 8, 3, 1])
    assert np.array_equal(program(table, indices), table[8 - indices] + 1)


@pytest.mark.parametrize("size", [300, 60_000])
def test_nothing_is_written_where_an_index_is_outside(size):
    """The caller's array and the parameter are as they were, whatever chunk finds the index."""
    w, i = tt.parameter(np.ones((4, 8), "float32")), tt.input("i", (size,), "int64")
    rows = tt.exp(tt.take(w, i, axis=0))
    program = compiled([i], rows, updates={w: w - tt.grad(rows.sum(), w)})
    for place in (0, size // 2, size - 1):
        indices, out = np.zeros(size, "int64"), np.full((size, 8), 7, "float32")
        indices[place] = 4
        with pytest.raises(IndexRangeError, match=rf"index 4 at \[{place}\] is outside 0 .. 3"):
            program(indices, out=out)
        assert (out == 7).all()
        assert (tt.value_of(w) == 1).all()


def test_lanes_pick_one_after_the_other_where_that_is_all():
    """Loads of scalars are as fast as those that a processor does for lanes, and often faster."""
    x, i = tt.input("x", (9, 40)), tt.input("i", (9, 40), "int64")
    picked = tt.take_along_axis(x, i, axis=1)
    alone, beside = (compiled([x, i], item).source() for item in (picked, tt.exp(picked)))
    assert "in vectors" not in alone.partition("%x")[2]
    assert "in vectors" in beside.partition("%x")[2]


def test_what_has_been_checked_is_not_checked_again():
    x, i = tt.input("x", (9, 4)), tt.input("i", (5,), "int64")
    y = tt.exp(tt.take(x, i, axis=0))
    source = compiled([x, i], [y, tt.grad(y.sum(), x)]).source()
    assert source.count("check ") == 2


@pytest.mark.parametrize(("count", "is_shared"), [(1000, False), (40_000, True)])
def test_threads_share_narrow_rows_by_the_lines_that_they_lie_in(count, is_shared):
    """40,000 rows of 16 bytes are 640 kB; the lines of memory in which they lie are four times that."""
    x, i = tt.input("x", (1_000_000, 4)), tt.input("i", (count,), "int64")
    *_, step = compiled([x, i], tt.take(x, i, axis=0))._executable.lowered.steps
    (launch,) = step.launches({}, Scratch())
    assert (launch.chunks > 1) == is_shared


@pytest.mark.parametrize("shape", [(3000, 64), (40_000, 3), (300_000,)])
def test_threads_change_no_bit(shape):
    rng = np.random.default_rng(4)
    x, i = tt.input("x", (500, *shape[1:])), tt.input("i", shape[:1], "int32")
    g = tt.input("g", shape)
    y = tt.take(x, i, axis=0)
    program = compiled([x, i, g], [y, tt.tanh(y).sum(axis=0), tt.grad(y, x, seed=g)])
    arguments = data(rng, "float32", (500, *shape[1:])), rng.integers(0, 500, shape[0]).astype("int32")
    cotangent = data(rng, "float32", shape)
    found = by_threads(lambda: [x.tobytes() for x in program(*arguments, cotangent)], (1, 2, 3, 8))
    assert all(item == found[0] for item in found)
