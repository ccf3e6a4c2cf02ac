"""Sliding windows as users write them, and what they are for: convolutions and pooling, against torch."""

import re

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, KeywordError, MissingNameError, ShapeError
from compiler.ir.op import Window
from tests.backends import ALL

BACKENDS = ALL


def array(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def test_the_words_of_numpy_and_torch_are_one_op():
    x = tt.input("x", (4, 9))
    found = x.unfold(1, 3, 2).node.op
    assert found == Window((1,), (4,), (3,), (2,), (1,))
    assert tt.unfold(x, -1, 3, 2).node.op == tt.sliding_window(x, 3, 1, 2).node.op == found
    assert tt.sliding_window(x, (2, 3), (1, 0), dilation=(2, 1)).node.op == Window(
        (1, 0), (7, 2), (2, 3), (1, 1), (2, 1)
    )


def test_numpys_windows():
    x = array(5, 6, 7)
    for size, axis in (((2, 3), (0, 2)), (4, 1), ((2, 3), (2, 0)), ((2, 2, 2), None)):
        expected = np.lib.stride_tricks.sliding_window_view(x, size, axis)
        given = tt.input("x", x.shape)
        found = tt.compile(given, tt.sliding_window(given, size, axis), backend="numpy")(x)
        np.testing.assert_array_equal(found, expected)


def test_symbolic_axes_have_as_many_windows_as_a_polynomial_says():
    x = tt.input("x", ("n", "2*m+1"))
    assert str(tt.sliding_window(x, 3, 0).node.type) == "f32[n-2,2*m+1,3]"
    assert str(tt.sliding_window(x, (4, 3), (0, 1), (1, 2)).node.type) == "f32[n-3,m,4,3]"
    assert str(tt.sliding_window(x, "k", 0).node.type) == "f32[n-k+1,2*m+1,k]"
    with pytest.raises(ShapeError, match=r"is no polynomial.*\n.*fix: slice it to 2\*m\+3 elements"):
        tt.sliding_window(x, 3, 0, 2)


def test_what_makes_no_windows_is_refused():
    x = tt.input("x", (4, 9))
    for wrong in ({"size": 5}, {"size": 0}, {"size": 3, "dilation": 2}):
        with pytest.raises(ShapeError, match=r"no window of \d elements"):
            tt.sliding_window(x, axis=0, **wrong)
    with pytest.raises(ArgumentError, match=re.escape("a size for each of 2 axes, not (1, 2, 3)")):
        tt.sliding_window(x, (1, 2, 3))
    with pytest.raises(ArgumentError, match="a step is 1 or more, not 0"):
        tt.sliding_window(x, 1, 0, 0)
    with pytest.raises(ArgumentError, match=re.escape("a dilation is an int, not 1.5")):
        tt.sliding_window(x, 1, 0, dilation=1.5)
    with pytest.raises(ShapeError, match="an axis is given twice"):
        tt.sliding_window(x, 1, (0, -2))
    with pytest.raises(ShapeError, match="axis 2 is out of range for 2 axes"):
        tt.fold(tt.input("w", (4, 5, 2)), 6, 2)
    with pytest.raises(ShapeError, match="reach over 6 elements, and axis 1 has 5"):
        tt.fold(tt.input("w", (4, 5, 2)), 5, 1)


def test_names_of_others_say_what_to_write():
    x = tt.input("x", (4, 9))
    with pytest.raises(MissingNameError, match=re.escape("tt.sliding_window(x, size, axis)")):
        _ = tt.sliding_window_view
    with pytest.raises(KeywordError, match="axis=1"):
        x.unfold(dimension=1, size=2, step=1)
    with pytest.raises(KeywordError, match="size=2"):
        tt.sliding_window(x, window_shape=2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_call_checks_that_windows_of_symbols_fit(backend):
    x = tt.input("x", ("n",))
    program = tt.compile(x, tt.sliding_window(x, 3).sum(-1), backend=backend)
    np.testing.assert_array_equal(program(np.arange(5, dtype=np.float32)), [3, 6, 9])
    assert program(np.arange(2, dtype=np.float32)).shape == (0,)
    with pytest.raises(ShapeError, match="with n = 1, axis 0 would have n-2 elements"):
        program(np.arange(1, dtype=np.float32))


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_overlaps_itself_is_no_place_to_write(backend):
    x = tt.input("x", (3, 2))
    program = tt.compile(x, x + 1, backend=backend)
    room = np.zeros(4, np.float32)
    overlapping = np.lib.stride_tricks.as_strided(room, (3, 2), (4, 4))
    with pytest.raises(ArgumentError, match="must be a dense, aligned, writable"):
        program(array(3, 2), out=overlapping)
    donated = tt.compile(x, x + 1, backend=backend, donate="x")
    with pytest.raises(ArgumentError, match="is donated: it must be a dense, aligned, writable array"):
        donated(overlapping)
    np.testing.assert_array_equal(program(overlapping), np.ones((3, 2)))
    assert not room.any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_update_from_windows_of_its_own_parameter(backend):
    w = tt.parameter(np.arange(6, dtype=np.float32).reshape(3, 2), "w")
    windows = tt.sliding_window(w.reshape(6), 2)[:3]
    program = tt.compile([], [], updates={w: windows}, backend=backend)
    program()
    np.testing.assert_array_equal(tt.value_of(w), [[0, 1], [1, 2], [2, 3]])


CONVOLUTIONS = [(1, 1, 0), (2, 1, 1), (1, 2, 0), (3, 2, 2), ((2, 1), (1, 3), 1)]


@pytest.mark.parametrize(("stride", "dilation", "padding"), CONVOLUTIONS, ids=str)
def test_a_convolution_is_a_contraction_with_windows(stride, dilation, padding):
    torch = pytest.importorskip("torch")
    x, w = tt.input("x", (2, 3, 11, 12), "float64"), tt.input("w", (4, 3, 3, 2), "float64")
    padded = tt.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = tt.sliding_window(padded, (3, 2), (2, 3), stride, dilation)
    y = tt.einsum("ncpqkl,ockl->nopq", windows, w)
    first = tt.grad((y * y * y).sum(), [x, w])
    second = tt.grad((first[0] * first[0]).sum() + (first[1] * first[1]).sum(), [x, w])
    arrays = array(2, 3, 11, 12, dtype=np.float64), array(4, 3, 3, 2, seed=1, dtype=np.float64)
    tx, tw = (torch.tensor(item, requires_grad=True) for item in arrays)
    ty = torch.nn.functional.conv2d(tx, tw, stride=stride, dilation=dilation, padding=padding)
    tf = torch.autograd.grad((ty**3).sum(), [tx, tw], create_graph=True)
    ts = torch.autograd.grad((tf[0] ** 2).sum() + (tf[1] ** 2).sum(), [tx, tw])
    expected = [item.detach().numpy() for item in (ty, *tf, *ts)]
    for backend in BACKENDS:
        found = tt.compile([x, w], [y, *first, *second], backend=backend)(*arrays)
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10 * np.abs(theirs).max())


@pytest.mark.parametrize(("size", "step"), [(2, 2), (3, 2), ((2, 3), (1, 2))], ids=str)
def test_pooling_is_a_reduction_of_taps(size, step):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x = tt.input("x", ("n", 3, 9, 10))
    windows = tt.sliding_window(x, size if isinstance(size, tuple) else (size, size), (2, 3), step)
    largest, mean = windows.max((-2, -1)), windows.mean((-2, -1))
    slopes = [tt.grad((item * item).sum(), x) for item in (largest, mean)]
    given = array(2, 3, 9, 10)
    wanted = []
    for pool in (functional.max_pool2d, functional.avg_pool2d):
        tx = torch.tensor(given, requires_grad=True)
        ty = pool(tx, size, step)
        wanted += [ty.detach().numpy(), torch.autograd.grad((ty * ty).sum(), tx)[0].numpy()]
    for backend in BACKENDS:
        found = tt.compile(x, [largest, slopes[0], mean, slopes[1]], backend=backend)(given)
        for mine, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_what_is_masked_beside_windows_stays_masked():
    """A mask along another axis than that of the windows passes through their adjoint."""
    x, s = tt.input("x", (2, 4)), tt.input("s", (2, 1))
    windows = tt.sliding_window(x * s, 2, 1)
    loss = tt.where(s[:, :, None] > 1, windows, 0.0).sum()
    found = tt.compile([x, s], tt.grad(loss, x))(array(2, 4), np.array([[np.inf], [-np.inf]], np.float32))
    np.testing.assert_array_equal(found[1], 0)
