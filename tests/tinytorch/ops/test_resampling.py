"""Padding by mode, resampling and columns of patches: what is made, and what is refused."""

import re

import numpy as np
import pytest

import tinytorch as tt

DATA = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
X = tt.input("x", ("n", 2, "h", 4))
KNOWN = tt.input("x", DATA.shape)


def value(y, x=X, data=DATA):
    return tt.compile(x, y)(data)


@pytest.mark.parametrize(
    ("ours", "numpys"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")]
)
def test_modes_of_padding_are_numpys_along_any_axes_of_any_extent(ours, numpys):
    widths = [(0, 0), (1, 0), (2, 1), (0, 3)]
    wide = tt.pad(X, widths, ours)
    assert str(wide.node.type) == "f32[n,3,h+3,7]"
    slope = tt.grad((wide * wide).sum(), X)
    found, slopes = tt.compile(X, [wide, slope])(DATA)
    np.testing.assert_array_equal(found, np.pad(DATA, widths, numpys))
    np.testing.assert_array_equal(value(tt.pad(X, widths, numpys)) if numpys != "reflect" else found, found)
    counts = np.pad(np.arange(DATA.size).reshape(DATA.shape), widths, numpys)
    times = np.bincount(counts.ravel(), minlength=DATA.size).reshape(DATA.shape)
    np.testing.assert_allclose(slopes, 2 * DATA * times)


def test_nearest_neighbours_of_symbolic_axes_and_lines_of_known_ones():
    twice = tt.interpolate(X, scale_factor=2)
    assert str(twice.node.type) == "f32[n,2,2*h,8]"
    np.testing.assert_array_equal(value(twice), DATA.repeat(2, 2).repeat(2, 3))
    line = tt.interpolate(KNOWN, size=(3, 7), mode="bilinear", align_corners=True)
    expected = np.stack([np.interp(np.linspace(0, 3, 7), range(4), row) for row in DATA.reshape(-1, 4)])
    np.testing.assert_allclose(value(line, KNOWN), expected.reshape(1, 2, 3, 7), rtol=1e-6)


def test_pixels_and_channels_change_places_and_back():
    x = tt.input("x", ("n", 8, "h", 3))
    fine = tt.pixel_shuffle(x, 2)
    assert str(fine.node.type) == "f32[n,2,2*h,6]"
    data = np.arange(2 * 8 * 2 * 3, dtype=np.float32).reshape(2, 8, 2, 3)
    there, back = tt.compile(x, [fine, tt.pixel_unshuffle(fine, 2)])(data)
    expected = data.reshape(2, 2, 2, 2, 2, 3).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 4, 6)
    np.testing.assert_array_equal(there, expected)
    np.testing.assert_array_equal(back, data)


def test_columns_of_patches_and_their_adjoint():
    columns = tt.im2col(KNOWN, (2, 3), stride=(1, 1), padding=((0, 1), (1, 0)))
    image = tt.col2im(columns, (3, 4), (2, 3), padding=((0, 1), (1, 0)))
    seen, added = tt.compile(KNOWN, [columns, image])(DATA)
    padded = np.pad(DATA, [(0, 0), (0, 0), (0, 1), (1, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2, 3), (2, 3))
    np.testing.assert_array_equal(seen, windows.transpose(0, 1, 4, 5, 2, 3).reshape(1, 12, 9))
    times = np.zeros((4, 5))
    for p, q in np.ndindex(3, 3):
        times[p : p + 2, q : q + 3] += 1
    np.testing.assert_array_equal(added, DATA * times[:3, 1:])


REFUSED = {
    "a mirror too narrow": (
        lambda: tt.pad(KNOWN, [4, 0], "reflect"),
        tt.ShapeError,
        "4 elements of padding are taken from the 4 of axis 3, which has too few: %x",
    ),
    "a ring too small": (lambda: tt.pad(KNOWN, [5, 0], "circular"), tt.ShapeError, "5 elements of padding"),
    "below 0": (lambda: tt.pad(KNOWN, [-1, 0], "replicate"), tt.ShapeError, "slice to remove elements"),
    "a value as a mode": (lambda: tt.pad(KNOWN, [1, 0], 2.0), tt.ArgumentError, r"not 2.0\n  fix: value=2.0"),
    "a mode": (lambda: tt.pad(KNOWN, [1, 0], "mirror"), tt.ArgumentError, "not 'mirror'"),
    "another rank": (
        lambda: tt.interpolate(KNOWN, 3, mode="linear"),
        tt.ArgumentError,
        "mode='linear' is for 1 axes of an image, not 2\n  fix: mode='bilinear'",
    ),
    "corners of neighbours": (
        lambda: tt.interpolate(KNOWN, 3, align_corners=True),
        tt.ArgumentError,
        "not for mode='nearest'",
    ),
    "both": (lambda: tt.interpolate(KNOWN, 3, 2), tt.ArgumentError, "either a size or a scale_factor"),
    "a scale": (lambda: tt.interpolate(KNOWN, scale_factor=0), tt.ArgumentError, "scale_factor is above 0"),
    "a line of a symbolic axis": (
        lambda: tt.interpolate(X, scale_factor=2, mode="bilinear"),
        tt.ShapeError,
        "mode='bilinear' needs to know how long an axis is: axis 2 of %x",
    ),
    "half of a symbolic axis": (
        lambda: tt.interpolate(X, scale_factor=0.5),
        tt.ShapeError,
        "becomes a whole number of times as long, not 0.5: axis 2 of %x",
    ),
    "channels": (
        lambda: tt.pixel_shuffle(KNOWN, 2),
        tt.ShapeError,
        re.escape("2 channels are no multiple of 2 * 2: axis 1 of %x"),
    ),
    "pixels": (lambda: tt.pixel_unshuffle(KNOWN, 2), tt.ShapeError, "3 x 4 is no multiple of 2: %x"),
    "columns": (
        lambda: tt.col2im(tt.input("c", (1, 8, 5)), (3, 3), 2),
        tt.ShapeError,
        "2 x 2 windows of .2, 2., and there are 5 columns: %c",
    ),
    "rows of columns": (
        lambda: tt.col2im(tt.input("c", (1, 7, 4)), (3, 3), 2),
        tt.ShapeError,
        r"col2im takes \[batch, channels \* 4, positions\]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_said(case):
    make, error, said = REFUSED[case]
    with pytest.raises(error, match=said):
        make()
