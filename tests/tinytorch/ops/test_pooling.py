"""Pooling against its definition and PyTorch's, and what it refuses."""

import re

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL


def array(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def windows(x, size, step, padding, value):
    """`[n, c, p, q, k, l]` of a padded image."""
    padded = np.pad(x, [(0, 0), (0, 0), *[(width, width) for width in padding]], constant_values=value)
    seen = np.lib.stride_tricks.sliding_window_view(padded, size, (2, 3))
    return seen[:, :, :: step[0], :: step[1]]


@pytest.mark.parametrize("backend", ALL)
def test_pools_are_reductions_of_windows(backend):
    data = array(2, 3, 7, 8)
    x = tt.input("x", ("n", 3, 7, 8), "float64")
    size, step, padding = (3, 2), (2, 1), (1, 1)
    found = tt.compile(
        x,
        [
            tt.max_pool2d(x, size, step, padding),
            tt.avg_pool2d(x, size, step, padding),
            tt.lp_pool2d(tt.abs(x), 3, size, step),
            tt.max_pool2d(x, 7),
            tt.avg_pool2d(x, 2),
        ],
        backend=backend,
    )(data)
    seen = windows(data, size, step, padding, -np.inf)
    whole = windows(np.abs(data), size, step, (0, 0), 0)
    expected = [
        seen.max((-2, -1)),
        windows(data, size, step, padding, 0).mean((-2, -1)),
        (whole**3).sum((-2, -1)) ** (1 / 3),
        data[..., :7, :7].max((-2, -1), keepdims=True),
        data[..., :6, :8].reshape(2, 3, 3, 2, 4, 2).mean((3, 5)),
    ]
    for mine, wanted in zip(found[:4], expected[:4], strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-12)
    np.testing.assert_allclose(found[4][..., :3, :], expected[4], rtol=1e-12)


def test_the_gradient_goes_to_the_first_of_equal_elements_as_in_pytorch():
    """Also where windows overlap, where they are many elements, and where a background is all the same."""
    functional = pytest.importorskip("torch").nn.functional
    torch = pytest.importorskip("torch")
    data = np.random.default_rng(0).integers(0, 3, (2, 2, 9, 9)).astype(np.float64)
    x = tt.input("x", data.shape, "float64")
    settings = [(2,), (3, 1, 1), (3, 2, 0, 2), (9, 1, 1)]
    ours = [tt.max_pool2d(x, *setting, return_indices=True) for setting in settings]
    ours += [tt.adaptive_max_pool2d(x, (4, 3), True)]
    slopes = [tt.grad((value * value).sum(), x) for value, _ in ours]
    found = tt.compile(x, [*slopes, *[place for _, place in ours]])(data)
    for k, setting in enumerate([*settings, None]):
        given = torch.tensor(data, requires_grad=True)
        value, place = (
            functional.adaptive_max_pool2d(given, (4, 3), True)
            if setting is None
            else functional.max_pool2d(given, *setting, return_indices=True)
        )
        np.testing.assert_array_equal(found[k], torch.autograd.grad((value**2).sum(), given)[0].numpy())
        np.testing.assert_array_equal(found[len(slopes) + k], place.numpy())


AVERAGES = [
    (3, 2, 1, True, True, None), (3, 2, 1, True, False, None), ((3, 2), (2, 3), (1, 0), True, True, None),
    (2, None, 0, True, True, 5), (4, 3, 2, False, False, None),
]  # fmt: skip


def test_last_windows_and_what_a_mean_counts():
    """Windows that reach beyond the end, of elements, of the padding, of neither: against PyTorch."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    data = array(2, 2, 8, 7)
    x = tt.input("x", data.shape, "float64")
    given = torch.tensor(data, requires_grad=True)
    pairs = [(tt.avg_pool2d(x, *each), functional.avg_pool2d(given, *each)) for each in AVERAGES]
    for settings in ((3, 2, 1, 1, True), ((2, 3), (3, 2), (1, 1), (2, 1), True), (2, 3, 1, 1, True)):
        pairs.append((tt.max_pool2d(x, *settings), functional.max_pool2d(given, *settings)))
    for size in (1, (3, None), (5, 4)):
        pairs.append((tt.adaptive_avg_pool2d(x, size), functional.adaptive_avg_pool2d(given, size)))
    ours = [item for value, _ in pairs for item in (value, tt.grad((value * value).sum(), x))]
    found = iter(tt.compile(x, ours, backend="numpy")(data))
    for _, value in pairs:
        np.testing.assert_allclose(next(found), value.detach().numpy(), rtol=1e-12)
        slope = torch.autograd.grad((value**2).sum(), given, retain_graph=True)[0]
        np.testing.assert_allclose(next(found), slope.numpy(), rtol=1e-12, atol=1e-12)


def test_symbolic_extents_and_samples_without_a_batch():
    x = tt.input("x", ("n", 3, "2*h", "4*w"))
    assert str(tt.max_pool2d(x, 2).node.type) == "f32[n,3,h,2*w]"
    assert str(tt.avg_pool2d(x, 3, 2, (((1, 0), (1, 0)))).node.type) == "f32[n,3,h,2*w]"
    assert str(tt.adaptive_avg_pool2d(x, (1, 4)).node.type) == "f32[n,3,1,4]"
    assert str(tt.max_pool1d(tt.input("y", (3, "2*h")), 2).node.type) == "f32[3,h]"
    program = tt.compile(
        x,
        [tt.max_pool2d(x, 2, return_indices=True)[1], tt.adaptive_max_pool2d(x, (1, 4)), tt.avg_pool2d(x, 2)],
    )
    for shape in ((2, 3, 4, 8), (1, 3, 6, 4)):
        data = array(*shape).astype(np.float32)
        places, largest, mean = program(data)
        _, _, height, width = shape
        apart = data.reshape(*shape[:2], height // 2, 2, width // 2, 2)
        picked = np.take_along_axis(data.reshape(*shape[:2], -1), places.reshape(*shape[:2], -1), -1)
        np.testing.assert_array_equal(picked.reshape(places.shape), apart.max((3, 5)))
        quarters = data.reshape(*shape[:3], 4, width // 4)
        np.testing.assert_array_equal(largest[:, :, 0], quarters.max((2, 4)))
        np.testing.assert_allclose(mean, apart.mean((3, 5)), rtol=1e-5, atol=1e-6)


def test_numbers_that_are_none_and_integers():
    data = np.array([[[1, np.nan, 3, 2, -np.inf, -np.inf]]], np.float32)
    x, k = tt.input("x", data.shape), tt.input("k", (1, 4), "int32")
    found = tt.compile([x, k], [tt.max_pool1d(x, 2), tt.max_pool1d(k, 3, 1, 1), tt.avg_pool1d(k, 2)])
    largest, of_integers, mean = found(data, np.array([[-5, -9, -7, -8]], np.int32))
    np.testing.assert_array_equal(largest[0, 0], [np.nan, 3, -np.inf])
    np.testing.assert_array_equal(of_integers, [[-5, -5, -7, -7]])
    assert of_integers.dtype == np.int32
    np.testing.assert_array_equal(mean, np.array([[-7, -7.5]], np.float32))


def test_a_norm_of_zeros_has_a_gradient():
    x = tt.input("x", (1, 4))
    slope = tt.compile(x, tt.grad(tt.lp_pool1d(x, 2, 2).sum(), x))(np.array([[0, 0, 3, 4]], np.float32))
    np.testing.assert_allclose(slope, [[0, 0, 0.6, 0.8]], rtol=1e-6)


X = tt.input("x", (2, 3, 5, 5))
REFUSED = {
    "too large": (lambda: tt.max_pool2d(X, 6), tt.ShapeError, "a window of 6 elements does not lie in the 5"),
    "a padding": (lambda: tt.max_pool2d(X, 2, padding=2), tt.ArgumentError, r"at most half of its kernel"),
    "a size": (lambda: tt.avg_pool2d(X, 0), tt.ArgumentError, "the kernel_size of avg_pool2d is 1 or more"),
    "a rank": (
        lambda: tt.max_pool3d(X[0, 0], 2),
        tt.ShapeError,
        re.escape("[batch, channels, depth, height"),
    ),
    "a divisor": (lambda: tt.avg_pool2d(X, 2, divisor_override=0), tt.ArgumentError, "and not 0"),
    "a norm": (lambda: tt.lp_pool2d(X, 0, 2), tt.ArgumentError, "a number that is not 0, not 0"),
    "regions": (lambda: tt.adaptive_avg_pool2d(X, (1, 2, 3)), tt.ArgumentError, "one for each of 2 axes"),
    "no regions": (lambda: tt.adaptive_max_pool2d(X, 0), tt.ArgumentError, "output_size is 1 or more, not 0"),
    "a symbolic axis": (
        lambda: tt.adaptive_avg_pool1d(tt.input("y", (3, "n")), 2),
        tt.ShapeError,
        r"2 regions of an axis of n are known only(.|\n)*declare it as 2\*m",
    ),
    "a symbolic step": (
        lambda: tt.max_pool1d(tt.input("y", (3, "n")), 2),
        tt.ShapeError,
        r"is no polynomial(.|\n)*an extent of 2\*m, or a number",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_said(case):
    make, error, said = REFUSED[case]
    with pytest.raises(error, match=said):
        make()
